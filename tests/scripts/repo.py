# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the tests are, and the ffmpeg that they test: that of scripts/equi2multi."""

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
STANDIN = REPO / "build/check/standin"      # a CUDA driver that is none: kernels run on the CPU, NVDEC is missing

sys.dont_write_bytecode = True
sys.path.insert(0, str(REPO / "scripts"))

from equi2multi import ffmpeg as tool     # noqa: E402

FFMPEG = tool.named()
FFPROBE = tool.probe_of(FFMPEG)
