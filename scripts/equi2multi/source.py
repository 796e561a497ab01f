# SPDX-License-Identifier: LGPL-2.1-or-later
"""What INPUT is, what is wrong with it, and how to tell whether it is still the same."""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from fractions import Fraction

from . import USAGE, Stop, cause, mp4, pictures
from .ffmpeg import query, url

HALF_TURN = "turned by 180 degrees"    # how to show a video that is stored upside down

ENTRIES = ("stream=index,id,codec_name,width,height,pix_fmt,color_space,color_transfer,chroma_location,field_order,"
           "avg_frame_rate,nb_frames,duration,time_base:format=format_name,start_time,duration:"
           "stream_side_data=displaymatrix,rotation")


@dataclass
class Source:
    """What is read, and what is known about it."""
    name: str
    listing: tuple = None               # of pictures (paths, lines about gaps); None for a video
    identity: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)   # {place in the listing: path} of pictures that are fit to be tried
    bad: dict = field(default_factory=dict)     # {place: why} of those that are not
    first: int = 0                      # place of the picture that was looked into
    sizes: dict = field(default_factory=dict)   # {place: width and height, or None}
    loses: set = field(default_factory=set)     # what the views do not get
    notes: list = field(default_factory=list)   # what the user should know, a line each
    stream: int = 0                     # index of the video track
    track: int = 0                      # its number in the container
    width: int = 0
    height: int = 0
    rate: Fraction = Fraction(0)        # frames/s, 0 = unknown
    time_base: Fraction = Fraction(1, 25)
    start: Fraction = None              # s, of the earliest track; None = unknown
    duration: float = 0.0               # s, 0 = unknown
    container: str = ""                 # FFmpeg's names of it
    fields: bool = False                # interlaced: there may be two packets a frame
    untagged: bool = False              # HD and names no colour matrix
    codec: str = ""
    pixels: str = ""                    # pixel format
    siting: str = ""                    # of chroma, "" = unknown
    turn: str = ""                      # how a video is to be shown: HALF_TURN, ...
    sphere: str = ""                    # what part of the sphere it shows, if metadata say so: the filter's option

    @property
    def is_pictures(self):
        return self.listing is not None

    def leave_out(self, place, why):
        """A picture turns out to be unfit."""
        self.bad[place] = why
        del self.files[place]

    def paths(self):
        """All files that are read."""
        return [os.path.abspath(path) for path in (self.listing[0] if self.is_pictures else [self.name])]


def open_source(name):
    """Find what INPUT names, without looking into it."""
    try:
        raw = pictures.raw(name)
        if os.path.isdir(name):
            raw = next(filter(None, map(pictures.raw, sorted(os.listdir(name)))), "")
        elif os.path.lexists(name):
            if not stat.S_ISREG(os.stat(name).st_mode):
                raise Stop(USAGE, f"{name}: not a file or folder")
            if not os.access(name, os.R_OK):
                raise Stop(USAGE, f"{name}: Permission denied")
        source = Source(name, pictures.find(name))
        if source.is_pictures and not source.listing[0]:
            raise Stop(USAGE, f"{name}: " + (raw or "no pictures (" + " ".join(pictures.MAGIC) + ") in it"
                                             if os.path.isdir(name) else "no such file"))
        if raw and not os.path.isdir(name):
            raise Stop(USAGE, f"{name}: {raw}")
        source.identity = identify(source)
    except OSError as error:
        raise Stop(USAGE, f"{name}: {cause(error).replace(f'{name}: ', '', 1)}")
    return source


def identify(source):
    """What tells an input from another one: size, time of its last change, a hash of its head and tail."""
    digest, total, changed = hashlib.sha256(), 0, 0
    paths = source.paths()
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            if not source.is_pictures:
                raise
            continue        # a dangling link: named later
        total += found.st_size
        changed = max(changed, found.st_mtime_ns)
        if source.is_pictures:
            digest.update(f"{os.path.basename(path)}\n{found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "replace"))
    for path in {paths[0]: 0, paths[-1]: 0}:
        try:
            with open(path, "rb") as file:
                digest.update(file.read(1 << 16))
                file.seek(max(os.fstat(file.fileno()).st_size - (1 << 16), 0))
                digest.update(file.read(1 << 16))
        except OSError:
            if not source.is_pictures:
                raise
    same = {"size": total, "mtime": changed / 1e9, "sha256": digest.hexdigest()}
    return {"pictures": len(paths), **same} if source.is_pictures else same


def probe(ffprobe, source, every):
    """Look into it; whatever is wrong with it is said here, or noted."""
    if source.is_pictures:
        return probe_pictures(ffprobe, source, every)
    info, log = ask(ffprobe, source.name, ["-i", url(source.name)])
    streams = [s for s in info.get("streams") or [] if s.get("pix_fmt")]
    if not streams:
        lost = (info.get("streams") or [{}])[0].get("codec_name", "this")
        raise Stop(USAGE, f"{source.name}: {f'cannot decode {lost}' if info.get('streams') else 'no video in it'}")
    stream = max(streams, key=lambda s: (s["width"] * s["height"], -s["index"]))
    if len(streams) > 1:
        source.notes.append(f"{len(streams)} video tracks: the largest is taken, number {stream['index']}, "
                            f"{stream['width']}x{stream['height']}")
    whole = info.get("format", {})
    for _, _, text in log:
        if text.startswith("Unknown projection type"):
            raise Stop(USAGE, f"{source.name}: its projection is {text.split()[-1]} (a mesh, as of VR180), not "
                              "equirectangular: convert it first")
    source.container = whole.get("format_name", "")
    if "mp4" in source.container.split(","):
        why, sphere = pictures.partial(mp4.spherical_xml(source.name).encode(), b"GSpherical")
        if why:
            raise Stop(USAGE, f"{source.name}: {why}")
        source.sphere = pictures.place(sphere, (stream["width"], stream["height"]))
    source.time_base = Fraction(stream["time_base"])
    source.start = Fraction(whole["start_time"]) if "start_time" in whole else None
    source.rate = rate(stream.get("avg_frame_rate", "0/0"))
    source.duration = float(stream.get("duration") or whole.get("duration") or 0)
    source.fields = stream.get("field_order", "unknown") not in ("progressive", "unknown")
    source.track = int(stream.get("id", "0"), 0)
    source.turn = display_turn(stream)
    describe(source, stream, source.loses)
    return source


def probe_pictures(ffprobe, source, every):
    """All are looked at from outside; the first one that FFmpeg knows speaks for them."""
    name, listed, spheres = source.name, source.listing[0], {}
    if len(set(map(pictures.kind, listed))) > 1:
        raise Stop(USAGE, f"{name}: pictures of several kinds; choose one with a glob such as 'folder/*.jpg'")
    for place in range(0, len(listed), every):
        path = os.path.abspath(listed[place])
        header = pictures.read(path)
        if header.fault:
            source.bad[place] = header.fault
        else:
            source.files[place] = path
            source.sizes[place] = header.size
            spheres[place] = pictures.place(header.sphere, header.size)
            source.loses.update(header.loses)
    if spheres:     # the filter takes them all for what the first one is
        first = min(spheres)
        source.sphere = spheres[first]
        for place in [place for place, sphere in spheres.items() if sphere != source.sphere]:
            source.leave_out(place, f"shows another part of the sphere than {listed[first]}")
    return probe_first(ffprobe, source)


def probe_first(ffprobe, source):
    """Look into the first picture that FFmpeg knows."""
    for place, path in sorted(source.files.items()):
        info, _ = ask(ffprobe, path, ["-f", "image2", "-pattern_type", "none", "-i", url(path)])
        stream = (info.get("streams") or [{}])[0]
        if stream.get("pix_fmt"):
            break
        source.leave_out(place, f"cannot decode {stream.get('codec_name', 'this')}")
    else:
        place, why = max(source.bad.items())
        path = os.path.abspath(source.listing[0][place])
        raise Stop(USAGE, f"{path}: {why}" if len(source.listing[0]) == 1
                   else f"{source.name}: no usable picture: {path}: {why}")
    source.first = place
    source.notes.clear()
    describe(source, stream, source.loses)
    return source


def ask(ffprobe, name, what):
    out, log = query([ffprobe, "-hide_banner", "-loglevel", "level+error", "-of", "json", "-select_streams", "V",
                      "-show_entries", ENTRIES, *what], name)
    try:
        return json.loads(out), log
    except ValueError:
        raise Stop(USAGE, f"{ffprobe}: does not answer as ffprobe does")


def describe(source, stream, loses):
    """What the frames are, and what of them gets lost."""
    source.stream, source.width, source.height = stream["index"], stream["width"], stream["height"]
    source.codec, source.pixels = stream["codec_name"], stream["pix_fmt"]
    source.siting = stream.get("chroma_location", "unspecified").replace("unspecified", "")
    source.untagged = (source.width >= 1280 and "color_space" not in stream
                       and not re.match("rgb|bgr|gbr|argb|abgr|gray|mono|pal", source.pixels))
    curve = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)", "linear": "linear light"}.get(
        stream.get("color_transfer"))
    if curve:
        look = "dark" if curve == "linear light" else "dull"
        source.notes.append(f"the input is {curve}: its numbers are kept as they are, the pictures will look {look}")
    if re.match("rgba|bgra|argb|abgr|yuva|gbrap|ya|vuya", source.pixels):
        loses.add("alpha")
    if depth(source.pixels) != "8 bits":
        loses.add(depth(source.pixels))
    for lost in sorted(loses):
        source.notes.append("the input's alpha is not kept" if lost == "alpha"
                            else f"the input's {lost} become 8 bits")


def depth(pixels):
    """'10 bits' of yuv420p10le and p010le, '32-bit floats' of gbrpf32le."""
    number = re.search(r"(f?)(\d+)(?:le|be|msble|msbbe)$", pixels)
    if not number:
        return "8 bits"
    if number[1]:
        return f"{number[2]}-bit floats"
    bits = int(number[2])       # rgb48, rgba64; p210, y216
    return f"{16 if bits in (48, 64) else bits % 100} bits"


def rate(text):
    over, under = map(int, text.split("/"))
    return Fraction(over, under) if under else Fraction(0)


def display_turn(stream):
    """What the display matrix of a stream asks for, in words."""
    for data in stream.get("side_data_list", []):
        if "displaymatrix" in data:
            (a, b), (c, d) = (map(int, row.split()[:2]) for row in re.findall(r":(.*)", data["displaymatrix"])[:2])
            degrees = round(abs(data["rotation"]))
            return "mirrored" if a * d < b * c else f"turned by {degrees} degrees" if degrees else ""
    return ""
