# SPDX-License-Identifier: LGPL-2.1-or-later
"""When the frames of an MP4 or MOV file are shown, from its own tables.

ffprobe tells the same, but reads all of the file for it: 67 GB for an hour of
8K.  What these tables mean is what FFmpeg's demuxer makes of them (mov.c), for
by its times frames are recognised.  Files that hold something else than is
known here are left to ffprobe.
"""

import struct
from array import array
from bisect import bisect_right

MOST = 1 << 30      # bytes of tables that are taken into memory
V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")      # the uuid of a box with spherical XML, version 1


class Unknown(Exception):
    """The file is none of those that are understood here."""


def boxes(data, start=0, end=None):
    """(type, where its content starts, where it ends) of each box in a part of the data."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1:
            size, = struct.unpack_from(">Q", data, content)
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start or start + size > end:
            raise Unknown(f"a box of {size} bytes")
        yield kind, content, start + size
        start += size


def read_moov(file):
    """The content of the box moov of an open file."""
    file.seek(0, 2)
    end, at, moov = file.tell(), 0, None
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, = struct.unpack(">Q", file.read(8))
            header = 16
        elif size == 0:
            size = end - at
        if size < header or not at and kind not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
            raise Unknown("no boxes")
        if kind == b"moof":
            raise Unknown("fragments")
        if kind == b"moov":
            if moov is not None or size > MOST or at + size > end:
                raise Unknown("boxes moov")
            moov = file.read(size - header)
        at += size
    if moov is None:
        raise Unknown("no moov")
    return moov


def find(data, span, *path):
    """Content of the only box at a path of types, as (start, end), or None."""
    for kind in path:
        found = [(start, end) for name, start, end in boxes(data, *span) if name == kind]
        if len(found) > 1:
            raise Unknown(f"{len(found)} boxes {kind}")
        if not found:
            return None
        span = found[0]
    return span


def table(data, span, form, skip=4):
    """Entries of a box that counts them: a list of what struct's form names; skip: bytes before the count."""
    if span is None:
        return []
    start, end = span
    count, = struct.unpack_from(">I", data, start + skip)
    size = struct.calcsize(">" + form)
    if start + skip + 4 + count * size > end:
        raise Unknown("a table that is cut short")
    entries = struct.iter_unpack(">" + form, memoryview(data)[start + skip + 4:start + skip + 4 + count * size])
    return [entry[0] for entry in entries] if len(form) == 1 else list(entries)


def timescale(data, span):
    start, _ = span
    return struct.unpack_from(">I", data, start + (20 if data[start] else 12))[0]


def tracks(data):
    """{track id: where its trak is}"""
    found = {}
    for kind, *span in boxes(data):
        if kind == b"mvex":
            raise Unknown("fragments")
        if kind == b"trak":
            start, _ = find(data, span, b"tkhd") or [None] * 2
            if start is None:
                raise Unknown("a track without a header")
            found[struct.unpack_from(">I", data, start + (20 if data[start] else 12))[0]] = span
            # without samples in any track, FFmpeg takes the file for fragments, and edit lists otherwise
            if not table(data, find(data, span, b"mdia", b"minf", b"stbl", b"stts"), "II"):
                raise Unknown("a track without samples")
    return found


def edits(data, trak, scale):
    """[(start in the track or -1 for nothing, duration)], both in the track's time base."""
    span = find(data, trak, b"edts", b"elst")
    whole = find(data, None or (0, len(data)), b"mvhd")
    if span is None:
        return []
    entries = table(data, span, "Qqi" if data[span[0]] else "Iii")
    movie = timescale(data, whole) if whole else 0
    if not movie:
        raise Unknown("edits without a time base")
    return [(time, (duration * scale * 2 + movie) // (2 * movie)) for duration, time, _ in entries]


def sample_count(data, stbl):
    """Samples that have a size and a place."""
    span = find(data, stbl, b"stsz")
    chunks = find(data, stbl, b"stco") or find(data, stbl, b"co64")
    if span is None or chunks is None:
        raise Unknown("no sizes or places of samples")
    size, count = struct.unpack_from(">II", data, span[0] + 4)
    if not size and 0 in table(data, span, "I", 8):
        raise Unknown("samples of no bytes")
    chunks, = struct.unpack_from(">I", data, chunks[0] + 4)
    runs = table(data, find(data, stbl, b"stsc"), "III")
    if len({entry for _, _, entry in runs}) != 1:
        raise Unknown("several sample descriptions")
    ends = [first for first, _, _ in runs[1:]] + [chunks + 1]
    return min(count, sum((end - first) * samples for (first, samples, _), end in zip(runs, ends)))


class Track:
    """Of each sample in the order of decoding: dts, pts less dts, and whether it is a key frame."""

    def __init__(self, data, trak):
        media = find(data, trak, b"mdia", b"mdhd")
        stbl = find(data, trak, b"mdia", b"minf", b"stbl")
        self.scale = timescale(data, media)
        if not self.scale:
            raise Unknown("no time base")
        if any(kind in (b"sgpd", b"sbgp") and data[start + 4:start + 8] in (b"rap ", b"sync")
               for kind, start, _ in boxes(data, *stbl)):
            raise Unknown("groups of samples")
        count = sample_count(data, stbl)
        offsets = [(n, offset) for n, offset in table(data, find(data, stbl, b"ctts"), "ii") if n > 0]
        # dts move back so far that no pts is before its own; the last two entries do not count
        self.shift = max((-offset for _, offset in offsets[:-2]), default=0)
        self.shift = max(self.shift, 0)
        self.reorders = bool(offsets)
        self.offset = self.expand(offsets, count, 0)
        self.dts = array("q")
        at = -self.shift
        durations = table(data, find(data, stbl, b"stts"), "II")
        for duration in self.expand(durations, count, durations[-1][1]):
            if duration > 0xffffffff - 480000:
                raise Unknown("negative durations")
            self.dts.append(at)
            at += duration
        self.key = self.keys(data, stbl, count)
        self.edits = edits(data, trak, self.scale)

    @staticmethod
    def expand(runs, count, rest):
        """One value a sample from (number, value) runs."""
        values = array("q")
        for number, value in runs:
            values.extend([value] * min(number, count - len(values)))
        values.extend([rest] * (count - len(values)))
        return values

    @staticmethod
    def keys(data, stbl, count):
        listed = find(data, stbl, b"stss")
        if listed is None:
            return bytearray(b"\1") * count
        numbers = table(data, listed, "I") + table(data, find(data, stbl, b"stps"), "I")
        if not numbers:
            raise Unknown("no key frames")
        key = bytearray(count)
        first = 1 if min(numbers) > 0 else 0
        for number in numbers:
            if number - first < count:
                key[number - first] = 1
        return key

    def start_of_edit(self, time):
        """The sample with which decoding starts for an edit from this time on."""
        time -= self.shift
        last = at = bisect_right(self.dts, time) - 1
        while at >= 0 and not (self.key[at] and (not self.reorders or self.dts[at] + self.offset[at] <= time)):
            at -= 1
        if at < 0 and not self.reorders:    # no key frame before it
            at = last
        while at > 0 and not self.reorders and self.dts[at - 1] == self.dts[at] and (
                self.key[at - 1] or not self.key[at]):
            at -= 1
        return max(at, 0)

    def packets(self):
        """[(pts, dts, whether it is a key frame, whether it is not shown)], as FFmpeg's demuxer gives them."""
        reordered = self.shift if self.reorders else 0
        if not self.edits:
            return [(dts + offset + reordered, dts, bool(key), False)
                    for dts, offset, key in zip(self.dts, self.offset, self.key)]
        found, end, empty, lowest, begun = [], -self.shift, 0, -1, False
        count = len(self.dts)
        for time, length in self.edits:
            clock = end
            end += length
            if time == -1 and not begun:
                empty += length
                continue
            begun, entered, early, waited = True, False, [], False
            for i in range(self.start_of_edit(time), count):
                duration = self.dts[i + 1] - self.dts[i] if i + 1 < count else length
                shown = self.dts[i] + self.shift + self.offset[i]
                hidden = not time <= shown < time + length
                if hidden and not entered:
                    early.append(duration)
                elif not hidden:
                    pts = clock + self.offset[i] + self.shift
                    lowest = pts if lowest < 0 else min(lowest, pts)
                    if not entered:     # those before it get times that lead up to it
                        before = clock
                        for back, gap in enumerate(reversed(early), 1):
                            before -= gap
                            found[-back][1] = before
                    entered = True
                found.append([i, clock, hidden])
                if entered:
                    clock += duration
                if shown + duration >= time + length and self.key[i]:
                    # pictures that follow this one and are shown before it may still belong to the edit
                    if waited or not self.reorders:
                        break
                    waited = True
        back = max(lowest - empty, 0)       # the first one shown is at 0, or at the delay
        return [(clock - back + self.offset[i] + reordered, clock - back, bool(self.key[i]), hidden)
                for i, clock, hidden in found]


def packets(path, track):
    """The packets of a track (by its id), and its time base as ticks a second; raises Unknown."""
    try:
        with open(path, "rb") as file:
            data = read_moov(file)
        found = tracks(data)
        if track not in found:
            raise Unknown("no such track")
        track = Track(data, found[track])
        return track.packets(), track.scale
    except (struct.error, IndexError, TypeError, ValueError, OverflowError) as error:
        raise Unknown(str(error)) from error


def spherical_xml(path):
    """The XML of spherical video, version 1, that a file has, or an empty string."""
    try:
        with open(path, "rb") as file:
            data = read_moov(file)
        for kind, *trak in boxes(data):
            for name, start, end in boxes(data, *trak) if kind == b"trak" else ():
                if name == b"uuid" and data[start:start + 16] == V1:
                    return data[start + 16:end].decode("utf-8", "replace")
    except (Unknown, OSError, struct.error):
        pass
    return ""
