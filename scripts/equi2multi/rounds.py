# SPDX-License-Identifier: LGPL-2.1-or-later
"""One ffmpeg after the other until each frame of the plan is there or lost."""

import errno
import os
from bisect import bisect_right

from . import FAILED, Stop, command, device, pictures, system
from .ffmpeg import query, url

SUSPECTS = 100      # pictures that may be in ffmpeg's hands when one of them stops it
PLACE = {errno.ENOSPC, errno.EIO, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.EMFILE, errno.ENFILE,
         errno.ENOMEM, errno.EAGAIN, errno.ENOENT, getattr(errno, "EDQUOT", 0)}      # no picture is to blame for these


def make(job, run):
    """Make what the manifest lacks; Stop says what else ended it, run.signals that the user did."""
    (make_pictures if job.source.is_pictures else make_video)(job, run)


def lacking(job, run):
    return [frame for frame in job.plan.frames if frame.number not in run.publisher.manifest.lines]


def stopped(run, code=0):
    """Whether the user wants an end; Stop if the disk or ffmpeg do."""
    if run.full and not run.signals:
        raise Stop(FAILED, "stopped: no space left on the disk")
    if code and not run.signals:
        raise Stop(FAILED, f"stopped: {run.reason(code)}")
    return bool(run.signals)


def make_video(job, run):
    todo = lacking(job, run)
    if not todo or run.signals:
        return
    filters = command.graph(job.args, job.source, job.device, len(job.folders),
                            command.choose(job.plan, [frame.key for frame in todo]),
                            job.args.turns(job.source, job.plan, todo))
    places = {frame.key: place for place, frame in enumerate(todo)}
    for seek in dict.fromkeys((key_before(job, todo[0]), None)):
        read = command.video(job.source, seek)
        code = run.part(command.staged(job.ffmpeg, job.args, job.device, job.folders, read, filters, job.plan.by),
                        filters, todo, places, job.plan.by, sought=seek is not None)
        if not run.late:
            break
    if run.stray and not run.signals:
        job.recount()
        run.total = len(job.plan.frames)
        return make_video(job, run)
    # if none of the frames that lack can be decoded, encoders complain that nothing came
    empty = not run.writing and run.packets and any("before EOF" in text for _, text in run.errors)
    if stopped(run, 0 if empty and not run.trouble(code) else code):
        return
    if job.plan.by == "n" and not run.failed:       # there are packets that are no frames
        return
    short = any("[in#" in where for where, _ in run.errors) or seek is None and run.packets < len(job.plan.shown)
    run.publisher.publish([(run.lost(frame, "missing" if short else "could not be decoded"), None)
                           for frame in lacking(job, run)])


def key_before(job, frame):
    """Where to start for a frame: s from the start of the video, or None for all of it.

    At the key frame before the last one that is shown before it: a picture that leads a
    key frame refers to the group before it, and what comes first may lack references.
    """
    keys, source = job.plan.keyframes, job.source
    i = bisect_right(keys, frame.pts) - 2 if frame.pts is not None else -1
    if i < 1:
        return None
    at = keys[i] * source.time_base
    if source.codec == "h264":      # it may be refreshed bit by bit, and have no picture to start with
        out, _ = query([job.ffprobe, "-v", "error", "-select_streams", str(source.stream), "-of", "csv=p=0",
                        "-skip_frame", "nokey", "-read_intervals", f"{float(at):.6f}%+#1", "-show_entries",
                        "frame=pict_type", "-i", url(source.name)], source.name)
        if not out.strip().startswith("I"):
            return None
    return max(float(at - (source.start or 0)), 0) or None


def make_pictures(job, run):
    """Pictures that stop ffmpeg, or before which it ends, are found, left out, and the rest goes on."""
    numbers = {frame.key: frame.number for frame in job.plan.frames}
    run.reasons.update((numbers[place], why) for place, why in job.source.bad.items())
    settled = run.publisher.manifest.lines
    while not run.signals:
        todo = lacking(job, run)
        good = [frame for frame in todo if frame.number not in run.reasons]
        if not good:
            return run.publisher.publish([(run.lost(frame), None) for frame in todo])
        known = len(settled) + len(run.reasons)
        code = picture_part(job, run, todo, good)
        if stopped(run, code if code and run.trouble(code) else 0):
            return
        rest = [frame for frame in good if frame.number not in settled]
        if code and run.decoded:
            suspect(job, run, code, rest)
        else:       # it has read all, or has come to one that is not there any more
            read = {frame.number for frame in good[:run.packets]}
            run.reasons.update((frame.number, "could not be decoded") for frame in rest if frame.number in read)
        for frame in rest:
            fault = pictures.read(frame.file).fault
            if fault:
                run.reasons.setdefault(frame.number, fault)
        if known == len(settled) + len(run.reasons):
            stopped(run, code)
            run.reasons[rest[0].number] = "could not be read"


def picture_part(job, run, todo, good):
    end = os.path.splitext(job.source.files[job.source.first])[1]

    def link(folder):
        os.mkdir(folder / "input")
        for i, frame in enumerate(good):
            system.refer(frame.file, folder / "input" / f"{i:07d}{end}")

    index = {frame.number: i for i, frame in enumerate(good)}
    places = {index[frame.number]: i for i, frame in enumerate(todo) if frame.number in index}
    filters = command.graph(job.args, job.source, job.device, len(job.folders),
                            turns=job.args.turns(job.source, job.plan, good))
    return run.part(command.staged(job.ffmpeg, job.args, job.device, job.folders, command.sequence("input", end), filters,
                                   "pts"), filters, todo, places, "file", link=link)


def suspect(job, run, code, rest):
    """Find the picture that stopped ffmpeg; Stop if it is none."""
    done = [frame for frame in job.plan.frames if frame.number in run.publisher.manifest.sizes]
    if code < 255 and 256 - code in PLACE or done and fails(job, done[0]):
        stopped(run, code)
    for frame in rest[:SUSPECTS]:
        why = fails(job, frame)
        if why:
            run.reasons[frame.number] = why
            return
    stopped(run, code)


def fails(job, frame):
    """Why the device cannot make this picture's views, or an empty string."""
    job.source.first = frame.key
    try:
        return device.attempt(job.ffmpeg, job.args, job.source, job.device, len(job.folders)).why
    except Stop as stop:
        raise Stop(FAILED, f"stopped: {stop}")
