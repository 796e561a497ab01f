# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of scripts/extract share: running it, with the ffmpeg that it would use itself."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from repo import FFMPEG, FFPROBE, REPO, STANDIN, tool

EXTRACT = REPO / "scripts/extract"
CLIP = REPO / "tests/data/clip.mp4"
STREAMS = REPO / "tests/data/streams"
NO_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


def ffmpeg(*args):
    out, log = tool.run("-y", *args, level="error")
    if log:
        raise AssertionError(log)
    return out


def luma(picture):
    """Of a gray picture, as video has it."""
    data = ffmpeg("-i", f"file:{picture}", "-vf", "format=gray", "-f", "rawvideo", "-")
    return 16 + data[len(data) // 2] * 219 / 255


def rgb(picture):
    """The colour that readers of this picture see, as a mean over all pixels."""
    exactly = "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24"
    data = ffmpeg("-i", f"file:{picture}", "-vf", exactly, "-f", "rawvideo", "-")
    return [sum(data[i::3]) / len(data[i::3]) for i in range(3)]


def tree(out):
    """{path below images/: sha256}"""
    images = Path(out) / "images"
    return {str(p.relative_to(images)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(images.rglob("*")) if p.is_file()}


def numbers(out, camera=0):
    """Of one camera's pictures."""
    return [int(re.search(r"frame_(\d+)", name)[1]) for name in tree(out) if name.startswith(f"cam_{camera:02d}/")]


def view(out, camera=0):
    """Hashes of one camera's pictures, in order."""
    return [h for name, h in tree(out).items() if name.startswith(f"cam_{camera:02d}/")]


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="extract-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.clip = cls.shared / "clip.mov"      # 30 different frames, 10/s, HD colours tagged
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=256x128:r=10:d=3,setparams=colorspace=bt709:range=tv",
               "-c:v", "png", "-pix_fmt", "rgb24", "-movflags", "+faststart", cls.clip)

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(dir=self.shared))
        self.out = self.dir / "out"

    def start(self, *args, **options):
        options = {"env": {**NO_GPU, "EQUI2MULTI_FFMPEG": FFMPEG}, "cwd": self.dir,
                   "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([sys.executable, EXTRACT, *map(str, args)], text=True, **options)

    def extract(self, *args, code=0, **options):
        run = self.start(*args, **options)
        stdout, stderr = run.communicate()
        if code is not None:
            self.assertEqual(run.returncode, code, stderr)
        self.assertNotIn("Traceback", stderr)
        return stdout if "--dry-run" in args else stderr

    def refused(self, *args, line, code=1, **options):
        """It says one line that matches, and writes nothing."""
        before = sorted(self.dir.rglob("*"))
        said = self.extract(*args, code=code, **options)
        self.assertRegex(said, rf"^extract: .*{line}.*\n$")
        self.assertEqual(sorted(self.dir.rglob("*")), before)


def run():
    """For the last lines of a test program."""
    if not os.access(FFMPEG, os.X_OK):
        sys.exit(f"{sys.argv[0]}: no {FFMPEG}: run scripts/build")
    unittest.main()
