# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cameras, as filter equi2multi knows them: nothing of them is computed or listed here."""

import os
import re

from . import USAGE, Stop
from .ffmpeg import escape, graph, query
from .source import HALF_TURN

MOST = 1 << 20      # bytes of a rig file; it can name 256 cameras

# the filter's names of its options, and ours
OPTIONS = {"w": "size", "h": "size", "h_fov": "fov", "yaw": "yaw", "pitch": "pitch", "roll": "roll"}


def read(text):
    """The rig that --rig asks for: itself, or what the file @FILE has."""
    if text[:1] == "@":
        if not os.path.isfile(text[1:]):
            raise Stop(USAGE, f"--rig {text}: no such file")
        try:
            with open(text[1:], encoding="utf-8-sig", errors="surrogateescape") as file:
                lines = file.read(MOST + 1)
        except OSError as error:
            raise Stop(USAGE, f"--rig {text}: {error.strerror}")
        if len(lines) > MOST:
            raise Stop(USAGE, f"--rig {text}: larger than {MOST} bytes: no list of cameras")
        if "\0" in lines:
            raise Stop(USAGE, f"--rig {text}: has a NUL byte: no text")
        text = "|".join(line.strip() for line in lines.splitlines() if line.strip())
    return text


def options(args, turn="", sphere=""):
    """The filter's, for what the user asks for, the way the video is to be shown, and the part of the sphere that it is."""
    width, height = args.size or (None, None)
    yaw, pitch, roll = args.yaw, args.pitch, args.roll
    if turn == HALF_TURN and not args.rotations:    # of the rig about its forward axis, Rz(180): Rz(180) Ry(y) Rx(p) = Ry(-y) Rx(-p) Rz(180)
        yaw, pitch, roll = (float(angle or 0) for angle in (yaw, pitch, roll))
        yaw, pitch, roll = -yaw, -pitch, roll - 180 if roll > 0 else roll + 180
    named = (("rig", args.rig), ("w", width), ("h", height), ("h_fov", args.fov),
             ("yaw", yaw), ("pitch", pitch), ("roll", roll))
    return ":".join([f"{key}={escape(value)}" for key, value in named if value is not None] + place(args, sphere))


def place(args, sphere):
    """The filter's options that say where in a frame the panorama is, a list."""
    named = ("sphere", sphere or None), ("in_stereo", args.in_stereo), ("eye", args.eye)
    return [f"{key}={escape(value)}" for key, value in named if value is not None]


def ours(text, ffmpeg):
    """The filter's words, with our names of its options."""
    text = re.sub("^equi2multi: rig:", "--rig:", text)
    if "No such filter" in text:
        return f"{ffmpeg} has no filter equi2multi: run scripts/build"
    return re.sub("^equi2multi: (Value .*)parameter '(w|h|h_fov|yaw|pitch|roll)'",
                  lambda match: f"{match[1]}--{OPTIONS[match[2]]}", text)


def views(ffmpeg, rig, size):
    """WxH of each view for a panorama of this size: the filter is set up, but renders nothing."""
    filters = f"nullsrc=s={size[0]}x{size[1]}:r=1:d=0,equi2multi={rig}"
    try:
        out, _ = query([ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "level+error", *graph(filters),
                        "-f", "framecrc", "-"], "equi2multi", "equi2multi", filters)
    except Stop as stop:
        raise Stop(USAGE, ours(str(stop), ffmpeg))
    return re.findall(r"^#dimensions \d+: (\S+)", out, re.M)


def words(stop):
    """What the filter says of a picture."""
    return str(stop).replace("equi2multi: ", "")


def presets(ffmpeg):
    """Names of the rigs that the filter has."""
    try:
        views(ffmpeg, "rig=?", (4, 2))
    except Stop as stop:
        return re.search("there are ([^,]*),", str(stop))[1].split()
    return []
