# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which frames a run makes: decided once, by their times, before anything is decoded."""

import os
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, Optional

from . import USAGE, Stop, mp4, say
from .ffmpeg import query, url


HALF = Fraction(1, 2 * 10 ** 6)     # s


class Frame(NamedTuple):
    """A frame that is wanted."""
    number: int             # of its files
    key: int                # how it is recognised: see Plan.by
    pts: Optional[int]      # in the video's time base, None if it has none
    time: Optional[float]   # s from the start of the video
    file: Optional[str]     # of a picture
    name: str = ""          # of it, below the folder that has all of them


@dataclass
class Plan:
    """The frames that are wanted, in the order in which they are shown."""
    by: str                 # what a key is: "pts", "n" (place among what is decoded) or "file" (place in the listing)
    frames: list
    shown: list = field(default_factory=list)       # keys of all frames of the input
    packets: list = field(default_factory=list)     # [(pts, whether it is a key frame, whether it is not shown)] as decoded
    complaints: list = field(default_factory=list)  # about the file, found while its times were read

    @property
    def digits(self):
        return max(5, len(str(max((frame.number for frame in self.frames), default=0))))


@dataclass
class Choice:
    """Which frames are asked for."""
    start: Fraction = Fraction(0)           # s from the start of the video
    end: Optional[Fraction] = None
    fps: Optional[Fraction] = None
    every: int = 1
    keyframes: bool = False
    numbering: str = "sequential"


class Times:
    """When the frames of a video are shown, in ticks of its time base, from its packets."""

    def __init__(self, source, packets, unsure=""):
        self.base, self.complaints = source.time_base, []
        first_key = next((packet[0] for packet in packets if packet[2]), None)
        self.packets = [(pts, key, hidden) for pts, _, key, hidden in packets]
        packets = [packet for packet in packets if not packet[3]]
        pts = [packet[0] for packet in packets]
        dts = [packet[1] for packet in packets if packet[1] is not None]
        # Packets stand for frames that can be recognised by their pts; if not, arrival is all there is.
        packed = source.codec == "mpeg4" and "mp4" not in source.container      # AVI has two frames in a packet
        self.by = "n" if (unsure or packed or source.fields or source.codec == "vp8" or None in pts
                          or len(set(pts)) < len(pts) or dts != sorted(dts)) else "pts"
        if self.by == "pts":
            self.shown = sorted(pts)
            self.keyframes = sorted(packet[0] for packet in packets if packet[2])
            self.first_key = first_key
        else:       # the n-th one shown has about the n-th dts, or there is only the rate to go by
            self.keyframes, self.first_key = [], None
            step = 1 / (source.rate or 25) / source.time_base
            self.shown = onward(dts, step) if len(dts) == len(pts) else [round(i * step) for i in range(len(pts))]
        self.origin = self.find_origin(source)

    def find_origin(self, source):
        """Time 0 of --start: where the earliest track of the file begins."""
        first = self.shown[0] if self.shown else 0
        if source.start is None or self.by == "n":
            return first
        start = source.start / self.base
        return first if abs(start - first) * self.base < Fraction(2, 10 ** 6) else round(start)

    def leave_out_before(self, trial):
        """Pictures whose references the file does not have are never shown: those before the first that a trial got.

        If it met damage, the first key frame may be what is damaged; from there on all count.
        """
        if self.by == "pts":
            first = trial.key
            if trial.errors and self.first_key is not None:
                first = min(first, self.first_key)
            self.shown = [t for t in self.shown if t >= first]

    def choose(self, choice):
        """Places in shown of the frames asked for."""
        # half a microsecond is forgiven: times that players show are rounded
        begin = self.origin + (choice.start - HALF) / self.base
        end = None if choice.end is None else self.origin + (choice.end - HALF) / self.base
        places = [i for i, t in enumerate(self.shown) if t >= begin and (end is None or t < end)]
        if choice.keyframes:
            key = set(self.keyframes)
            places = [i for i in places if self.shown[i] in key]
        if choice.fps and places:
            places = self.nearest(places, choice.fps)
        return places[::choice.every]

    def nearest(self, places, fps):
        """Those nearest to instants 0, 1/fps, 2/fps ... after the first, each once; of two as near the earlier."""
        first = self.shown[places[0]]
        ticks = [self.shown[i] - first for i in places]
        middles = [a + b for a, b in zip(ticks, ticks[1:])]     # twice where one gives way to the next
        middles.append(2 * ticks[-1] + (ticks[-1] - ticks[-2] if ticks[1:] else 0))
        per = fps * self.base / 2
        instants = [middle * per.numerator // per.denominator for middle in middles]     # up to there
        return [i for i, now, before in zip(places, instants, [-1, *instants]) if now > before]

    def plan(self, choice, places=None):
        """places: in shown, if they are not the ones of the choice"""
        if choice.keyframes and self.by == "n":
            raise Stop(USAGE, "--keyframes: this input does not tell the times of its frames; use --every")
        frames = []
        for order, i in enumerate(self.choose(choice) if places is None else places, 1):
            pts = self.shown[i] if self.by == "pts" else None
            number = {"sequential": order, "source": i}.get(choice.numbering)
            if number is None:
                number = round(self.shown[i] * self.base * 10 ** 6)
            frames.append(Frame(number, i if pts is None else pts, pts,
                                round(float((self.shown[i] - self.origin) * self.base), 6), None))
        if choice.numbering == "pts" and frames:
            if self.by != "pts" or frames[0].number < 0 or len({f.number for f in frames}) < len(frames):
                raise Stop(USAGE, "--numbering pts: the frames of this input have no times that can be numbers")
        shown = self.shown if self.by == "pts" else list(range(len(self.shown)))
        packets = self.packets if self.by == "pts" and all(packet[0] is not None for packet in self.packets) else []
        return Plan(self.by, frames, shown, packets, self.complaints)


def onward(times, step):
    """Where they jump back, as in files put one behind the other, they go on after a step."""
    found, back = [], 0
    for time in times:
        if found and time + back < found[-1]:
            back = found[-1] + round(step) - time
        found.append(time + back)
    return found


def read_times(ffprobe, source, unsure=""):
    """The times of a video's frames: MP4's from its tables, all others by ffprobe, which reads the whole file.

    unsure: why the times of packets are not those of frames, if that has turned out.
    """
    if {"mp4", "mov"} & set(source.container.split(",")):
        try:
            packets, scale = mp4.packets(source.name, source.track)
            some, _ = probe_packets(ffprobe, source, ["-read_intervals", "%+#40"])
            if scale == 1 / source.time_base and agree(packets, some):
                return Times(source, packets, unsure)
        except mp4.Unknown:
            pass
    if os.path.getsize(source.name) > 1 << 30:
        say(f"extract: {source.name}: reading it once for the times of its frames")
    packets, log = probe_packets(ffprobe, source)
    times = Times(source, packets, unsure)
    times.complaints = list(dict.fromkeys(where + text for where, level, text in log if level in ("error", "fatal")
                                          and (not where or source.container in where)))     # no decoder's
    return times


def agree(packets, some):
    """Whether ffprobe's first packets are the same; those at the end it may not have read to the last one."""
    def known(packet):
        return packet[0], packet[2], packet[3]

    return bool(some) == bool(packets) and all(known(a) == known(b) for a, b in zip(packets, some))


def probe_packets(ffprobe, source, what=()):
    """([(pts, dts, whether it is a key frame, whether it is not shown)], ffprobe's log)"""
    out, log = query([ffprobe, "-hide_banner", "-loglevel", "level+error", "-of", "compact=p=0", "-select_streams",
                      str(source.stream), "-show_entries", "packet=pts,dts,size,flags", *what,
                      "-i", url(source.name)], source.name)
    packets = []
    for line in out.splitlines():
        values = dict(value.split("=", 1) for value in line.split("|") if "=" in value)
        if "flags" in values and values.get("size") != "0":
            pts, dts = (None if values.get(key, "N/A") == "N/A" else int(values[key]) for key in ("pts", "dts"))
            packets.append((pts, dts, "K" in values["flags"], "D" in values["flags"]))
    return packets, log


def plan_pictures(source, choice):
    """Bad ones have their numbers, too."""
    paths = source.paths()
    folder = os.path.commonpath(list(map(os.path.dirname, paths)))
    frames = [Frame(i + 1 if choice.numbering == "sequential" else place, place, None, None, paths[place],
                    os.path.relpath(paths[place], folder))
              for i, place in enumerate(range(0, len(paths), choice.every))]
    return Plan("file", frames, [frame.key for frame in frames])


def place_of(number, choice):
    """Where in the listing a picture of that number is."""
    return (number - 1) * choice.every if choice.numbering == "sequential" else number


def windows(plan, wanted):
    """[(first, last)] keys of runs of wanted frames (keys in order) that nothing else of the input comes between."""
    place = {key: i for i, key in enumerate(plan.shown)}
    found, last = [], None
    for key in wanted:
        if found and place[key] == last + 1:
            found[-1][1] = key
        else:
            found.append([key, key])
        last = place[key]
    return found


def expression(variable, runs):
    """One for filter select that is true inside of the runs: a binary tree, as a sum of terms may have 100 at most."""
    if not runs:
        return "0"
    if len(runs) == 1:
        (first, last), = runs
        return f"eq({variable},{first})" if first == last else f"between({variable},{first},{last})"
    middle = len(runs) // 2
    return (f"if(lt({variable},{runs[middle][0]}),{expression(variable, runs[:middle])},"
            f"{expression(variable, runs[middle:])})")
