# SPDX-License-Identifier: LGPL-2.1-or-later
"""--sharpest: how blurred each frame is, and which frame of each window is blurred least."""

import contextlib
import math
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from . import FAILED, Stop, command, parts, rig, rounds, say, system
from .ffmpeg import DECODING, LOG_LINE, escape, machine_trouble, parse_log

TILES = 8           # around the horizon
SIZE = 256          # pixels of one, at most: filter blurdetect takes 7 ms for eight
AGAIN = 5           # s from one line of progress to the next


def graph(args, source, device, chosen, part):
    """Tiles of the panorama, pixel for pixel, side by side, to be looked at by blurdetect.

    Scaled down, a panorama hides what blurs a few of its pixels.  The tiles are views that have
    the panorama's scale at their centres, so the GPU cuts them out, and hands over no more.
    """
    size = max(min(SIZE, source.width // (2 * TILES) // 2 * 2), 16)
    fov = 2 * math.degrees(math.atan(math.pi * size / source.width))
    views = "|".join(f"yaw={-180 + 360 * i / TILES:g} h_fov={fov:.6f}" for i in range(TILES))
    options = [f"rig={escape(views)}", f"w={size}", "interp=nearest", *rig.place(args, source.sphere)]
    planes = device.frames
    if command.is_yuv(source):
        options.append("format=yuv420p")
        planes = "yuv420p"
    tail = f"hwdownload_cuda,format={planes}," * bool(device.frames) + "format=gray"
    pads = [f"[t{part}_{i}]" for i in range(TILES)]
    chain = [*chosen, *device.upload, f"equi2multi{'_cuda' * bool(device.frames)}={':'.join(options)}"]
    return ";".join([f"[{part}:{source.stream}]" + ",".join(chain) + "".join(pads)]
                    + [f"{pad}{tail}[g{pad[1:]}" for pad in pads]
                    + ["".join(f"[g{pad[1:]}" for pad in pads) + f"hstack={TILES},blurdetect=planes=1,"
                       f"metadata=print:key=lavfi.blur:file=scores{part},{command.IN_STEP}{command.label(0, part)}"])


def read(path):
    """{pts: blur} of what metadata has printed."""
    with contextlib.suppress(FileNotFoundError):
        return {int(pts): float(blur) for pts, blur in re.findall(r"pts:(-?\d+) .*\nlavfi\.blur=(\S+)\n", path.read_text())}
    return {}


def run(job, lock, split):
    """{pts: blur} of the frames of these parts, and what stopped ffmpeg before it had them, if anything did."""
    args, number, total = job.args, len(split), sum(len(part.frames) for part in split)
    texts = [part.text(job.plan, job.source.time_base) for part in split]
    reads = [command.video(job.source, ["-read_intervals", text] * bool(text)) for text in texts]
    line = command.head(job.ffmpeg, args, job.device, reads)
    for i, part in enumerate(split):
        chosen = command.choose(job.plan, [frame.key for frame in part.frames])
        line += ["-filter_complex", graph(args, job.source, job.device, chosen, i)]
    for i in range(number):
        line += ["-map", command.label(0, i), "-fps_mode", "passthrough", "-c:v", "wrapped_avframe", "-f", "null", "-"]
    began = shown = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="equi2multi-") as folder, open(Path(folder, "log"), "w+b") as log:
        def scores():
            return {pts: blur for i in range(number) for pts, blur in read(Path(folder, f"scores{i}")).items()}

        process = system.start(line, lock, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        try:
            while process.poll() is None:
                time.sleep(.02)
                now = time.monotonic()
                if now - shown > AGAIN:
                    done, shown = len(scores()), now
                    left = f", {(total - done) * (now - began) / done:.0f} s left" if done else ""
                    say(f"extract: looked for blur in {done}/{total} frames{left}")
        finally:
            if process.poll() is None:
                process.kill()
            code = system.status(process.wait())
        log.seek(0)
        text = log.read().decode(errors="replace")
        found = scores()
    errors = [parse_log(line) for line in text.splitlines() if LOG_LINE.match(line)]
    errors = [text for where, level, text in errors if level in ("error", "fatal") and not DECODING.search(where)]
    why = (machine_trouble(text, code) or next(iter(errors), f"exit code {code}")) if code else ""
    for pts in re.findall(r"corrupt decoded frame \(number \d+, pts (-?\d+)\)", text):
        found.pop(int(pts), None)       # it would win with sharp garbage
    return found, why


def score(job, lock):
    """[[pts, blur]] of the frames of the plan, as far as they can be decoded."""
    frames = job.plan.frames
    say(f"extract: looking for blur in {len(frames)} frames")
    began = time.monotonic()
    cuts = parts.find(job.plan, job.source)
    split = rounds.split(job, cuts, frames, rounds.decoders(job)) if cuts and cuts.hold(job.ffprobe) else [parts.Part(frames)]
    found, why = run(job, lock, split)
    if len(found) < len(frames) and any(part.intervals for part in split):      # whatever it is, one decoder shows it
        more, why = run(job, lock, [parts.Part(frames)])
        found = {**more, **found}
    if why:
        raise Stop(FAILED, f"stopped, looking for blur: {why}")
    took = time.monotonic() - began
    say(f"extract: looked for blur in {len(found)} frames in {took:.1f} s ({len(found) / took:.1f} frames/s)")
    return [[frame.pts, None if math.isnan(found[frame.pts]) else found[frame.pts]] for frame in frames if frame.pts in found]


def winners(times, scores, window):
    """Places in shown of the sharpest frame of each window (s), the first of several; what has no edges loses."""
    place = {pts: i for i, pts in enumerate(times.shown)}
    best = {}
    for pts, blur in scores:
        if pts not in place:
            continue
        blur = blur or math.inf
        which = (pts - scores[0][0]) * times.base // window
        if which not in best or blur < best[which][0]:
            best[which] = blur, place[pts]
    return [i for _, i in sorted(best.values(), key=lambda found: found[1])]
