# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ffmpeg command: what is read, the filter graph, an output a view."""

import os
import re
import shlex

from . import ffmpeg as tool
from . import plan, rig, system
from .ffmpeg import escape, pattern, url

STATS = "stats"         # in a view's folder of a part: a line a picture, written before it
THREADS = 64            # that an encoder takes at most
# Filters that keep parts in step: ffmpeg holds an input back whose frames are 0.1 s ahead of another's, which makes it two
# frames here. Decode engines that are given more and more make half as many.
IN_STEP = "settb=1/1000000,setpts=N*50000:strip_fps=1"


def encoder(args, nvjpeg=None, number=1):
    """(ffmpeg's arguments, words for the user) for the pictures' format; number: of parts."""
    if args.format == "png":    # 3.5 times as fast as the defaults, 1 % larger
        return ["-c:v", "png", "-compression_level", "1", "-pred", "sub"], "png"
    if args.format == "tiff":
        return ["-c:v", "tiff", "-compression_algo", "deflate"], "tiff (deflate)"
    quality = str(args.quality)
    if nvjpeg is not None:
        depth = ["-async_depth", "4"] * (number > 1)
        return ["-c:v", "mjpeg_nvjpeg", "-quality", quality, *depth, *nvjpeg], f"jpg, quality {quality} by nvJPEG"
    return ["-c:v", "libjpegturbo", "-quality", quality], f"jpg, quality {quality} by libjpeg-turbo"


def is_yuv(source):
    return bool(re.match(r"yuvj?4|gray|nv\d|p\d\d\d", source.pixels))


def converted(args, source):
    """Whether the filter makes of each view what its encoder takes: of YUV, what JPEG readers assume."""
    return args.format == "jpg" and is_yuv(source)


def one(picture):
    """Input arguments for a picture, whatever its name is."""
    return ["-f", "image2", "-pattern_type", "none", "-i", url(picture)]


def sequence(folder, end):
    """Input arguments for numbered pictures: picture i, from 0, gets pts i."""
    return ["-f", "image2", "-framerate", "25", "-start_number", "0", "-i", f"{pattern(folder)}/%07d{end}"]


def video(source, intervals=()):
    """Input arguments for a video; intervals: arguments for what is read of it, if not all."""
    return [*["-noautorotate"] * (source.turn == rig.HALF_TURN), *intervals, "-i", url(os.path.abspath(source.name))]


def choose(planned, wanted):
    """Filters that let the wanted keys pass, and end the run behind them."""
    runs = plan.windows(planned, wanted)
    if planned.by == "file" or not runs:
        return []
    chain = ["select=" + escape(plan.expression(planned.by, runs))]
    if runs[-1][1] != planned.shown[-1]:
        end = "end_pts" if planned.by == "pts" else "end_frame"
        chain.insert(0, f"trim={end}={runs[-1][1] + 1}")
    return chain


def graph(args, source, device, views, chosen=(), turns="", part=0, number=1):
    """Choose frames, render the views, and give each the colours that its readers assume; turns: of the rig, over time.

    part: of so many, each with an input and a graph.

    JPEG readers take pictures for full-range BT.601 whatever the video was.  The filter
    makes that of YUV while it renders; of RGB, and for other pictures, scale makes what
    is wanted, view by view.
    """
    options, frames, tail = rig.options(args, source.turn, source.sphere), device.frames, []
    if turns:
        options += ":rotations=" + escape(turns)
    if converted(args, source):
        options, frames = f"{options}:format=yuv420p:out_range=full:out_color_matrix=bt601", "yuv420p"
    elif args.format == "jpg":
        tail = ["scale=out_color_matrix=bt601:out_range=full,format=yuv420p"]
    else:
        planar = "format=yuv420p," * (frames == "nv12")    # scale is slower with nv12, and rounds differently
        tail = [planar + "scale=" + "in_color_matrix=bt709:" * source.untagged +
                "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24"]
    if device.frames and device.nvjpeg is None:
        tail.insert(0, f"hwdownload_cuda,format={frames}")
    if number > 1:
        tail.append(IN_STEP)
    chain = [*chosen, *device.upload, f"equi2multi{'_cuda' * bool(device.frames)}={options}"]
    pads = [f"[v{i}]" if tail else label(i, part) for i in range(views)]
    text = f"[{part}:{source.stream}]" + ",".join(chain) + "".join(pads)
    return ";".join([text] + [f"{pad}{','.join(tail)}{label(i, part)}" for i, pad in enumerate(pads) if tail])


def label(i, part=0):
    return f"[cam{i}" + f"_{part}" * bool(part) + "]"


def head(ffmpeg, args, device, reads, by="pts"):
    """ffmpeg up to its filters.  Whatever is damaged, it goes on to the end; times stay those of the input."""
    command = [ffmpeg, "-nostdin", "-loglevel", "repeat+level+verbose", "-nostats",
               "-max_error_rate", "1", *["-copyts"] * (by == "pts"), *device.init]
    for read in reads:
        command += [*device.input(len(reads)), *read]
    return [*command, "-filter_complex_threads", str(max(args.threads // len(reads), 1))]


def output(args, device, views, i, part=0, number=1):
    return ["-map", label(i, part), "-fps_mode", "passthrough", *encoder(args, device.nvjpeg, number)[0],
            "-threads", str(max(1, min(args.threads // (views * number), THREADS)))]


def trial(ffmpeg, args, source, device, filters, views):
    """A command that makes the first picture of all views, keeps none, and prints size and pts of each."""
    read = one(source.files[source.first]) if source.is_pictures else video(source)
    if not source.is_pictures and "-hwaccel" not in device.decode:      # no more of it than that
        read = ["-threads", "1", *read]
    command = [*head(ffmpeg, args, device, [read]), *tool.graph(filters)]
    for i in range(views):      # descriptor 1 by another name for each: those of one name share a buffer, without a lock
        command += [*output(args, device, views, i), "-frames:v", "1", "-stats_mux_pre", f"pipe:{'0' * i}1",
                    "-stats_mux_pre_fmt", "{size} {ptsi}", "-f", "null", "-"]
    return command


def option(folder, name, value):
    """ffmpeg's arguments for an option of a part, which may be too long for one: then a file of its folder has it."""
    if len(value) < system.LONGEST:
        return [f"-{name}", value] * bool(value)
    (folder / name).write_text(value, encoding="utf-8", errors="surrogateescape")
    return [f"-/{name}", f"../{folder.name}/{name}"]


def staged(ffmpeg, args, device, cameras, stages, by):
    """The command of a run, in the folder of its first part: pictures N.jpg, counted from 1, and stats in a folder a view.

    stages: [(name of the folder, what is read, its graph's arguments)] of the parts
    """
    command = head(ffmpeg, args, device, [read for _, read, _ in stages], by)
    for _, _, filters in stages:
        command += filters
    for part, (name, _, _) in enumerate(stages):
        for i, camera in enumerate(cameras):
            folder = f"../{name}/" * bool(part) + camera
            command += [*output(args, device, len(cameras), i, part, len(stages)),
                        "-stats_mux_pre", url(f"{folder}/{STATS}"),
                        "-stats_mux_pre_fmt", "{n} {size} {ni}" if by == "n" else "{n} {size} {ptsi}",
                        "-f", "image2", f"{pattern(folder)}/%d.{args.format}"]
    return command


def printed(ffmpeg, args, source, device, planned, folders, images, links, intervals=()):
    """What a run would do, for a shell, without staging: lines."""
    places = [str(images / folder) for folder in folders]
    yield shlex.join(["mkdir", "-p", "--", *places, *[links] * source.is_pictures])
    wanted = [frame for frame in planned.frames if frame.key not in source.bad]
    read = video(source, intervals)
    if source.is_pictures:
        end = os.path.splitext(source.files[source.first])[1]
        read = sequence(links, end)
        for i, frame in enumerate(wanted):
            yield shlex.join(["ln", "-s", "--", frame.file, f"{links}/{i:07d}{end}"])
    filters = graph(args, source, device, len(folders), choose(planned, [frame.key for frame in wanted]),
                    args.turns(source, planned, wanted))
    lines = [head(ffmpeg, args, device, [read], planned.by), tool.graph(filters)]
    numbers = [frame.number for frame in wanted]
    named = numbers == list(range(1, len(wanted) + 1))      # as ffmpeg counts
    for i, place in enumerate(places):
        name = f"{pattern(place)}/frame_%0{planned.digits}d" if named else f"{pattern(place)}/%d"
        lines.append([*output(args, device, len(folders), i), "-f", "image2", "-atomic_writing", "1",
                      f"{name}.{args.format}"])
    feed = f"printf %s {shlex.quote(filters)} | " * bool(tool.graph_input(filters))
    yield feed + " \\\n  ".join(map(shlex.join, lines))
    if not named:
        yield "i=1; for number in " + " ".join(f"{number:0{planned.digits}}" for number in numbers) + "; do"
        yield "  for folder in " + shlex.join(places) + "; do"
        yield f'    mv -- "$folder/$i.{args.format}" "$folder/frame_$number.{args.format}"'
        yield "  done; i=$((i + 1))"
        yield "done"
    if source.is_pictures:
        yield shlex.join(["rm", "-r", "--", links])
