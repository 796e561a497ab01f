# SPDX-License-Identifier: LGPL-2.1-or-later
"""What decodes, renders and encodes: the GPU where that works, and why not where it does not."""

import contextlib
import ctypes
import glob
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

from . import USAGE, Stop, command, system
from .ffmpeg import DECODING, graph_input, machine_trouble, parse_log
from .pictures import natural
from .source import HALF_TURN

# What frames of a pixel format are on the GPU: only those whose views are the CPU's, byte for byte.
UPLOADED = {"yuv420p12le": "p012le", "yuv422p12le": "p212le", "yuv444p12le": "yuv444p12msble",
            "yuv420p16le": "p016le", "yuv422p16le": "p216le", "gray": "yuv420p", "gray10le": "yuv420p10le",
            **dict.fromkeys("rgb24 bgr24 0rgb 0bgr argb abgr gbrp gbrap pal8".split(), "rgb0"),
            **{same: same for same in "yuv420p yuv422p yuv444p yuv420p10le yuv422p10le yuv444p10le yuv444p16le "
                                      "rgb0 bgr0 rgba bgra".split()}}
DECODED = {**UPLOADED, "yuv420p": "nv12", "yuv420p10le": "p010le", "yuv422p": "nv16", "yuv422p10le": "p210le",
           "yuv444p10le": "yuv444p10msble"}    # by NVDEC

TRIAL = 90      # s that a device may take for one frame: the first use of a GPU compiles kernels

# nvJPEG's versions that ffmpeg can use, and where it may be that the loader does not look: packages of this Python
# (NVIDIA's own and PyTorch's), CUDA.
NVJPEG = 13, 12, 11
NVJPEG_NAMES = "libnvjpeg.so.{}", "libnvjpeg[.-]*.so.{}*", "nvjpeg64_{}*.dll"
NVJPEG_FOLDERS = ([f"{folder}/{packages}" for folder in sys.path for packages in (
                       "nvidia/*/lib", "nvidia/*/bin", "nvidia/*/bin/x86_64", "torchvision.libs", "torchvision",
                       "torch/lib")]
                  + [f"{cuda}/{lib}" for cuda in ("/usr/local/cuda*", "/opt/cuda*")
                     for lib in ("lib64", "targets/*/lib")]
                  + [f"{glob.escape(os.environ['CUDA_PATH'])}/{lib}" for lib in ("bin", "bin/x64", "lib64")
                     if os.environ.get("CUDA_PATH")])


def loads(library):
    with contextlib.suppress(OSError):
        return bool(ctypes.CDLL(library))
    return False


def find_nvjpeg():
    """Where nvJPEG is: "" if ffmpeg finds it by itself, None if there is none."""
    if os.environ.get("NVJPEG_LIBRARY"):
        return ""
    for major in NVJPEG:
        if loads(f"libnvjpeg.so.{major}" if system.POSIX else f"nvjpeg64_{major}.dll"):
            return ""
    for major in NVJPEG:
        for folder in NVJPEG_FOLDERS:
            for name in NVJPEG_NAMES:
                for path in sorted(glob.glob(f"{folder}/{name.format(major)}"), key=natural, reverse=True):
                    if loads(path):
                        return path
    return None


@dataclass
class Device:
    """What decodes, renders and encodes."""
    words: str
    decode: list                                # ffmpeg's arguments for an input, but for the number of threads
    threads: int                                # that decode
    init: list = field(default_factory=list)    # ffmpeg's arguments that come first
    upload: list = field(default_factory=list)  # filters that bring frames to the GPU
    frames: str = ""                            # their pixel format there; none if the CPU renders
    nvjpeg: list = None                         # arguments for it, if that encodes; else None
    trial: "Trial" = None                       # what it did with the first frame

    def input(self, number=1):
        """ffmpeg's arguments for one of so many inputs."""
        return [*self.decode, "-threads", str(max(self.threads // number, 1))]


@dataclass
class Trial:
    """What a device did with the first frame."""
    makers: list                                # ffmpeg, decoder and encoder, with their versions
    sizes: list = field(default_factory=list)   # bytes of each view
    key: int = 0                                # the frame's pts
    said: list = field(default_factory=list)    # what the filter told
    errors: bool = False                        # the decoder met damage
    engines: int = 1                            # that the GPU has for such video
    why: str = ""                               # it failed


def gpus(args, source):
    """The ways to use a GPU for what is read, best first."""
    plain = source.pixels.replace("yuvj", "yuv").replace("yuva", "yuv")
    uploaded = UPLOADED.get(plain)
    if not uploaded:
        return
    gpu = ["-init_hw_device", "cuda=gpu" + args.device[4:], "-filter_hw_device", "gpu"]
    hwaccel = ["-hwaccel", "cuda", "-hwaccel_device", "gpu", "-hwaccel_output_format", "cuda"]
    place = find_nvjpeg() if args.format == "jpg" or source.codec == "mjpeg" else None
    nvjpeg = None if place is None else ["-library", place] if place else []
    encoders = [nvjpeg, None] if nvjpeg is not None and command.converted(args, source) else [None]
    if not source.is_pictures:      # with NVDEC, more threads take memory and nothing else
        for encode in encoders:
            yield Device("on GPU", hwaccel, 1, gpu, [], DECODED[plain], encode)
    elif nvjpeg is not None and source.codec == "mjpeg" and plain in ("yuv420p", "yuv422p", "yuv444p"):
        for encode in encoders:
            yield Device("on GPU", [*hwaccel, "-c:v", "mjpeg_nvjpeg", *nvjpeg], args.threads, gpu, [], plain, encode)
    upload = [f"format={uploaded}", "hwupload"]
    if uploaded != source.pixels:    # left alone, scale forgets the siting and makes limited range of full
        full = source.pixels.startswith(("yuvj", "gray"))
        siting = source.siting or "auto"
        upload.insert(0, f"scale=in_chroma_loc={siting}:out_chroma_loc={siting}" + ":out_range=full" * full)
    for encode in encoders:
        yield Device("on GPU, decoded on CPU", careful(source), args.threads, gpu, upload, uploaded, encode)


def on_cpu(args, source):
    return Device("on CPU", careful(source), args.threads)


def careful(source):
    """For software decoders: a picture that is damaged is refused, not concealed; checksums are looked at."""
    alone = source.is_pictures or source.codec in ("png", "mjpeg", "tiff")      # no frame is made of others
    detect = "+crccheck" * (source.codec in ("png", "hevc")) + "+explode" * alone
    return ["-err_detect", detect] if detect else []


def attempt(ffmpeg, args, source, device, views):
    """Try a device with the first frame."""
    filters = command.graph(args, source, device, views)
    line = command.trial(ffmpeg, args, source, device, filters, views)
    if not system.takes(line):
        raise Stop(USAGE, f"{views} views make a command that is too long for this system")
    try:
        run = subprocess.run(line, capture_output=True, timeout=TRIAL if device.frames else None,
                             input=graph_input(filters), **system.child())
    except subprocess.TimeoutExpired:
        return Trial([], why=f"no frame within {TRIAL} s")
    log, code = run.stderr.decode("utf-8", "replace"), system.status(run.returncode)
    lines = [parse_log(line) for line in log.splitlines()]
    found = Trial(makers(log, device), said=[text for where, level, text in lines
                                             if level in ("info", "warning") and "equi2multi" in where])
    engines = re.search(r"max_mb_count: \d+, engines: (\d+)", log)
    found.engines = max(int(engines[1]), 1) if engines and "-hwaccel" in device.decode else 1
    found.errors = any(level in ("error", "fatal") and DECODING.search(where) for where, level, _ in lines)
    for line in run.stdout.decode("utf-8", "replace").splitlines():
        size, found.key = map(int, line.split())
        found.sizes.append(size)
    trouble = machine_trouble("\n".join(text for _, level, text in lines if level in ("error", "fatal")), code)
    if code and trouble and not device.frames:
        raise Stop(USAGE, f"ffmpeg, trying a frame: {trouble}")
    if run.returncode or len(found.sizes) < views:
        found.why = why_not(log, device, source, code)
    return found


def makers(log, device):
    """ffmpeg's version, that of our patches included; decoder and encoder, with those of their libraries."""
    version = re.search(r"ffmpeg version (\S+)", log)
    decoder = re.search(r"Stream #0:\d+ \((\w+)\) -> ", log)
    encoder = re.search(r" -> Stream #0:0 \((\w+)\)", log)
    found = [match[1] if match else "unknown" for match in (version, decoder, encoder)]
    libraries = dict(re.findall(r"\[verbose\] (libjpeg-turbo|nvJPEG|libdav1d) (\S+)", log))
    for i, name in enumerate(found):
        library = {"libjpegturbo": "libjpeg-turbo", "mjpeg_nvjpeg": "nvJPEG", "libdav1d": "libdav1d"}.get(name)
        if library in libraries:
            found[i] = f"{name} ({library} {libraries[library]})"
    if "-hwaccel" in device.decode and "-c:v" not in device.decode:
        found[1] += " (NVDEC)"
    return found


def why_not(text, device, source, code):
    """What stopped a trial."""
    shorter = re.sub(r"\w+->(cu\w+)\(.*\) failed ->", r"\1:", text)
    lines = [line for line in map(parse_log, shorter.splitlines()) if line[1] in ("error", "fatal", "panic", "")]
    lines.append(("", "", f"exit code {code}"))
    log = "\n".join(text for _, _, text in lines)
    lacking = re.search("No such filter: '(.*)'|Unknown (?:de|en)coder '(.*)'", log)
    if lacking:
        return f"this ffmpeg has no {lacking[1] or lacking[2]}"
    if "init_hw_device" in log:
        return f"no NVIDIA GPU ({lines[0][2]})"
    for where, _, text in lines:
        if "nvjpeg" in where:
            return text
    # ffmpeg goes on without NVDEC when that refuses, and what it says then is not the cause
    refused = re.search("(.*)\nFailed setup for format cuda", log)
    if refused or "-hwaccel" in device.decode and "not CUDA frames" in log:
        return f"no NVDEC for {source.codec} {source.pixels}" + (f" ({refused[1]})" if refused else "")
    if device.frames:
        return max(lines, key=lambda line: "cuda" in f"{line}".lower())[2]
    undecoded = re.search(r"packets read.*; 0 frames decoded", text)
    word = r"\[(dec:|in#|vist#)" if undecoded else "equi2multi"     # or it speaks of an encoder that got nothing
    best = max(lines, key=lambda line: bool(re.search(word, line[0])))
    return best[2] if not undecoded or re.search(word, best[0]) else "no frame of it could be decoded"


def choose(ffmpeg, args, source, views):
    """The best device that works; its words say why it is no better one.

    If the CPU fails, too, the trial of what is returned says why.
    """
    ways, why = [], ""
    wanted = args.device.partition(":")[0]
    if source.turn not in ("", HALF_TURN):
        why = f"video to be {source.turn} is not for the GPU"
    elif wanted != "cpu":
        ways = list(gpus(args, source))
        why = "" if ways else f"no GPU format for {source.codec} {source.pixels}"
    for way in ways:
        if why.startswith("no NVDEC") and "-hwaccel" in way.decode:
            continue
        way.trial = attempt(ffmpeg, args, source, way, views)
        if not way.trial.why:
            way.words += f": {why}" if why else ""
            return way
        why = way.trial.why
        if why.startswith(("no NVIDIA GPU", "this ffmpeg has no")):
            break
    way = on_cpu(args, source)
    if wanted == "cuda" and not source.is_pictures:
        raise Stop(USAGE, f"--device {args.device}: {why}; use --device cpu or auto")
    way.trial = attempt(ffmpeg, args, source, way, views)
    if wanted == "cuda" and not way.trial.why:      # it is not for the picture
        raise Stop(USAGE, f"--device {args.device}: {why}; use --device cpu or auto")
    way.words += f": {why}" if why and wanted == "auto" else ""
    return way
