# SPDX-License-Identifier: LGPL-2.1-or-later
"""Find ffmpeg, run it, quote for it, and read what it says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from . import USAGE, Stop, say, system

REPO = Path(__file__).resolve().parents[2]
DECODING = re.compile(r"\[(dec:|in#|vist#|h264|hevc|av1|libdav1d|vp\d|mpeg4|mjpeg|png|tiff|webp|exr|dpx|prores|ffv1)")
LOG_LINE = re.compile(r"((?:\[[^\]]+\] )*)\[(verbose|info|warning|error|fatal|panic)\] (.*)")


def named():
    """The ffmpeg that EQUI2MULTI_FFMPEG names, else the one that scripts/build makes."""
    return os.path.abspath(os.environ.get("EQUI2MULTI_FFMPEG") or REPO / "build/bin" / system.PROGRAM)


def probe_of(ffmpeg):
    """The ffprobe beside an ffmpeg."""
    folder, name = os.path.split(ffmpeg)
    return os.path.join(folder, name.replace("ffmpeg", "ffprobe"))


def find(build=True):
    """(ffmpeg, ffprobe) to use; ours is built if it is not there yet."""
    ffmpeg, ours = named(), not os.environ.get("EQUI2MULTI_FFMPEG")
    if ours and system.POSIX and not os.path.exists(ffmpeg):
        if not build:
            raise Stop(USAGE, "FFmpeg is not built yet: run scripts/build")
        if sys.stdin.isatty() and sys.stderr.isatty():
            say("FFmpeg with equi2multi is not built yet. Build it now, some minutes? [Y/n] ", end="")
            if sys.stdin.readline().strip().lower() not in ("", "y", "yes"):
                raise Stop(USAGE, "not built: run scripts/build, or set EQUI2MULTI_FFMPEG to an ffmpeg that has it")
        else:
            say("extract: FFmpeg is not built yet, running scripts/build")
        try:
            subprocess.run([REPO / "scripts/build"], stdout=sys.stderr, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Stop(USAGE, f"scripts/build: {error}")
    for tool in ffmpeg, probe_of(ffmpeg):
        if not os.access(tool, os.X_OK) or os.path.isdir(tool):
            raise Stop(USAGE, f"EQUI2MULTI_FFMPEG: no program {tool}" if not ours
                       else f"no program {tool}: set EQUI2MULTI_FFMPEG to an ffmpeg that has equi2multi")
    return ffmpeg, probe_of(ffmpeg)


def run(*args, level="warning", fails=False, data=None, env=None):
    """For tests and benchmarks: (output, log) of a run that must succeed, or fail without a crash; None: either."""
    command = [named(), "-v", level, "-nostdin" if data is None else "-y", *map(str, args)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=300, env=env)
    log = done.stderr.decode(errors="replace")
    if fails is not None and fails != (done.returncode != 0) or done.returncode < 0:
        raise AssertionError(f"{shlex.join(command)}: exit status {done.returncode}\n{log}")
    return done.stdout, log


def parse_log(line):
    """(where it came from, level, text) of a line logged with -loglevel level+..."""
    where, level, text = (LOG_LINE.match(line) or re.match("()()(.*)", line)).groups()
    return re.sub(r" @ (0x)?[0-9a-fA-F]+", "", where), level, text.strip()


def graph(filters):
    """ffmpeg's arguments for a filter graph: an argument may be too short for it, standard input is not."""
    return ["-filter_complex", filters] if len(filters) < system.LONGEST else ["-/filter_complex", "pipe:0"]


def graph_input(filters):
    """What goes to standard input then."""
    return filters.encode("utf-8", "surrogateescape") if len(filters) >= system.LONGEST else b""


def machine_trouble(text, code=0):
    """What says in a log that the machine has failed, not the input: memory, disk, limits, a killed process."""
    found = re.search("Cannot allocate memory|Resource temporarily unavailable|Too many open files|No space left on device|"
                      "Read-only file system|Disk quota exceeded", text)
    return found[0] if found else "ffmpeg was killed" * (code in (-9, -15))


def query(command, topic, prefer="", filters=""):
    """(output, log as parse_log has it) of a short-lived tool; if it fails, its first error is the reason given.

    prefer: a part of where the reason should come from; filters: that graph() may have left for standard input
    """
    try:
        done = subprocess.run(command, input=graph_input(filters), capture_output=True, **system.child())
    except OSError as error:
        raise Stop(USAGE, f"{command[0]}: {error.strerror}")
    log = [parse_log(line) for line in done.stderr.decode("utf-8", "replace").splitlines()]
    if done.returncode:
        errors = [(where, text) for where, level, text in log if level in ("error", "fatal") and text]
        errors.sort(key=lambda error: prefer not in error[0])
        raise Stop(USAGE, f"{topic}: {errors[0][1] if errors else f'exit code {system.status(done.returncode)}'}")
    return done.stdout.decode("utf-8", "surrogateescape"), log


def escape(value):
    """A filter option's value, escaped for the option parser and then for the graph parser."""
    return re.sub(r"[\\'\[\],;]", r"\\\g<0>", re.sub(r"[\\':]", r"\\\g<0>", str(value)))


def url(path):
    """A file for -i, whatever is in its name."""
    return f"file:{path}"


def pattern(path):
    """A folder or the like in the name of an image sequence, where % has a meaning."""
    return f"file:{path}".replace("%", "%%")
