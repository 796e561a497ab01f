# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m equi2multi extract ..., the same as scripts/extract."""

import sys

from equi2multi import cli, device

if sys.argv[1:2] == ["nvjpeg"]:     # for scripts/check: where nvJPEG is, exit code 1 if there is none
    place = device.find_nvjpeg()
    print(place or "")
    sys.exit(place is None)
if sys.argv[1:2] != ["extract"]:
    sys.exit("usage: python3 -m equi2multi extract INPUT OUTDIR [options]")
cli.main("extract", sys.argv[2:])
