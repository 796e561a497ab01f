# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job: INPUT -> OUTDIR/images, going on where an earlier run has stopped."""

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter

from . import (DAMAGED, FAILED, INTERRUPTED, USAGE, Stop, cause, command, device, ffmpeg, journal, outdir, parts, plan, plural,
               ranges, rig, rounds, say, sharpest,
               source, system)
from .journal import Manifest
from .run import COMPLAINTS, Run

# What tells a run from another: what is asked for, what that comes to, and what makes it.  Threads do not.
ASKED = ("input", "rig", "size", "fov", "yaw", "pitch", "roll", "rotations", "in_stereo", "eye", "fps", "every",
         "start", "end", "keyframes", "sharpest", "numbering", "format", "quality")
SHAPE = "cameras", "digits", "frames"
OTHER_TIMES = "frames have other times than packets"
MAKERS = "ffmpeg", "decoder", "encoder", "device"


class Job:
    """One call of extract."""

    def __init__(self, args):
        self.args, self.outdir, self.staging = args, args.outdir, args.outdir / ".staging"
        self.source = source.open_source(args.input)
        if self.source.is_pictures:
            args.refuse_times()
        self.header = {"version": 1, "frames": None, "input": self.source.identity, **args.asked()}
        self.manifest = self.old = None

    # -- what is there ------------------------------------------------------------

    def look(self, keys=ASKED):
        """Find what an earlier run has left: a manifest to go on with, or an old one to be replaced."""
        self.old, self.manifest = None, Manifest.load(self.outdir)
        if not self.manifest:
            return
        theirs, args = self.manifest.header, self.args
        differs = journal.difference(theirs, self.header, keys)
        if args.overwrite:
            if differs or self.finished():
                self.old, self.manifest = self.manifest, None
            return
        advice = "--overwrite replaces it, or choose another OUTDIR"
        if differs and not args.resume_anyway:
            raise Stop(USAGE, f"{self.outdir} holds another run, {differs}: --resume-anyway goes on as before, {advice}")
        if differs:
            args.adopt(theirs)
            self.header.update({key: theirs.get(key) for key in (*ASKED, *MAKERS)})
            differs = journal.difference(theirs, self.header, [key for key in SHAPE if key in keys])
        if differs:
            raise Stop(USAGE, f"{self.outdir} holds another run, {differs}: there is no going on with it; {advice}")

    def finished(self):
        """Whether all is there, by the manifest and by the files."""
        self.manifest.verify()
        manifest = self.manifest
        return manifest.sorted and not manifest.torn and len(manifest.lines) == manifest.header["frames"] and not (
            self.args.retry_bad and (manifest.bad or manifest.damaged or manifest.said))

    # -- what is to be made -------------------------------------------------------

    def prepare(self):
        """Look into the input, try the device, plan; nothing is written."""
        args, src = self.args, self.source
        self.ffmpeg, self.ffprobe = ffmpeg.find(build=not args.dry_run)
        source.probe(self.ffprobe, src, args.every)
        self.sizes = self.ask_filter()
        views = len(self.sizes)
        self.folders = [f"cam_{i:0{max(2, len(str(views - 1)))}}" for i in range(views)]
        files = 2 * views + 64
        if system.allow_files(files) < files:
            raise Stop(USAGE, f"{views} views need {files} open files, and the limit is {system.allow_files(files)}: "
                              "raise it (ulimit -n)")
        if src.is_pictures:
            self.device = self.try_devices()
            self.plan = plan.plan_pictures(src, args.choice())
        else:
            counted = self.manifest and self.manifest.header.get("by") == "n"
            times = plan.read_times(self.ffprobe, src, counted and "so they were before")
            self.plan = self.choose(times)
            self.device = self.try_devices()
            first = self.device.trial.key
            if times.by == "pts" and first not in set(times.shown):
                times = plan.read_times(self.ffprobe, src, OTHER_TIMES)
            times.leave_out_before(self.device.trial)
            self.plan, self.times = self.choose(times), times
            if args.sharpest and times.by == "n":
                raise Stop(USAGE, f"--sharpest {args.sharpest}: the frames of {args.input} have no times of their own")
        if args.rotations:
            args.rotations.refuse(src, self.plan)
        version, decoder, encoder = self.device.trial.makers
        self.header.update(ffmpeg=version, decoder=decoder, encoder=encoder, cameras=self.folders,
                           device="cuda" if self.device.frames else "cpu", **self.counted())

    def counted(self):
        """What the manifest's header tells of the plan."""
        return {"frames": len(self.plan.frames) if self.plan.by != "n" else None, "by": self.plan.by,
                "digits": self.plan.digits, "complaints": self.complaints()}

    def recount(self):
        """Frames come at times that no packet has, so they are counted; nothing is published yet."""
        self.plan = self.choose(plan.read_times(self.ffprobe, self.source, OTHER_TIMES))
        self.manifest.header.update(self.counted())
        if self.manifest.length:
            self.manifest.rewrite(self.staging)

    def sharpen(self, lock):
        """The plan has all frames; choose."""
        scores = self.manifest and self.manifest.header.get("scores") or sharpest.score(self, lock)
        chosen = sharpest.winners(self.times, scores, self.args.window())
        if not chosen:
            raise Stop(FAILED, f"stopped: no frame of {self.args.input} could be decoded")
        self.plan = self.times.plan(self.args.choice(), chosen)
        self.header.update(self.counted(), scores=scores)

    def ask_filter(self):
        """Sizes of the views; pictures of sizes that the filter does not take are left out."""
        src, options, answers = self.source, rig.options(self.args), {}
        while True:
            try:
                sizes = rig.views(self.ffmpeg, options, (src.width, src.height))
                break
            except Stop as stop:
                if "The input is" not in str(stop) or len(src.files) < 2:
                    raise
                src.leave_out(src.first, rig.words(stop))
                source.probe_first(self.ffprobe, src)
        for place in [place for place in src.files if src.sizes[place] and place != src.first]:
            size = src.sizes[place]
            if size not in answers:
                answers[size] = ""
                try:
                    rig.views(self.ffmpeg, options, size)
                except Stop as stop:
                    if "The input is" not in str(stop):
                        raise
                    answers[size] = rig.words(stop)
            if answers[size]:
                src.leave_out(place, answers[size])
        return sizes

    def try_devices(self):
        """The device for the job; pictures that none can decode or render are left out."""
        while True:
            found = device.choose(self.ffmpeg, self.args, self.source, len(self.sizes))
            if not found.trial.why:
                return found
            if len(self.source.files) < 2:
                raise Stop(USAGE, f"{self.args.input}: {found.trial.why}")
            self.source.leave_out(self.source.first, found.trial.why)
            source.probe_first(self.ffprobe, self.source)

    def choose(self, times):
        args, src = self.args, self.source
        found = times.plan(args.choice())
        if not found.frames:
            late = args.start and src.duration and args.choice().start >= src.duration
            raise Stop(USAGE, f"--start {args.start}: {args.input} ends at {src.duration:g} s" if late
                       else f"{args.input}: no frame in {'the part asked for' if times.shown else 'it'}")
        return found

    # -- making it ----------------------------------------------------------------

    def work(self, lock):
        """Make what lacks; OUTDIR is ours."""
        there = Manifest.load(self.outdir)
        outdir.check_places(self.outdir, {*self.folders, *(there.layout().folders if there else ())})
        journal.recover(self.staging, there)
        if self.args.sharpest:
            self.sharpen(lock)
        self.look((*ASKED, *SHAPE, *MAKERS))
        manifest = self.manifest = self.manifest or Manifest(self.outdir / "manifest.jsonl", self.header)
        manifest.verify()
        for number in [*manifest.bad, *manifest.damaged, *manifest.said] * self.args.retry_bad:
            manifest.forget(number)
        todo = [frame for frame in self.plan.frames if frame.number not in manifest.lines]
        self.check_room(todo)
        self.heading(len(manifest.lines))
        publisher = journal.Publisher(self.outdir, self.staging, manifest, self.old)
        run = Run(publisher, lock, len(self.plan.frames), len(manifest.lines))
        run.silent = tuple(self.said_already())
        for text in self.device.trial.said:
            run.tell(text)
        run.catch_signals()
        stop = None
        try:
            rounds.make(self, run)
            if not run.signals or not rounds.lacking(self, run):
                self.settle(run)
            system.sync(self.outdir, [])
        except Stop as error:
            stop = error
        except OSError as error:
            stop = Stop(FAILED, f"stopped: {cause(error)}")
        finally:
            publisher.close()
        self.report(run, stop)

    def check_room(self, todo):
        """Names that are to be written are free, INPUT is not what gets replaced, and the disk has room."""
        layout = journal.Layout(self.outdir / "images", self.folders, self.plan.digits, self.args.format)
        inputs = {identity(path) for path in self.source.paths()} - {None}
        old = {}
        for path, size in self.old.files() if self.old else ():
            if journal.judge(path, size, self.old.header["format"]) in ("ours", "torn"):
                old[str(path)] = size
                if identity(path) in inputs:
                    raise Stop(USAGE, f"{self.args.input}: {path} is of the result that --overwrite would replace: "
                                      "choose another OUTDIR")
        ours = set(old).union(str(path) for number in self.manifest.listed for path in layout.paths(number))
        outdir.check_names(layout, [frame.number for frame in todo], ours, bool(self.old or self.manifest.length))
        made = list(self.manifest.sizes.values())
        need = len(todo) * (sum(map(sum, made)) / len(made) if made else sum(self.device.trial.sizes))
        free = shutil.disk_usage(self.staging).free + sum(old.values())
        if free < need * 3 / 4 and not self.args.resume_anyway:     # the first frame may be a busy one
            raise Stop(USAGE, f"{self.outdir}: {len(todo)} frames of {plural(len(self.folders), 'view')} need about "
                              f"{need / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free (--resume-anyway tries all the same)")

    def heading(self, done):
        src, args = self.source, self.args
        length = (plural(len(src.files), "picture") if src.is_pictures
                  else f"{float(src.rate):g} fps, {src.duration:g} s")
        name = args.rig if len(args.rig) < 50 else args.rig[:45] + "[...]"
        say(f"extract: {args.input}: {src.width}x{src.height}, {length} -> {name}: "
            + ", ".join(f"{plural(n, 'view')} of {size}" for size, n in Counter(self.sizes).items())
            + f", {command.encoder(args, self.device.nvjpeg)[1]}, {self.device.words}")
        if src.untagged:
            say("extract: the input names no colour matrix: taken for BT.709")
        if args.fps and 0 < src.rate < args.fps:
            say(f"extract: --fps {float(args.fps):g}: the input has fewer, all are used")
        for note in src.notes:
            say(f"extract: {note}")
        if done:
            say(f"extract: goes on after {done} of {plural(len(self.plan.frames), 'frame')}")

    def said_already(self):
        """Of what the filter says while it runs."""
        if self.source.untagged:
            yield "The input does not say what its matrix is; BT.709"
        if any("HDR" in note for note in self.source.notes):
            yield "The input is HDR"

    def settle(self, run):
        """All is there or lost: what is known only now goes into the manifest."""
        manifest, before = self.manifest, dict(self.manifest.header)
        if self.plan.by == "n":
            manifest.header["frames"] = len(manifest.lines)
        manifest.header["complaints"] = self.complaints(run.complaints)
        if manifest.length and (manifest.header != before or manifest.torn or not manifest.sorted):
            manifest.rewrite(self.staging)

    def complaints(self, more=()):
        """What demuxers and decoders have complained of, as far as no frame tells it."""
        if self.source.is_pictures:
            return []
        manifest = self.manifest
        earlier = manifest.header.get("complaints", []) if manifest and not self.args.retry_bad else []
        said = [text for texts in manifest.said.values() for text in texts] if manifest else []
        found = list(dict.fromkeys(text for text in [*earlier, *self.plan.complaints, *said, *more]
                                   if not re.fullmatch(r"and \d+ more", text)))
        return found[:COMPLAINTS] + [f"and {len(found) - COMPLAINTS} more"] * (len(found) > COMPLAINTS)

    # -- what came of it ----------------------------------------------------------

    def report(self, run=None, stop=None):
        """Say it, by an exit code, too.  run: what was made now; stop: why that ended early."""
        manifest = self.manifest
        frames, images = len(manifest.sizes), sum(map(len, manifest.sizes.values()))
        text = f"{plural(frames, 'frame')}, {plural(images, 'image')}, {sum(map(sum, manifest.sizes.values())) / 1e6:.1f} MB"
        if run:
            took = time.monotonic() - run.began
            new = run.frames * len(self.folders)
            text += (f", {new} of them now" * bool(run.before) + f" in {took:.1f} s ({new / took:.1f} images/s)")
        text += f": {self.outdir / 'images'}" * bool(frames)
        if run and run.signals:
            raise Stop(INTERRUPTED, f"interrupted; finished: {text}; the same command goes on")
        if stop:
            raise Stop(stop.code, f"{stop}; finished: {text}")
        bad = self.damage()
        for line in bad:
            say(f"extract: {line}")
        if bad:
            raise Stop(DAMAGED, f"done, but some input was bad or missing: {text}")
        say(f"extract: {text}" if run else f"extract: all is there already: {text}")

    def damage(self):
        """Lines about input that was bad or missing."""
        manifest, total = self.manifest, len(self.manifest.lines)
        lines = list(self.source.listing[1]) if self.source.is_pictures else []
        if self.source.is_pictures:
            paths, choice = dict(enumerate(self.source.paths())), self.args.choice()
            lines += [f"{paths.get(plan.place_of(number, choice), name)}: {why}"
                      for number, (why, name) in sorted(manifest.bad.items())]
        else:
            reasons = {}
            for number, (why, _) in sorted(manifest.bad.items()):
                reasons.setdefault(why, []).append(number)
            lines += [f"{why}: {len(numbers)} of {total} frames: {ranges(numbers)}" for why, numbers in reasons.items()]
        if manifest.damaged:
            lines.append(f"damaged, used as far as decoded: {len(manifest.damaged)} of {total} frames: "
                         f"{ranges(sorted(manifest.damaged))}")
        return lines + [f"ffmpeg: {line}" for line in manifest.header.get("complaints", [])]


def identity(path):
    """Of a file, by whatever name."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino


def extract(args):
    job = Job(args)
    if not args.dry_run:
        outdir.refuse_if_held(job.outdir)
        job.look()
        if job.manifest and not os.path.lexists(job.staging) and job.finished():
            return job.report()
    job.prepare()
    if args.dry_run:
        say(f"extract: {job.device.words}")
        cuts = parts.find(job.plan, job.source)
        part = cuts.part(job.plan.frames) if cuts else parts.Part(job.plan.frames)
        skips = part.intervals not in (None, [[0, len(job.plan.packets) - 1]]) and cuts.hold(job.ffprobe)
        text = part.text(job.plan, job.source.time_base) if skips else ""
        some = ["-read_intervals", text] * (0 < len(text) < system.LONGEST)     # else all is decoded
        for line in command.printed(job.ffmpeg, args, job.source, job.device, job.plan, job.folders,
                                    job.outdir / "images", f"{tempfile.gettempdir()}/extract-{os.getpid()}", some):
            print(line)
        return sys.stdout.flush()
    with outdir.claim(job.outdir) as lock:
        job.work(lock)
