# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one decoder's frames become: files below OUT/.staging, and what ffmpeg reports of them."""

import contextlib
import os
from collections import deque

from . import FAILED, Stop, system
from .command import STATS


class Report:
    """What an output of ffmpeg tells of its files: a line with number, size and key, before each is written."""

    def __init__(self, folder, end):
        self.folder, self.end = folder, end
        self.path, self.offset, self.rest = folder / STATS, 0, b""
        self.lines = deque()        # (size, key) of files that nobody has asked for yet
        self.taken = self.begun = 0     # files that somebody has; that the disk knows of

    def read(self):
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
            self.offset += len(data)
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                try:
                    number, size, key = map(int, line.split())
                except ValueError:
                    number = None
                if number != self.taken + len(self.lines):      # a full disk does not stop ffmpeg here
                    raise Stop(FAILED, f"stopped: {self.path} lacks a line")
                self.lines.append((size, key))
        return len(self.lines)

    def write_back(self):
        """Have the disk begin with the files that are closed."""
        self.begun = max(self.begun, self.taken)
        while self.begun < self.taken + len(self.lines) - 1:
            self.begun += 1
            with contextlib.suppress(OSError):
                if not system.write_back(self.file(self.begun)):
                    self.begun = float("inf")

    def file(self, index):
        return self.folder / f"{index}.{self.end}"

    def complete(self, ended):
        """How many files are whole: a line says that the file before is closed; at the end, its size does."""
        count = len(self.lines)
        if count:
            with contextlib.suppress(OSError):
                if ended and os.stat(self.file(self.taken + count)).st_size == self.lines[-1][0]:
                    return count
            return count - 1
        return 0

    def take(self):
        self.taken += 1
        return self.lines.popleft()


class Stage:
    """A part of the plan: frames that one decoder makes, below a folder of OUT/.staging."""

    def __init__(self, folder, layout, todo, places):
        self.name, self.folder = folder.name, folder
        self.todo, self.places = todo, places       # frames; {what the reports call a frame: its place in todo}
        self.next, self.waiting = 0, deque()        # place of the frame that is next; frames that are whole
        for camera in layout.folders:
            os.mkdir(folder / camera)
        self.reports = [Report(folder / camera, layout.end) for camera in layout.folders]

    def collect(self, ended):
        """Move what is whole in all views to waiting; the keys of frames that nobody asked for."""
        strangers = []
        for _ in range(min(report.complete(ended) for report in self.reports)):
            lines = [report.take() for report in self.reports]
            keys = {key for _, key in lines}
            if len(keys) > 1:
                raise Stop(FAILED, f"stopped: the views do not agree on their frame {self.reports[0].taken}")
            key = keys.pop()
            place = self.places.get(key)
            if place is None:
                strangers.append(key)
            elif place >= self.next and all(place != other for other, *_ in self.waiting):      # else it comes twice
                self.waiting.append((place, (self.name, self.reports[0].taken), [size for size, _ in lines]))
        return strangers

    def make_room(self):
        """Remove the files that are not published."""
        for report in self.reports:
            first = min([index for _, (_, index), _ in self.waiting], default=report.taken + 1)
            for index in range(first, report.taken + len(report.lines) + 1):
                with contextlib.suppress(OSError):
                    os.unlink(report.file(index))
