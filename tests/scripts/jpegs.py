"""JPEGs for the tests of codecs: made, taken apart, put together. CUDA is the stand-ins', or with
EQUI2MULTI_GPU=1 a GPU's."""

import os
import struct
import subprocess
import unittest
import zlib
from pathlib import Path

from repo import FFMPEG, REPO, STANDIN, tool

ROOT = str(REPO)
GPU = bool(os.environ.get("EQUI2MULTI_GPU"))
DEVICE = "-init_hw_device", "cuda=gpu", "-filter_hw_device", "gpu"
ffmpeg = tool.run


def environment(**more):
    """In which there is CUDA."""
    return {**os.environ, **({} if GPU else {"LD_LIBRARY_PATH": str(STANDIN)}), **more}


def need_cuda():
    if not GPU and not (STANDIN / "libnvjpeg.so.13").exists():
        raise unittest.SkipTest(f"no stand-in: {ROOT}/tests/cuda/build")


def source(graph):
    return "-f", "lavfi", "-i", graph


def segments(data):
    """(marker, payload) of each segment up to SOS, which are all that there is."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
    at, found = 2, []
    while not found or found[-1][0] != 0xDA:
        assert data[at] == 0xFF
        size, = struct.unpack_from(">H", data, at + 2)
        found.append((data[at + 1], data[at + 4:at + 2 + size]))
        at += 2 + size
    return found


def payloads(data, marker, start=b""):
    return [p[len(start):] for m, p in segments(data) if m == marker and p.startswith(start)]


def splice(data, *parts):
    """A JPEG with segments behind SOI."""
    return data[:2] + b"".join(struct.pack(">BBH", 0xFF, m, 2 + len(p)) + p for m, p in parts) + data[2:]


def tiff(orientation=None, extra=b""):
    """EXIF: a model, perhaps an orientation, a focal length."""
    entries = [struct.pack("<HHI4s", 0x110, 2, 4, b"eye\0")]
    if orientation:
        entries.append(struct.pack("<HHII", 0x112, 3, 1, orientation))
    exif_ifd = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries.append(struct.pack("<HHII", 0x8769, 4, 1, exif_ifd))
    focal = struct.pack("<H HHII I II", 1, 0x920A, 5, 1, exif_ifd + 18, 0, 18, 1)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4) + focal + extra


def png(exif=b"", icc=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
            + (chunk(b"iCCP", b"profile\0\0" + zlib.compress(icc, 9)) if icc else b"")
            + (chunk(b"eXIf", exif) if exif else b"") + chunk(b"IDAT", zlib.compress(bytes(9 * 8))) + chunk(b"IEND", b""))


def build(program):
    """libjpegturbo.c, with the link line of one of FFmpeg's own test programs."""
    def make(*args):
        return subprocess.run(["make", "-C", f"{ROOT}/build/obj", *args], check=True, capture_output=True,
                              text=True).stdout
    make("-s", "libavfilter/tests/equi2multi")
    stub = "libavfilter/tests/equi2multi.o"
    line = next(line for line in make("-n", "-W", stub, "V=1", "libavfilter/tests/equi2multi").splitlines()
                if "-o libavfilter/tests/equi2multi " in line)
    cc = next(line[3:] for line in Path(ROOT, "build/obj/ffbuild/config.mak").read_text().splitlines()
              if line.startswith("CC="))
    line = line.replace("-o libavfilter/tests/equi2multi ", f"-o '{program}' ").replace(stub, f"'{program}.o'")
    subprocess.run(f"{cc} -g -O1 -std=c17 -I. -Isrc -Wall -c -o '{program}.o' '{ROOT}/tests/scripts/libjpegturbo.c' && "
                   f"{line} -L../deps/lib -ljpeg -Wl,--wrap=malloc,--wrap=realloc,--wrap=posix_memalign,--wrap=free",
                   shell=True, check=True, cwd=f"{ROOT}/build/obj")
