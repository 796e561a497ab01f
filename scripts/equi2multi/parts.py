# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of a video has to be read and decoded for the frames that are wanted, in parts for several decoders."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Optional

from .ffmpeg import query, url

GAP = 8         # packets between two intervals that are rather decoded than left out: a decoder is emptied there
LEAST = 32      # packets that are worth a decoder, unless the user wants so many
SAMPLES = 4     # key frames that are looked at


@dataclass
class Part:
    """Frames for a decoder."""
    frames: list                        # wanted, in the order of their times
    intervals: Optional[list] = None    # [[first, last]], places among the packets; None: all there is

    def text(self, plan, base):
        """ffmpeg's -read_intervals."""
        return spans(plan, base, self.intervals or ())


def spans(plan, base, intervals):
    return ",".join(f"{float(plan.packets[first][0] * base):.6f}%+#{last - first + 1}" for first, last in intervals)


class Cuts:
    """Where a video can be cut: at key frames.

    Pictures that are shown before a key frame and decoded after it, leading ones, need what is
    before it.  Decoders of HEVC leave them out where decoding begins; others complain about
    them, and one who reads that does not know whether a wanted frame is meant.
    """

    def __init__(self, plan, source):
        self.plan, self.source, self.packets = plan, source, plan.packets
        self.held = None
        times = [pts for pts, _, _ in self.packets]
        self.place = {pts: i for i, (pts, _, hidden) in enumerate(self.packets) if not hidden}
        number = Counter(times)
        self.keys = [i for i, (pts, key, _) in enumerate(self.packets) if key and number[pts] == 1]
        self.clean = []
        for key, end in zip(self.keys, [*self.keys[1:], len(self.packets)]):
            if not key or source.codec == "hevc" or all(times[i] > times[key] for i in range(key + 1, end)):
                self.clean.append(key)

    def start(self, frame, keys, back=0):
        """(place of the key frame, among those, that a frame can be decoded from, or None, its own place)"""
        at = self.place[frame.pts]
        i = bisect_right(keys, at) - 1
        while i >= 0 and self.packets[keys[i]][0] > frame.pts:
            i -= 1
        return (keys[max(i - back, 0)] if i >= 0 else None), at

    def part(self, frames):
        """What has to be decoded for these frames."""
        intervals = []
        for frame in frames:
            first, last = self.start(frame, self.clean)
            if first is None and not intervals:
                return Part(frames)
            if intervals and (first or 0) <= intervals[-1][1] + 1 + GAP:
                intervals[-1][1] = max(intervals[-1][1], last)
            else:
                intervals.append([first, last])
        return Part(frames, intervals)

    def split(self, frames, number, least=1):
        """Parts of about the same work."""
        ends, end, work, group = [], -1, 0, None
        for i, frame in enumerate(frames):
            first, last = self.start(frame, self.clean)
            if i and first not in (None, group):
                ends.append((work, i))
            group = first
            work += max(last - max(first or 0, end + 1) + 1, 0) + (GAP if (first or 0) > end + 1 + GAP else 0)
            end = max(end, last)
        number = max(min(number, work // least, len(ends) + 1), 1)
        cuts = [0]
        for k in range(1, number):
            later = [(abs(done - work * k / number), i) for done, i in ends if i > cuts[-1]]
            if later:
                cuts.append(min(later)[1])
        return [self.part(frames[a:b]) for a, b in zip(cuts, [*cuts[1:], len(frames)])]

    def rest(self, frames):
        """All from a little before the first of the frames on: the group before it has what it refers to."""
        first, _ = self.start(frames[0], self.keys, 1)
        return Part(frames, [[first, len(self.packets) - 1]] if first else None)

    def hold(self, ffprobe):
        """Whether there are pictures at the key frames: H.264 may be refreshed bit by bit, and have none to start with."""
        keys = self.keys[1:]
        if self.held is None and self.source.codec == "h264" and keys:
            some = spans(self.plan, self.source.time_base, [[key, key] for key in keys[::max(len(keys) // SAMPLES, 1)]])
            out, _ = query([ffprobe, "-v", "error", "-select_streams", str(self.source.stream), "-of", "csv=p=0", "-skip_frame",
                            "nokey", "-read_intervals", some, "-show_entries", "frame=pict_type", "-i", url(self.source.name)],
                           self.source.name)
            self.held = {line[:1] for line in out.split()} == {"I"}
        return self.held is not False


def find(plan, source):
    """Where a video can be cut, or None."""
    return Cuts(plan, source) if plan.by == "pts" and plan.packets else None
