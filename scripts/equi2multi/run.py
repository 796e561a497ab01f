# SPDX-License-Identifier: LGPL-2.1-or-later
"""One ffmpeg, watched: its reports, its log, its progress, and the user's wish to stop it."""

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from . import FAILED, Stop, say, system
from .ffmpeg import DECODING, machine_trouble, parse_log
from .stage import Stage

BATCH = 2           # s from one publication to the next, unless the disk takes longer: what a crash may cost
POLL = .02          # s between looks at ffmpeg
IN_FLIGHT = 24      # frames that ffmpeg may still write when it is asked to stop
NO_SPACE = errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC
COMPLAINTS = 5      # that are kept; all are counted
CUT = re.compile("(?i)corrupt|truncat|prematurely|partial file")     # what demuxers only warn of
GAP = 32            # frames behind one that lacks, until it is taken for lost: more than codecs reorder
VAGUE = ("Error muxing", "Terminating", "Task finished", "Error submitting", "Error while", "Conversion failed",
         "Nothing was written", "Error initializing", "Error sending", "Could not open encoder",
         "ff_frame_thread_encoder_init failed")


def ended(code):
    with contextlib.suppress(ValueError):
        return f"ffmpeg was ended by {signal.Signals(-code).name}"
    return f"ffmpeg ended with exit code {code}"


class Run:
    """All that ffmpeg does for a job, in one process after the other."""

    def __init__(self, publisher, lock, total, done):
        self.publisher, self.lock = publisher, lock
        self.total, self.before = total, done       # frames of the plan, and those of an earlier run
        self.process, self.signals, self.parts = None, 0, 0
        self.complaints, self.told = {}, set()      # of the decoders, in order; what has been said
        self.tty = system.terminal()
        self.began = self.shown = self.published = time.monotonic()
        self.frames = 0                             # that this run has published
        self.reasons = {}                           # {number: why it cannot be made}
        self.silent = ()                            # how that begins which is said elsewhere
        self.new_process()

    def new_process(self, stages=(), by="pts", sought=False, trusted=True):
        self.stages = stages
        self.by = by                        # what a key is, as in Plan
        self.sought = sought                # decoding starts in the middle of a video
        self.trusted = trusted              # what lacks or is complained of is so; else it is to be tried otherwise,
        self.doubt = ""                     # and this is why
        self.errors, self.damaged, self.log = [], set(), b""
        self.packets = self.decoded = self.failed = 0
        self.full = self.late = self.stray = False      # no space left; the first frames were not decoded; one that
                                                        # no packet has the time of
        self.writing = False                # the first picture is there
        self.asked = False                  # ffmpeg was asked to end
        self.muxed = {}                     # {output: pictures}, told at the end

    # -- the user's wish to stop it -----------------------------------------------

    def on_signal(self, *_):
        """First: ffmpeg finishes what it has begun.  Second: the end."""
        self.signals += 1
        if self.signals == 1:
            with contextlib.suppress(OSError):    # os.write: print() must not be entered twice
                os.write(2, b"\n" * self.tty + b"extract: finishing the frames under way (once more: stop at once)\n")
        if self.process:
            self.stop(kill=self.signals > 1)

    def stop(self, kill=False):
        """Have ffmpeg end; it is asked once, for at a second signal it drops what it is reading, and conceals that."""
        with contextlib.suppress(OSError):
            if kill:
                self.process.kill()
            elif not self.asked:
                self.asked = True
                system.interrupt(self.process)

    def catch_signals(self):
        for number in system.STOPS:
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:     # nohup
                signal.signal(number, self.on_signal)

    # -- one ffmpeg ---------------------------------------------------------------

    def new_folder(self):
        """One below OUT/.staging that was not there: file managers leave their own files in what was."""
        while True:
            folder = self.publisher.staging / f"part_{self.parts}"
            self.parts += 1
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
                return folder

    def stage(self, todo, places):
        return Stage(self.new_folder(), self.publisher.layout, todo, places)

    def ffmpeg(self, command, stages, **how):
        """Run ffmpeg, publish what it makes; its exit code.  how: see new_process."""
        self.new_process(stages, **how)
        self.process = system.start(command, self.lock, cwd=stages[0].folder, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            if self.signals:    # came while it was being started
                self.stop(kill=self.signals > 1)
            self.watch()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            code = system.status(self.process.wait())
            self.process.stderr.close()
            if self.tty:
                say("\r\x1b[K", end="")
            self.process = None
        return code

    def reports(self):
        return [report for stage in self.stages for report in stage.reports]

    def watch(self):
        ended, looked = False, 0
        while not ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL)
                ended = True
            now = time.monotonic()
            if ended or now - self.published >= BATCH:
                self.published = now
                self.publish(ended)
            else:
                self.read_log()
            if not ended and now - looked > .2:
                looked = now
                for report in self.reports():
                    report.read()
                    report.write_back()
                self.watch_space()
                if now - self.shown > (0 if self.tty else 5):
                    self.show(sum(len(stage.reports[0].lines) + len(stage.waiting) for stage in self.stages))
        while self.read_log():
            pass

    def publish(self, ended):
        """Publish what is whole in all views.  What the log says of a frame, it has said before the reports do."""
        for report in self.reports():
            report.read()
        while self.read_log():
            pass
        for stage in self.stages:
            strangers = stage.collect(ended)
            if self.trusted and strangers and self.by == "pts" and self.clean():
                self.stray = True
                return self.stop(kill=True)
            if strangers and not self.trusted:
                self.suspect("it has frames that no packet has the time of")
            if self.trusted and self.sought and stage.waiting and stage.waiting[0][0] and not stage.next:
                self.late = True    # the place that was sought is too late
                return self.stop(kill=True)
        well = ended and not self.process.returncode and not self.signals and not self.full and not self.doubt
        if well and any(report.taken + len(report.lines) != self.muxed.get(i) for i, report in enumerate(self.reports())):
            raise Stop(FAILED, f"stopped: ffmpeg has not reported all of its pictures in {self.publisher.staging}")
        if well and self.trusted and self.by == "pts" and self.clean() and not (self.failed or self.sought) and any(
                stage.next + len(stage.waiting) < len(stage.todo) for stage in self.stages):
            self.stray = True       # all is sound, and yet frames lack
            return
        batch = [] if self.doubt else sorted(
            (entry for stage in self.stages for entry in self.ready(stage, well)), key=lambda entry: entry[0]["frame"])
        if ended:
            for stage in self.stages:
                stage.make_room()
        fresh = self.fresh()
        if batch and fresh:
            batch[0][0]["said"] = fresh
        while batch:
            try:
                self.publisher.publish(batch)
                break
            except OSError as error:
                # a full disk: what a frame less takes is enough to tell of the others
                if not ended or error.errno not in NO_SPACE or self.publisher.pending or not batch[-1][1]:
                    raise
                self.full, (name, index) = True, batch.pop()[1]
                for report in next(stage for stage in self.stages if stage.name == name).reports:
                    os.unlink(report.file(index))
        self.frames += sum(bool(staged) for _, staged in batch)

    def ready(self, stage, well):
        """What can be published of a part: [(entry of the manifest, (folder, index of its files) or None if it is lost)]"""
        batch = []
        while stage.waiting:
            place, staged, sizes = stage.waiting[0]
            lack = any(frame.number not in self.reasons for frame in stage.todo[stage.next:place])
            if lack and not self.trusted:
                if well or len(stage.waiting) > GAP:
                    self.suspect("it lacks frames")
                break
            if lack and not well and len(stage.waiting) <= GAP:
                break       # an interrupted decoder gives out later frames without those between
            stage.waiting.popleft()
            batch += [(self.lost(frame), None) for frame in stage.todo[stage.next:place]]
            stage.next, frame = place + 1, stage.todo[place]
            entry = {"frame": frame.number, "pts": frame.pts, "time": frame.time, "sizes": sizes}
            if frame.file:
                entry["file"] = frame.name
            if frame.key in self.damaged:
                entry["damaged"] = True
            batch.append((entry, staged))
        return batch

    def suspect(self, why):
        """What comes may be wrong because of where decoding begins."""
        if not self.doubt and not self.signals:
            self.doubt = why
            self.stop()

    def clean(self):
        """Whether nothing was published yet or complained of: it can be told by other means which frame is which."""
        return not self.publisher.manifest.lines and not any(DECODING.search(where) for where, _ in self.errors)

    def fresh(self):
        """Complaints that the manifest does not have yet; it gets a few, at once, for this run may be cut short."""
        if self.stages[0].todo[0].file:     # of pictures each that is bad is named
            return []
        known = {text for said in self.publisher.manifest.said.values() for text in said}
        return [text for text in self.complaints if text not in known][:max(COMPLAINTS - len(known), 0)]

    def watch_space(self):
        """Stop in time if the disk gets too full for what is left to be made."""
        frame = max(sum(report.lines[-1][0] for report in stage.reports if report.lines) for stage in self.stages)
        free = shutil.disk_usage(self.publisher.staging).free
        todo = sum(len(stage.todo) - stage.next - len(stage.reports[0].lines) for stage in self.stages)
        if free < IN_FLIGHT * frame and free + self.publisher.to_go() < frame * todo:
            self.full = True
            self.stop()

    def lost(self, frame, why="could not be decoded"):
        """The manifest's entry for a frame that is not there."""
        entry = {"frame": frame.number, "bad": self.reasons.get(frame.number, why)}
        if frame.file:
            entry["file"] = frame.name
        return entry

    # -- what it says -------------------------------------------------------------

    def read_log(self):
        data = system.available(self.process.stderr) if self.process else b""
        *lines, self.log = (self.log + data).split(b"\n")
        for line in lines:
            self.on_log(*parse_log(line.decode(errors="replace")))
        return bool(data)

    def on_log(self, where, level, text):
        if text.startswith("-read_intervals: "):
            self.lack(text)
        if level in ("error", "fatal", "panic") and text:
            if len(self.errors) < 10000:
                self.errors.append((where, text))
            # before the first picture, what is complained of may be what a wanted one does not need
            if self.writing and DECODING.search(where):
                self.complain(where, text)
        elif level == "info" and text.startswith("Output #0, "):
            self.writing = True
        elif level in ("warning", "info") and "equi2multi" in where:
            self.tell(text)
        elif level == "warning":
            corrupt = re.fullmatch(r"corrupt decoded frame(?: \(number (\d+), pts (-?\d+)\))?", text)
            if corrupt:
                self.corrupt(where, int(corrupt[1 if self.by == "n" else 2] or -1))
            elif CUT.search(text) and not where.startswith("[out"):
                self.complain(where, text)
        elif level == "verbose":
            counts = re.match(r"Input stream #.*\): (\d+) packets read.*; (\d+) frames decoded; (\d+) decode errors", text)
            if counts:
                self.packets, self.decoded, self.failed = map(
                    sum, zip((self.packets, self.decoded, self.failed), map(int, counts.groups())))
            counts = re.match(r"Output stream #(\d+):.*; (\d+) packets muxed", text)
            if counts:
                self.muxed[int(counts[1])] = int(counts[2])

    def lack(self, text):
        """An interval is not found, or the input ends in one, which a file that is cut short does."""
        if not self.trusted:
            self.suspect(text)
        elif "the input ends" not in text:
            self.late = True

    def complain(self, where, text):
        if self.trusted:
            self.complaints[where + text] = None
        else:
            self.suspect(text)

    def corrupt(self, where, key):
        """A frame is damaged; what leads to a part is, too, but is not of it."""
        part = re.search(r"vist#(\d+)", where)
        if self.trusted:
            self.damaged.add(key)
        elif not part or key in self.stages[int(part[1])].places:
            self.suspect("a frame is damaged")

    def tell(self, text):
        """Pass on what the filter says, once."""
        if text not in self.told and not text.startswith(self.silent):
            self.told.add(text)
            say("\r\x1b[K" * self.tty + f"extract: {text}")

    def show(self, waiting):
        """Progress: a line rewritten in place on a terminal, a new line elsewhere."""
        self.shown = time.monotonic()
        views, new = len(self.publisher.layout.folders), self.frames + waiting
        done, rate = self.before + new, new / (self.shown - self.began)
        text = (f"{done}{f'/{self.total}' if self.total else ''} frames, {done * views} images, "
                f"{rate * views:.1f} images/s")
        if rate and self.total >= done:
            left = round((self.total - done) / rate)
            text += f", ETA {left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        if self.tty:
            share = min(20 * done // self.total, 20) if self.total else 0
            text = f"\r\x1b[K[{'#' * share:.<20}] {text}"[:shutil.get_terminal_size().columns + 3]
        say(text, end="" if self.tty else "\n")

    def trouble(self, code):
        """What the machine, not the input, is to blame for."""
        return machine_trouble("\n".join(text for _, text in self.errors), code)

    def reason(self, code):
        """The line of ffmpeg's log that says why it stopped: what decoders complained about before is not it."""
        if self.trouble(code):
            return self.trouble(code)
        causes = [error for error in self.errors if not DECODING.search(error[0])] if code > 0 else []
        where, text = min(causes, key=lambda error: error[1].startswith(VAGUE), default=("", ended(code)))
        number = 256 - code if 200 < code < 255 else 0      # ffmpeg's exit code is an errno, if it is that
        if number and os.strerror(number) not in text:
            text += f" ({os.strerror(number)})"
        output = re.search(r"(?:out|vost)#(\d+)", where)
        folders = self.publisher.layout.folders
        return (f"{self.publisher.layout.images / folders[int(output[1]) % len(folders)]}: " if output else "") + (
            text.replace("Error submitting a packet to the muxer: ", ""))
