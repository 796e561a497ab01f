# SPDX-License-Identifier: LGPL-2.1-or-later
"""OUTDIR: one run at a time holds it, and only its own places are written to."""

import contextlib
import os
import re
import socket
import stat
import time

from . import BUSY, USAGE, Stop, cause, system
from .journal import entries

OURS = "equi2multi"         # how our locks begin
WAIT = 5                    # s for the ffmpeg of a killed run to end


def open_lock(path, flags=0):
    """The lock file, if there is one or may be one; it has to be ours."""
    flags |= os.O_RDWR | system.BINARY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    lock = os.open(path, flags, 0o666)
    text = os.read(lock, 200) if stat.S_ISREG(os.fstat(lock).st_mode) else b"?"
    if text.strip(b"\0") and not text.startswith(OURS.encode()):      # zeros: of a crash
        os.close(lock)
        raise Stop(USAGE, f"{path} is none of ours: move it away, or choose another OUTDIR")
    return lock, text.decode("ascii", "replace").split()


def running(owner):
    """Whether the run that wrote a lock is alive, as far as can be told."""
    return len(owner) < 3 or owner[2] != socket.gethostname() or system.alive(int(owner[1]))


def make_folders(folders, made):
    """Those that are not there, the last of which must not be a link; made: gets their names."""
    for folder in folders:
        if not os.path.isdir(folder) or folder == folders[-1] and os.path.islink(folder):
            made.append(folder)     # before: an interruption may come in between
            try:
                os.mkdir(folder)
            except OSError as error:
                made.pop()      # another run was faster, or something is in the way
                if not isinstance(error, FileExistsError) or not os.path.isdir(folder) or os.path.islink(folder):
                    raise


@contextlib.contextmanager
def claim(outdir):
    """Hold OUTDIR for this run; gives the lock, which ffmpeg is to inherit, so that it outlives a killed script."""
    made, staging = [], outdir / ".staging"
    path, lock = staging / "lock", None
    try:
        try:
            deadline = time.monotonic() + WAIT
            while lock is None:
                try:
                    make_folders([*reversed(outdir.parents), outdir, staging], made)
                    lock, owner = open_lock(path, os.O_CREAT)
                except FileNotFoundError:       # a run that has just ended took its folders along
                    if time.monotonic() > deadline:
                        raise
                    continue
                if not system.lock(lock):
                    os.close(lock)
                    lock = None
                    if running(owner) or time.monotonic() > deadline:
                        raise Stop(BUSY, f"{outdir}: another run is writing there")
                    time.sleep(.05)
                elif system.POSIX and not same(path, lock):     # it was that of a run that has just ended
                    os.close(lock)
                    lock = None
            with contextlib.suppress(OSError):      # a full disk is no reason not to go on
                os.ftruncate(lock, 0)
                os.lseek(lock, 0, os.SEEK_SET)
                os.write(lock, f"{OURS} {os.getpid()} {socket.gethostname()}\n".encode())
        except OSError as error:
            raise Stop(USAGE, f"OUTDIR {outdir}: {cause(error).replace(f'{outdir}: ', '', 1)}")
        yield lock
    finally:
        if lock is not None:
            if system.POSIX and same(path, lock):
                with contextlib.suppress(OSError):
                    path.unlink()
            os.close(lock)
            if not system.POSIX:
                with contextlib.suppress(OSError):
                    path.unlink()
        for folder in [staging, *reversed(made)]:
            with contextlib.suppress(OSError):      # not empty: stays
                os.rmdir(folder)


def same(path, descriptor):
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    return False


def refuse_if_held(outdir):
    """An early look at the lock, which changes nothing."""
    with contextlib.suppress(OSError):
        lock, owner = open_lock(outdir / ".staging" / "lock")
        held = not system.lock(lock)
        os.close(lock)
        if held and running(owner):
            raise Stop(BUSY, f"{outdir}: another run is writing there")


def check_places(outdir, folders):
    """Refuse links and other file systems below OUTDIR: nothing is written through them."""
    for path in [outdir / "manifest.jsonl", outdir / "images", *(outdir / "images" / folder for folder in folders)]:
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Stop(USAGE, cause(error))
        folder = path.name != "manifest.jsonl"
        if stat.S_ISLNK(found.st_mode):
            raise Stop(USAGE, f"{path} is a link: pictures are written to OUTDIR itself; make OUTDIR the link")
        if folder != stat.S_ISDIR(found.st_mode):
            raise Stop(USAGE, f"{path} is in the way: move it away, or choose another OUTDIR")
        if found.st_dev != os.stat(outdir).st_dev:
            raise Stop(USAGE, f"{path} is on another file system than OUTDIR, where pictures cannot be renamed to")


def check_names(layout, numbers, ours, known):
    """No name that is to be written may be taken, but by files that are ours.

    known: whether there is a manifest; without one, pictures like ours are those of an older version.
    """
    wanted = {layout.name(number) for number in numbers}
    for folder in [f.name for f in entries(layout.images)] if not known else []:
        if re.fullmatch(r"cam_\d+", folder):
            for entry in entries(layout.images / folder):
                if re.fullmatch(r"frame_\d+\.(jpg|png|tiff)", entry.name):
                    raise Stop(USAGE, f"{layout.images} has pictures that no manifest.jsonl lists (an older version "
                                      "wrote none): move them away, or choose another OUTDIR")
    for folder in layout.folders:
        for entry in entries(layout.images / folder):
            if entry.name in wanted and entry.path not in ours:
                raise Stop(USAGE, f"{entry.path} is none of our pictures: move it away, or choose another OUTDIR")
