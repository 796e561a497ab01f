# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which pictures INPUT names, and what their files say before anybody decodes them."""

import glob
import mmap
import os
import re
import stat
import struct
from dataclasses import dataclass

from . import cause

# What the files of an image sequence may be, and how each begins.
JPEG, PNG, TIFF = (b"\xff\xd8\xff",), (b"\x89PNG\r\n\x1a\n",), (b"II*\0", b"MM\0*")
MAGIC = {".jpg": JPEG, ".jpeg": JPEG, ".png": PNG, ".tif": TIFF, ".tiff": TIFF,
         ".webp": (b"RIFF",), ".exr": (b"v/1\x01",), ".dpx": (b"SDPX", b"XPDS")}
BEGIN = {"jpg": JPEG, "png": PNG, "tiff": TIFF[:1]}    # of those that we make
BIGTIFF = b"II+\0", b"MM\0+"

# Files of cameras that are no panoramas, and who makes some of them.
RAW = {".360": ("the two tracks of a GoPro camera", "GoPro Player"),
       ".insv": ("the two fisheyes of an Insta360 camera", "Insta360 Studio"),
       ".insp": ("the two fisheyes of an Insta360 camera", "Insta360 Studio"),
       ".osv": ("the two fisheyes of a DJI camera", "DJI Studio")}


def raw(name):
    """One line if a name is that of a camera's own file, else an empty string."""
    what, program = RAW.get(os.path.splitext(name)[1].lower(), ("", ""))
    return f"holds {what}, no panorama: export it as equirectangular from {program} first" if what else ""


def kind(path):
    return MAGIC.get(os.path.splitext(path)[1].lower())


def natural(path):
    """Sort key: img_9 before img_10."""
    return [int(s) if i % 2 else s.lower() for i, s in enumerate(re.split("([0-9]+)", path))], path


def usable(path):
    """Whether a name in a folder is that of a picture: no folder, pipe or device; a dangling link is a lost picture."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def find(name):
    """(pictures, lines about gaps in their numbers) that INPUT names, or None if it is a video."""
    folder, base = os.path.split(name)
    number = re.search(r"%(0[1-9])?d", base)
    if os.path.isfile(name):
        return ([name], []) if kind(name) else None
    if os.path.isdir(name):
        files = [entry.path for entry in os.scandir(name) if not entry.name.startswith(".")]
    elif number:
        return numbered(folder, base, number[0])
    else:
        files = glob.glob(name)
    return sorted((path for path in files if kind(path) and usable(path)), key=natural), []


def numbered(folder, base, number):
    """Those of a pattern such as img_%04d.jpg; what lacks between them is said, in a line for each gap."""
    pattern = re.compile(re.escape(base).replace(re.escape(number), "([0-9]+)", 1))
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []

    def path(i):
        return os.path.join(folder, base.replace(number, number % i, 1))

    found = {int(match[1]): match[0] for match in map(pattern.fullmatch, names) if match}
    ids = sorted(i for i in found if os.path.join(folder, found[i]) == path(i) and usable(path(i)))
    step = min((b - a for a, b in zip(ids, ids[1:])), default=1)
    gaps = []
    for a, b in zip(ids, ids[1:]):
        lost = (b - a - 1) // step      # as they would have been counted
        if 0 < lost < 5:
            gaps += [f"{path(a + i * step)}: missing" for i in range(1, lost + 1)]
        elif lost:
            gaps.append(f"{path(a + step)} to {path(a + lost * step)}: missing")
    return [path(i) for i in ids], gaps


@dataclass
class Header:
    """What the file of a picture says of it."""
    fault: str = ""         # why it cannot be used
    size: tuple = None      # width and height, None if this kind's are not read
    loses: tuple = ()       # what it has that its views do not get
    xmp: bytes = b""
    sphere: tuple = None    # see partial()


def read(path):
    """The header of a picture, with the fault if FFmpeg would stop silently or deliver a part of it."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Header("not a file")
            if not os.fstat(file.fileno()).st_size:
                return Header("empty")
            start = file.read(16)
            if kind(path) is TIFF and start.startswith(BIGTIFF):
                return Header("a BigTIFF, which FFmpeg cannot read: save it as TIFF")
            if not start.startswith(kind(path)):
                return Header("not what its name says")
            reader = {JPEG: read_jpeg, PNG: read_png, TIFF: read_tiff}.get(kind(path))
            if not reader:
                return Header()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                try:
                    header = reader(data)
                except (struct.error, IndexError):      # one that has its end is for the decoder to judge
                    header = Header("" if data[-2:] == b"\xff\xd9" else "cut short")
    except OSError as error:
        return Header(cause(error).replace(f"{path}: ", "", 1))
    fault, header.sphere = partial(header.xmp)
    header.fault = header.fault or fault
    return header


def read_jpeg(data):
    header, at = Header(), 2
    while True:
        if data[at] != 0xff:
            at += 1                 # between segments: decoders look for the next marker
            continue
        marker = data[at + 1]
        if marker in (0xff, 0) or 0xd0 <= marker <= 0xd8:
            at += 1 if marker == 0xff else 2
            continue
        if marker == 0xd9:
            return Header("no picture in it")
        length, = struct.unpack_from(">H", data, at + 2)
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
            header.size = struct.unpack_from(">HH", data, at + 5)[::-1]
        if marker == 0xe1 and data[at + 4:at + 32].startswith(b"http://ns.adobe.com/xap/1.0/"):
            header.xmp += data[at + 33:at + 2 + length]
        at += 2 + length
        if marker == 0xda:
            break
    if data.rfind(b"\xff\xd9", at) < 0:     # one before that would be a thumbnail's
        header.fault = "cut short"
    return header


def read_png(data):
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    header = Header(size=(width, height), loses=("alpha",) * (colour in (4, 6)) + ("16 bits",) * (depth == 16))
    at = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"iTXt" and data[at + 8:at + 26].startswith(b"XML:com.adobe.xmp\0"):
            header.xmp += data[at + 8:at + 8 + length]
        if name in (b"IDAT", b"IEND"):
            return header
        at += 12 + length


def read_tiff(data):
    order = "<" if data[:1] == b"I" else ">"
    first, = struct.unpack_from(order + "I", data, 4)
    count, = struct.unpack_from(order + "H", data, first)
    tags = {}
    for i in range(count):
        tag, form, number = struct.unpack_from(order + "HHI", data, first + 2 + 12 * i)
        size = number * {3: 2, 4: 4}.get(form, 1)
        at = first + 10 + 12 * i
        if size > 4:
            at, = struct.unpack_from(order + "I", data, at)
        tags[tag] = form, number, at

    def value(tag, default=0):
        form, _, at = tags.get(tag, (0, 0, 0))
        return struct.unpack_from(order + {3: "H", 4: "I"}[form], data, at)[0] if form in (3, 4) else default

    header = Header(size=(value(256), value(257)))
    if {322, 323, 324, 325} & tags.keys():
        header.fault = "a tiled TIFF, of which FFmpeg makes black: save it in strips (tiffcp -s)"
    elif value(259, 1) in (6, 7):
        header.fault = "a TIFF with JPEG in it, of which FFmpeg makes black: save it with LZW (tiffcp -c lzw)"
    header.loses = ("alpha",) * (338 in tags) + ("16 bits",) * (value(258, 1) == 16)
    if 700 in tags:
        _, number, at = tags[700]
        header.xmp = data[at:at + number]
    return header


def partial(xmp, scheme=b"GPano"):
    """What metadata (GPano, or that of spherical video, version 1) say of the sphere.

    (why it cannot be rendered, or ""; None or, if this is a part of it: its size, that of the sphere, where it begins)
    """
    values = dict(re.findall(scheme + rb":(\w+)\s*(?:=\s*[\"']|>)\s*([\w.+-]+)", xmp))

    def number(name):
        text = values.get(name, b"")
        return int(float(text)) if re.fullmatch(rb"[+-]?\d{1,9}(\.\d+)?", text) else None

    projection = values.get(b"ProjectionType", b"equirectangular").decode("ascii", "replace")
    if projection.lower() != "equirectangular":
        return f"its projection is {projection}, not equirectangular: convert it first (FFmpeg's v360 may do it)", None
    axes = []
    for size, whole, start in ((b"CroppedAreaImageWidthPixels", b"FullPanoWidthPixels", b"CroppedAreaLeftPixels"),
                               (b"CroppedAreaImageHeightPixels", b"FullPanoHeightPixels", b"CroppedAreaTopPixels")):
        size, whole, start = map(number, (size, whole, start))
        if not size or not whole or not 0 < size < whole:
            size = whole = size or whole or 1
        elif start is None:
            start = (whole - size) // 2
        if not 0 <= (start or 0) <= whole - size:
            return f"a part of a panorama, {size} of {whole} pixels from {start}: that is not inside", None
        axes.append((size, whole, start or 0))
    return "", None if all(size == whole for size, whole, _ in axes) else tuple(zip(*axes))


def place(sphere, size):
    """The filter's option for a part of the sphere whose size in pixels may be another one than it says."""
    if not sphere or not size:
        return ""
    whole, start = ([round(one * now / said) for one, said, now in zip(axis, sphere[0], size)] for axis in sphere[1:])
    whole = [max(one, begin + now) for one, begin, now in zip(whole, start, size)]
    return f"{whole[0]}x{whole[1]}+{start[0]}+{start[1]}"


# -- those that we make --------------------------------------------------------

def ends_nowhere(path, end):
    """Whether this can be what a crash has left of one of ours: it begins like that and ends nowhere, or is nothing."""
    with open(path, "rb") as file:
        data = file.read()
    if not data[:512].strip(b"\0"):
        return True
    open_end = {"jpg": b"\xff\xd9" not in data, "png": b"IEND" not in data,
                "tiff": int.from_bytes(data[4:8], "little") >= len(data)}
    return data.startswith(BEGIN[end]) and open_end[end]


def whole(path, end):
    """Whether a file of ours begins and ends as such."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        if end == "tiff":       # what is at its end says where all else is
            at = int.from_bytes(start[4:8], "little")
            file.seek(at)
            count = int.from_bytes(file.read(2), "little")
            return start.startswith(BEGIN[end]) and 8 <= at and 0 < count and at + 6 + 12 * count <= size
        file.seek(-min(size, 12), os.SEEK_END)
        tail = file.read()
    return start.startswith(BEGIN[end]) and tail.endswith(b"\xff\xd9" if end == "jpg" else b"IEND\xaeB`\x82")
