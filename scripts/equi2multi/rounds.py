# SPDX-License-Identifier: LGPL-2.1-or-later
"""One ffmpeg after the other until each frame of the plan is there or lost."""

import errno
import os
import re

from . import FAILED, Stop, command, device, parts, pictures, system

SUSPECTS = 100      # pictures that may be in ffmpeg's hands when one of them stops it
SHORT = re.compile("(?i)out of memory|No memory left on the GPU|no NVDEC|Failed setup for format cuda")
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
    """First with as many decoders as there are, and no more than is needed; if that is not as planned, without."""
    cuts = parts.find(job.plan, job.source)
    number = decoders(job) if cuts else 1
    while cuts and not run.signals:
        todo = lacking(job, run)
        if not todo:
            return
        some = split(job, cuts, todo, number)
        if len(some) == 1 and len(some[0].intervals or [0]) == 1 or not cuts.hold(job.ffprobe):     # nothing is skipped
            break
        if len(some) > 1:
            run.tell(f"{len(some)} decoders")
        code = video_parts(job, run, some, trusted=False)
        if code and len(some) > 1 and not run.signals and any(SHORT.search(text) for _, text in run.errors):
            number = len(some) // 2
            run.tell(f"no memory left on the GPU for {len(some)} decoders: going on with {number}")
            continue
        if stopped(run, 0 if run.doubt or nothing_came(run, code) else code):
            return
        if lacking(job, run):
            run.tell(f"what was skipped makes a difference ({run.doubt or 'frames lack'}): going on with one decoder, from "
                     "frame to frame")
        break
    make_whole(job, run, cuts)


def decoders(job):
    """How many decoders there can be."""
    asked, views = job.args.decoders, len(job.folders)
    number = job.device.trial.engines if asked == "auto" else asked
    files = 2 * views + 4       # of a part
    most = (system.allow_files(files * number + 64) - 64) // files
    return max(min(number, most), 1)


def split(job, cuts, frames, number):
    """So many parts, or as many as it is worth."""
    return cuts.split(frames, number, parts.LEAST if job.args.decoders == "auto" else 1)


def video_parts(job, run, some, by="pts", **how):
    """Run ffmpeg for these parts; its exit code."""
    stages, inputs, number = [], [], len(some)
    for i, part in enumerate(some):
        stage = run.stage(part.frames, {frame.key: place for place, frame in enumerate(part.frames)})
        filters = command.graph(job.args, job.source, job.device, len(job.folders),
                                command.choose(job.plan, [frame.key for frame in part.frames]),
                                job.args.turns(job.source, job.plan, part.frames), i, number)
        stages.append(stage)
        intervals = command.option(stage.folder, "read_intervals", part.text(job.plan, job.source.time_base))
        inputs.append((stage.name, command.video(job.source, intervals),
                       command.option(stage.folder, "filter_complex", filters)))
    return run.ffmpeg(command.staged(job.ffmpeg, job.args, job.device, job.folders, inputs, by), stages, by=by, **how)


def nothing_came(run, code):
    """Whether that is all that ended ffmpeg: if none of the frames that lack can be decoded, encoders complain."""
    return not run.writing and run.packets and any("before EOF" in text for _, text in run.errors) and not run.trouble(code)


def make_whole(job, run, cuts):
    """One decoder, from a little before the first frame that lacks on; what it does not make is lost."""
    todo = lacking(job, run)
    if not todo or run.signals:
        return
    part = cuts.rest(todo) if cuts else parts.Part(todo)
    if part.intervals and not cuts.hold(job.ffprobe):
        part = parts.Part(todo)
    code = video_parts(job, run, [part], by=job.plan.by, sought=bool(part.intervals))
    if run.late:
        part = parts.Part(todo)
        code = video_parts(job, run, [part], by=job.plan.by)
    if run.stray and not run.signals:
        job.recount()
        run.total = len(job.plan.frames)
        return make_whole(job, run, None)
    if stopped(run, 0 if nothing_came(run, code) else code):
        return
    if job.plan.by == "n" and not run.failed:       # there are packets that are no frames
        return
    short = any("[in#" in where for where, _ in run.errors) or not part.intervals and run.packets < len(job.plan.shown)
    run.publisher.publish([(run.lost(frame, "missing" if short else "could not be decoded"), None)
                           for frame in lacking(job, run)])


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
    index = {frame.number: i for i, frame in enumerate(good)}
    stage = run.stage(todo, {index[frame.number]: i for i, frame in enumerate(todo) if frame.number in index})
    folder = stage.folder / "input"
    os.mkdir(folder)
    for i, frame in enumerate(good):
        system.refer(frame.file, folder / f"{i:07d}{end}")
    filters = command.graph(job.args, job.source, job.device, len(job.folders),
                            turns=job.args.turns(job.source, job.plan, good))
    read = command.sequence("input", end)
    return run.ffmpeg(command.staged(job.ffmpeg, job.args, job.device, job.folders,
                                     [(stage.name, read, command.option(stage.folder, "filter_complex", filters))], "pts"),
                      [stage], by="file")


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
