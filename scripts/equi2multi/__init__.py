# SPDX-License-Identifier: LGPL-2.1-or-later
"""A 360-degree video, or panoramas, become folders of ordinary pictures.

A run is a plan (frame number -> time or picture, plan.py) less what the journal
says is finished (journal.py).  One ffmpeg (command.py, run.py) with filter
equi2multi renders all views of a frame and writes them below OUT/.staging; from
there they are published to OUT/images, whole frames only.
"""

import contextlib
import os
import sys

# Exit codes.  1: wrong use or environment, nothing written or removed.  2: an error stopped the run, the same
# command goes on.  3: done, but some of the input was bad.  4: another run holds OUTDIR.
USAGE, FAILED, DAMAGED, BUSY, INTERRUPTED = 1, 2, 3, 4, 130


class Stop(Exception):
    """Ends the run with an exit code and one line for the user."""

    def __init__(self, code, line):
        super().__init__(" ".join(str(line).splitlines()))
        self.code = code


def say(text, end="\n"):
    with contextlib.suppress(OSError, ValueError):      # the terminal may be gone; the work goes on
        print(text, end=end, file=sys.stderr, flush=True)


def plural(number, thing):
    return f"{number} {thing}{'s' * (number != 1)}"


def ranges(numbers):
    """1, 2, 3, 5 -> '1-3, 5'"""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in runs)


def cause(error):
    """What an OSError says, in one line."""
    name = error.filename2 or error.filename        # of a rename, where to
    path = f"{os.fspath(name)}: " if isinstance(name, (str, os.PathLike)) else ""
    return path + (error.strerror or str(error) or type(error).__name__)
