# SPDX-License-Identifier: LGPL-2.1-or-later
"""--rotations FILE: a rotation of the rig for each moment, from whatever has measured them, for filter equi2multi."""

import hashlib
import math
import os
import re
from bisect import bisect_right

from . import USAGE, Stop
from .source import HALF_TURN

COLUMNS = {"time": ("time", 1), "seconds": ("time", 1), "timestamp": ("time", 1), "time_ms": ("time", 1e-3),
           "timestamp_ms": ("time", 1e-3), "pts": ("pts", 1), "frame": ("frame", 1)}
QUATERNION = (("w", "x", "y", "z"), ("qw", "qx", "qy", "qz"))


class Rotations:
    """Moments, later and later, and unit quaternions w x y z: how the rig is turned in the panorama's frame."""

    def __init__(self, name):
        self.name = name
        if not os.path.isfile(name):
            raise Stop(USAGE, f"--rotations {name}: no such file")
        try:
            with open(name, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Stop(USAGE, f"--rotations {name}: {error.strerror}")
        self.digest = hashlib.sha256(data).hexdigest()
        self.by, self.knots, self.plan, self.timed = None, [], None, []
        self.read(data.decode("utf-8-sig", "replace").splitlines())

    def read(self, lines):
        scale, columns, whole = 1, range(5), True
        for number, line in enumerate(lines, 1):
            words = [word for word in re.split(r"[\s,;]+", line.strip()) if word]
            if not words or words[0].startswith("#"):
                continue
            if not self.knots and re.match("[a-z_]", words[0], re.I):
                scale, columns = self.header(number, [word.lower() for word in words])
                continue
            try:
                at, *quaternion = (float(words[column]) for column in columns)
                norm = math.hypot(*quaternion)
                if not (math.isfinite(at) and 1e-6 < norm < 1e6) or self.knots and at * scale <= self.knots[-1][0]:
                    raise ValueError
            except (ValueError, IndexError):
                raise Stop(USAGE, f"--rotations {self.name}: line {number} is '{line.strip()[:60]}'; a moment later than the "
                                  "one before, and a quaternion w x y z are needed")
            whole = whole and words[columns[0]].isdigit()
            self.knots.append((at * scale, [part / norm for part in quaternion]))
        if not self.knots:
            raise Stop(USAGE, f"--rotations {self.name}: nothing in it; lines 'FRAME w x y z' are needed")
        self.moments = [moment for moment, _ in self.knots]
        self.guessed = not self.by
        self.by = self.by or ("frame" if whole else "time")

    def header(self, number, words):
        """(scale of the moments, their column and those of the quaternion), by their names."""
        moment = next((word for word in words if word in COLUMNS), None)
        parts = next((names for names in QUATERNION if set(names) <= set(words)), None)
        if not moment or not parts:
            raise Stop(USAGE, f"--rotations {self.name}: line {number} names the columns, but not those that are needed: "
                              f"one of {' '.join(COLUMNS)}, and w x y z")
        self.by, scale = COLUMNS[moment]
        return scale, [words.index(name) for name in (moment, *parts)]

    def at(self, moment):
        """The rotation at a moment: on the shorter great circle between its neighbours, beyond the ends that of the end."""
        i = bisect_right(self.moments, moment)
        if i in (0, len(self.knots)):
            return self.knots[max(i - 1, 0)][1]
        (before, a), (after, b) = self.knots[i - 1:i + 1]
        far, cosine = (moment - before) / (after - before), sum(map(float.__mul__, a, b))
        b = [part if cosine >= 0 else -part for part in b]
        angle = 2 * math.atan2(math.dist(a, b), math.hypot(*map(float.__add__, a, b)))
        near, far = ((math.sin((1 - far) * angle) / math.sin(angle), math.sin(far * angle) / math.sin(angle))
                     if angle > 1e-9 else (1 - far, far))
        return [near * part + far * other for part, other in zip(a, b)]

    def refuse(self, source, plan):
        """Frames that cannot be recognised."""
        if source.is_pictures and self.by in ("time", "pts"):
            raise Stop(USAGE, f"--rotations {self.name}: is by {self.by}, and {source.name} is pictures, which have none; "
                              "name the column 'frame', counted from 0")
        last = max(source.files) if source.is_pictures else len(plan.shown) - 1
        if self.guessed and self.by == "frame" and len(self.moments) > 1 and self.moments[1] > last:
            raise Stop(USAGE, f"--rotations {self.name}: whole numbers are frames, and there is none from 1 to {last}; if they "
                              "are something else, name the columns in the first line: pts w x y z")
        if plan.by == "n":
            raise Stop(USAGE, f"--rotations {self.name}: the frames of {source.name} have no times of their own")

    def option(self, source, plan, frames):
        """What the filter takes, for frames that come at their own times, or as 25 pictures a second."""
        if source.is_pictures:
            knots = [(i / 25, self.at(frame.key)) for i, frame in enumerate(frames)]
        else:
            if self.plan is not plan:       # parts have it in common
                self.plan = plan
                self.timed = [(self.seconds(moment, source, plan), rotation) for moment, rotation in self.knots]
            first, last = (float(frames[i].pts * source.time_base) for i in (0, -1))
            moments = [moment for moment, _ in self.timed]
            knots = self.timed[max(bisect_right(moments, first) - 1, 0):bisect_right(moments, last) + 1]
        if source.turn == HALF_TURN:    # as rig.options() does of angles
            knots = [(moment, (-z, -y, x, w)) for moment, (w, x, y, z) in knots]
        return "".join(f"{moment:.9f} {w:.15g} {x:.15g} {y:.15g} {z:.15g}\n" for moment, (w, x, y, z) in knots)

    def seconds(self, moment, source, plan):
        """A moment on the clock of the frames."""
        base = source.time_base
        if self.by == "pts":
            return float(moment * base)
        if self.by == "frame":
            last = len(plan.shown) - 1
            whole = min(max(math.floor(moment), 0), max(last - 1, 0))
            ends = [float(plan.shown[min(i, last)] * base) for i in (whole, whole + 1)]
            return ends[0] + (moment - whole) * ((ends[1] - ends[0]) or float(1 / (source.rate or 25)))
        first = next(iter(plan.frames), None)
        return moment + (float(first.pts * base) - first.time if first else 0)
