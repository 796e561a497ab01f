# SPDX-License-Identifier: LGPL-2.1-or-later
"""What in OUTDIR is ours, and how a frame gets there whole or not at all.

OUT/manifest.jsonl is the journal.  Its first line says what the run is, each other line
that a frame is finished, with the sizes of its files: these files, and no others, are
ours.  A batch of frames is published in four steps: its files below OUT/.staging are
synced, their lines are appended to the manifest and synced, the files are renamed, the
reference camera's last, and what is left undone by a crash in between the next start
does first, as OUT/.staging/batch tells it where the files were.
"""

import contextlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from . import FAILED, USAGE, Stop, cause, system
from .pictures import BEGIN, ends_nowhere, whole

TOLD = "filter_complex", "read_intervals"       # options of a part that are too long for an argument
LAST = 4096                 # files, the newest ones, whose ends are looked at: two batches and more


# -- what is ours -------------------------------------------------------------

@dataclass
class Layout:
    """Where the files of a frame are."""
    images: Path
    folders: list       # one a view; the first one is the reference camera's
    digits: int
    end: str            # of names, without a dot

    def name(self, number):
        return f"frame_{number:0{self.digits}}.{self.end}"

    def paths(self, number):
        return [self.images / folder / self.name(number) for folder in self.folders]


def judge(path, size, end):
    """What is at a place where a file of ours of that size should be: ours, missing, torn or foreign."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return "missing"
    if not stat.S_ISREG(found.st_mode):
        return "foreign"
    if found.st_size == size:
        return "ours"
    return "torn" if found.st_size < size and ends_nowhere(path, end) else "foreign"


def foreign(path, size):
    return Stop(USAGE, f"{path} is not the file of {size} bytes that was written there: move it away (it is made again "
                       "then), or choose another OUTDIR")


@dataclass
class Manifest:
    """What a run has finished."""
    path: Path
    header: dict
    lines: dict = field(default_factory=dict)   # {number: line} of all frames that are settled
    sizes: dict = field(default_factory=dict)   # {number: bytes of each view's file}
    bad: dict = field(default_factory=dict)     # {number: (why, name of the picture)}
    damaged: list = field(default_factory=list) # numbers of frames that are used as far as they were decoded
    said: dict = field(default_factory=dict)    # {number: what decoders complained of before that frame}
    listed: dict = field(default_factory=dict)  # sizes as it was loaded: of files that may be there
    length: int = 0                             # bytes of the file that are whole lines
    torn: bool = False                          # there are others between or behind them
    sorted: bool = True                         # they are in the order of their numbers, each once

    @classmethod
    def load(cls, outdir):
        """That of an OUTDIR, or None."""
        path = outdir / "manifest.jsonl"
        try:
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Stop(USAGE, f"OUTDIR {outdir}: {cause(error)}")
        try:
            first, _, rest = data.partition(b"\n")
            manifest = cls(path, json.loads(first), length=len(first) + 1)
            if manifest.header["version"] > 1:
                raise Stop(USAGE, f"{path} is of a newer version of extract: use that, or choose another OUTDIR")
            if not sane(manifest.header):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Stop(USAGE, f"{path} is none of ours: move it away, or choose another OUTDIR")
        last = -1
        for line in map(bytes.strip, rest.split(b"\n")):
            try:
                number = manifest.settle(json.loads(line), line + b"\n")
            except (ValueError, KeyError, TypeError, RecursionError):
                continue    # torn by a crash, or of an editor
            manifest.sorted &= number > last
            manifest.length += len(line) + 1
            last = number
        manifest.torn = manifest.length != len(data)
        manifest.listed = dict(manifest.sizes)
        return manifest

    def layout(self):
        return Layout(self.path.parent / "images", self.header["cameras"], self.header["digits"],
                      self.header["format"])

    def settle(self, entry, line):
        number, sizes = entry["frame"], entry.get("sizes")
        if type(number) is not int or number < 0 or not isinstance(entry.get("bad", ""), str) or not all_text(
                entry.get("said", [])) or "bad" not in entry and not (
                len(sizes) == len(self.header["cameras"]) and all(type(size) is int for size in sizes)):
            raise ValueError
        self.forget(number)
        self.lines[number] = line
        if "bad" in entry:
            self.bad[number] = entry["bad"], entry.get("file")
        else:
            self.sizes[number] = sizes
            if entry.get("damaged"):
                self.damaged.append(number)
        if entry.get("said"):
            self.said[number] = entry["said"]
        return number

    def forget(self, number):
        """It is to be made again."""
        if self.lines.pop(number, None):
            self.sizes.pop(number, None)
            self.bad.pop(number, None)
            self.said.pop(number, None)
            self.damaged = [n for n in self.damaged if n != number]
            self.sorted = False

    def files(self):
        """[(path, size)] of all that is ours, the reference camera's first."""
        layout = self.layout()
        for number, sizes in self.sizes.items():
            yield from zip(layout.paths(number), sizes)

    def verify(self):
        """Forget frames of which a file is not there as it was; what is there instead must not be the user's."""
        layout, there = self.layout(), {}
        for folder in layout.folders:
            with contextlib.suppress(OSError):
                there[folder] = {entry.name: entry.stat(follow_symlinks=False) for entry in entries(layout.images / folder)}
        recent = set(sorted(self.sizes)[-max(LAST // len(layout.folders), 1):])
        for number, sizes in list(self.sizes.items()):
            name = layout.name(number)
            for folder, size in zip(layout.folders, sizes):
                found, path = there.get(folder, {}).get(name), layout.images / folder / name
                if found and stat.S_ISREG(found.st_mode) and found.st_size == size:
                    verdict = "ours" if number not in recent or whole(path, layout.end) else "torn"
                else:
                    verdict = judge(path, size, layout.end)
                if verdict == "foreign":
                    raise foreign(path, size)
                if verdict != "ours":
                    self.forget(number)
                    break

    def rewrite(self, staging):
        """Bring the file in order."""
        data = dump(self.header) + b"".join(self.lines[number] for number in sorted(self.lines))
        new = staging / "manifest"
        system.write(new, data)
        system.rename(new, self.path, replace=True)
        self.length, self.sorted, self.torn = len(data), True, False

    def append(self, lines):
        """Add lines, or nothing."""
        file = system.patiently(os.open, self.path, os.O_WRONLY | system.BINARY)
        try:
            os.ftruncate(file, self.length)     # what a crash or a full disk has left of a line
            os.lseek(file, self.length, os.SEEK_SET)
            data = b"".join(lines)
            try:
                system.put(file, data)
                os.fsync(file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, self.length)
                raise
            self.length += len(data)
        finally:
            os.close(file)


def all_text(values):
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def sane(header):
    """Whether this can be a header of ours, one that names no files elsewhere."""
    folders, digits, frames = header["cameras"], header["digits"], header["frames"]
    return (header["format"] in BEGIN and type(digits) is int and 0 < digits < 20
            and (frames is None or type(frames) is int) and all_text(header.get("complaints", []))
            and all_text(folders) and bool(folders) and len(set(folders)) == len(folders)
            and not any(os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name for name in folders))


def dump(entry):
    return json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def recover(staging, manifest):
    """Finish the renames of a batch that a crash has left."""
    try:
        batch = (staging / "batch").read_text().split("\n")[:-1]
    except FileNotFoundError:
        batch = []
    moves = []
    for line in batch if manifest else ():
        match = re.fullmatch(r"(\d+) (part_\d+) (\d+)", line)
        number, part, index = match.groups() if match else ("0", "", "")
        layout, sizes = manifest.layout(), manifest.sizes.get(int(number), [])
        for view, size in reversed(list(enumerate(sizes))):
            target = layout.paths(int(number))[view]
            source = staging / part / layout.folders[view] / f"{index}.{layout.end}"
            verdict = judge(target, size, layout.end)
            if judge(source, size, layout.end) == "ours" and verdict != "ours":
                if verdict == "foreign":
                    raise foreign(target, size)
                moves.append((source, target, verdict == "torn"))
    for source, target, replace in moves:
        os.makedirs(target.parent, exist_ok=True)
        system.rename(source, target, replace)
    sweep(staging)


# -- publishing ---------------------------------------------------------------

def sweep(staging):
    """Remove what runs leave below OUT/.staging: our own names only."""
    for part in entries(staging):
        if re.fullmatch(r"part_\d+", part.name) and part.is_dir(follow_symlinks=False):
            for folder in entries(part.path):
                if folder.is_dir(follow_symlinks=False):
                    for file in entries(folder.path):
                        if re.fullmatch(r"\d+\.\w+|stats", file.name):
                            system.unlink(file.path)
                    with contextlib.suppress(OSError):
                        os.rmdir(folder.path)
                elif folder.name in TOLD:
                    system.unlink(folder.path)
            with contextlib.suppress(OSError):
                os.rmdir(part.path)
        elif part.name in ("batch", "manifest") and part.is_file(follow_symlinks=False):
            system.unlink(part.path)


def entries(folder):
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


class Publisher:
    """Brings staged frames to images/."""

    def __init__(self, outdir, staging, manifest, old=None):
        self.outdir, self.staging = outdir, staging
        self.manifest, self.old = manifest, old     # old: what this run replaces
        self.layout = manifest.layout()
        self.begun = bool(manifest.length)
        self.made = []                  # folders
        self.pending = False            # renames are left to be done

    def begin(self):
        """Make room: the old result goes, the reference camera's file of a frame first, and its manifest last."""
        if self.old:
            layout = self.old.layout()
            for path, size in self.old.files():
                if judge(path, size, layout.end) in ("ours", "torn"):
                    system.unlink(path)
            for folder in set(layout.folders) - set(self.layout.folders):
                with contextlib.suppress(OSError):
                    os.rmdir(layout.images / folder)
        data = dump(self.manifest.header)
        system.write(self.staging / "manifest", data)
        system.rename(self.staging / "manifest", self.manifest.path, replace=bool(self.old))
        self.manifest.length, self.begun = len(data), True

    def publish(self, batch):
        """batch: [(entry of the manifest, (part, index) of its files or None for a bad one)], numbers ascending."""
        if not batch:
            return
        if not self.begun:
            if self.old and not any(place for _, place in batch):
                raise Stop(FAILED, f"stopped: no frame could be made ({batch[0][0]['bad']}); the old result stays")
            self.begin()
        if self.manifest.torn:
            self.manifest.rewrite(self.staging)
        staged = [(entry["frame"], *place) for entry, place in batch if place]
        for folder in [self.layout.images, *(self.layout.images / name for name in self.layout.folders)] * bool(staged):
            if not folder.is_dir():
                os.mkdir(folder)
                self.made.append(folder)
        system.write(self.staging / "batch", "".join(f"{number} {part} {index}\n" for number, part, index in staged).encode())
        system.sync(self.staging, [self.source(part, index, view) for _, part, index in staged
                                   for view in range(len(self.layout.folders))])
        self.pending = True
        lines = [dump(entry) for entry, _ in batch]
        self.manifest.append(lines)
        last = max(self.manifest.lines, default=0)
        for (entry, _), line in zip(batch, lines):
            self.manifest.settle(entry, line)
            self.manifest.sorted &= entry["frame"] > last
            last = entry["frame"]
        while staged:
            number, part, index = staged[0]
            for view, target in reversed(list(enumerate(self.layout.paths(number)))):
                try:
                    system.rename(self.source(part, index, view), target, self.replaces(number, view, target))
                except OSError as error:
                    for number, _, _ in staged:     # the next start will, or find that it cannot
                        self.manifest.forget(number)
                    if isinstance(error, FileExistsError):
                        raise Stop(FAILED, f"stopped: {target} is none of our pictures: move it away and run this again")
                    raise
            del staged[0]
        self.pending = False

    def to_go(self):
        """Bytes of the old result that are still there."""
        return sum(size for _, size in self.old.files()) if self.old and not self.begun else 0

    def replaces(self, number, view, target):
        """Whether what is at a target is what was listed there; a user's file may have come since that was looked at."""
        sizes = self.manifest.listed.get(number)
        return bool(sizes) and judge(target, sizes[view], self.layout.end) in ("ours", "torn")

    def source(self, part, index, view):
        return self.staging / part / self.layout.folders[view] / f"{index}.{self.layout.end}"

    def close(self):
        """Leave nothing behind that is not needed."""
        if not self.pending:
            with contextlib.suppress(OSError):
                sweep(self.staging)
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def difference(theirs, ours, keys):
    """The first of the keys in which two headers differ, in words, or an empty string."""
    for key in keys:
        if key == "frames" and None in (theirs.get(key), ours.get(key)):
            continue        # how many there are is known at the end only
        if theirs.get(key) != ours.get(key):
            if isinstance(ours.get(key), dict) and isinstance(theirs.get(key), dict):
                return key + " " + difference(theirs[key], ours[key], [*ours[key], *theirs[key]])
            return f"{key}: {show(theirs.get(key))} there, {show(ours.get(key))} here"
    return ""


def show(value):
    text = "none" if value is None else str(value)
    return text if len(text) < 60 else text[:55] + "[...]"
