# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line: options, signals, and one end for every error."""

import argparse
import contextlib
import os
import re
import signal
import sys
import tempfile
import traceback
from fractions import Fraction
from pathlib import Path

from . import FAILED, INTERRUPTED, USAGE, Stop, cause, plan, rig, rotations, say, system
from .extract import extract

EPILOG = """\
examples:
  scripts/extract clip.mp4 out                     8 views of every frame
  scripts/extract clip.mp4 out --fps 2 --rig cube6 --size 1024
  scripts/extract clip.mp4 out --start 1:30 --duration 20 --every 10
  scripts/extract 'panos/*.jpg' out --format png
  scripts/extract clip.mp4 out --rig 'name=front yaw=0|name=up pitch=90'

result: OUTDIR/images/cam_00/frame_00001.jpg ..., one folder per view, the same
file name for the same moment in each; OUTDIR/manifest.jsonl says what they are.
The same command again goes on where it was stopped.

exit codes: 0 all done; 1 wrong use, nothing written; 2 stopped by an error,
finished frames stay; 3 done, but some input was bad or missing; 4 another run
is writing to OUTDIR; 130 interrupted, finished frames stay.
"""
MOST_THREADS = 256


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Stop(USAGE, message.replace("argument --", "--") + " (see --help)")


def checked(pattern, allowed, convert=str):
    """An argparse type: text that matches the pattern; if not, one line says what is allowed."""
    def check(text):
        if re.fullmatch(pattern, text):
            with contextlib.suppress(ValueError, ZeroDivisionError):
                return convert(text)
        shown = text if len(text) < 40 else text[:35] + "[...]"
        raise argparse.ArgumentTypeError(f"'{shown}' is not {allowed}")
    return check


def seconds(text):
    """Exact seconds in FFmpeg's time syntax: [HH:]MM:SS[.m] or S[.m][s|ms|us]."""
    number, unit = re.fullmatch(r"([\d:.]+)(s|ms|us|)", text).groups()
    total = Fraction(0)
    for part in number.split(":"):
        total = total * 60 + Fraction(part.rstrip(".") or "0")
    return total / {"ms": 1000, "us": 1000000}.get(unit, 1)


def longer(text):
    """A time above 0."""
    if not seconds(text):
        raise ValueError
    return text


def positive(text):
    number, _, divisor = text.partition("/")
    value = Fraction(number) / int(divisor or 1)
    if value <= 0:
        raise ValueError
    return value


def threads(text):
    number = int(text)
    if not 1 <= number <= MOST_THREADS:
        raise ValueError
    return number


class Args(argparse.Namespace):
    """The options, and what they mean for a run."""

    def start_end(self):
        """s from the start of the video; the end may be None."""
        start = seconds(self.start or "0")
        end = seconds(self.end) if self.end else start + seconds(self.duration) if self.duration else None
        return start, end

    def window(self):
        """s, exact"""
        return seconds(self.sharpest)

    def choice(self):
        start, end = self.start_end()
        return plan.Choice(start, end, self.fps, self.every, self.keyframes, self.numbering)

    def asked(self):
        """For the manifest: what makes a run another one."""
        start, end = self.start_end()

        def number(text):
            return None if text is None else float(text)

        return {"rig": self.rig, "size": "x".join(self.size) if self.size else None, "fov": number(self.fov),
                "yaw": number(self.yaw), "pitch": number(self.pitch), "roll": number(self.roll),
                "rotations": self.rotations and self.rotations.digest, "in_stereo": self.in_stereo, "eye": self.eye,
                "sharpest": number(seconds(self.sharpest)) if self.sharpest else None,
                "fps": str(self.fps) if self.fps else None, "every": self.every, "start": float(start),
                "end": number(end), "keyframes": self.keyframes, "numbering": self.numbering,
                "format": self.format, "quality": self.quality}

    def turns(self, source, planned, frames):
        """The filter's option for --rotations."""
        return self.rotations.option(source, planned, frames) if self.rotations else ""

    def adopt(self, asked):
        """Take the options of an earlier run, from its manifest."""
        if asked.get("rotations") != (self.rotations and self.rotations.digest):
            raise Stop(USAGE, "--resume-anyway: the unfinished run had " + ("other rotations: --rotations FILE with them is needed"
                                                                            if asked.get("rotations") else "no --rotations"))
        self.rig, self.size = asked["rig"], asked["size"] and asked["size"].split("x")
        self.in_stereo, self.eye = asked.get("in_stereo"), asked.get("eye")
        for name in "fov", "yaw", "pitch", "roll", "every", "keyframes", "numbering", "format", "quality":
            setattr(self, name, asked[name])
        self.fps = asked["fps"] and Fraction(asked["fps"])
        self.sharpest = asked.get("sharpest") and f"{asked['sharpest']:.9f}"
        self.start, self.end, self.duration = (*(asked[key] and f"{asked[key]:.9f}" for key in ("start", "end")), None)

    def refuse_times(self):
        """INPUT is pictures."""
        for option in "fps", "start", "end", "duration", "keyframes", "sharpest":
            if getattr(self, option):
                raise Stop(USAGE, f"--{option}: {self.input} is pictures, which have no times; use --every")
        if self.numbering == "pts":
            raise Stop(USAGE, f"--numbering pts: {self.input} is pictures, which have no times; use source")


def parse_args(argv):
    angle = checked(r"[-+]?(\d{1,9}\.?\d{0,15}|\.\d{1,15})", "a number of degrees")
    time = r"(\d{1,6}:)?[0-5]?\d:[0-5]?\d(\.\d{0,9})?|(\d{1,9}\.?\d{0,9}|\.\d{1,9})(s|ms|us)?"
    moment = checked(time, "a time such as 90, 1:30 or 0:01:30.5")
    p = Parser(prog="extract", usage="extract INPUT OUTDIR [options]", allow_abbrev=False,
               description="Turn a 360-degree video (or panoramas) into folders of ordinary pictures.", epilog=EPILOG,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("input", metavar="INPUT", type=checked("(?s).+", "the name of a file or folder"),
                   help="a video, a picture, a folder of pictures, 'img_%%04d.jpg' or a quoted glob")
    p.add_argument("outdir", metavar="OUTDIR", type=checked("(?s).+", "the name of a folder", Path),
                   help="made if it does not exist")
    g = p.add_argument_group("views")
    g.add_argument("--rig", metavar="RIG", default="ring8",
                   help="a preset (? lists them), a list 'name=a yaw=0|name=b pitch=90', or @FILE with such a list; "
                        "default ring8")
    g.add_argument("--size", metavar="WxH|N", help="pixels of a view, default 1920x1920",
                   type=checked("0*[1-9][0-9]{0,5}(x0*[1-9][0-9]{0,5})?", "a size such as 1920 or 1920x1080",
                                lambda text: (text.split("x") * 2)[:2]))
    g.add_argument("--fov", metavar="DEG", type=angle, help="horizontal field of view, default the rig's own")
    for name, sign in ("yaw", "right"), ("pitch", "up"), ("roll", "clockwise"):
        g.add_argument(f"--{name}", metavar="DEG", type=angle, help=f"turn the whole rig, + is {sign}")
    g.add_argument("--in-stereo", choices=("2d", "sbs", "tb"),
                   help="how two eyes share a frame: side by side, top and bottom, not at all; default as the input says")
    g.add_argument("--eye", choices=("left", "right"), help="of stereoscopic input, default left")
    g.add_argument("--rotations", metavar="FILE", type=checked("(?s).+", "the name of a file", rotations.Rotations),
                   help="turn the rig over time, before yaw, pitch and roll: lines 'FRAME w x y z', a quaternion, or "
                        "'SECONDS w x y z' with a decimal point; a first line can name the columns: frame, time, time_ms "
                        "or pts; between them it turns evenly")
    g = p.add_argument_group("which frames (all, unless told)")
    pick = g.add_mutually_exclusive_group()
    pick.add_argument("--fps", metavar="F", help="F frames a second: those nearest to 0, 1/F, 2/F ...; none twice",
                      type=checked(r"\d{1,9}(\.\d{1,9})?(/\d{1,9})?", "a rate above 0 such as 2, 0.5 or 30000/1001",
                                   positive))
    pick.add_argument("--every", metavar="N", default=1, help="each N-th frame, from the first",
                      type=checked(r"0*[1-9]\d{0,8}", "a whole number from 1", int))
    pick.add_argument("--keyframes", action="store_true", help="key frames only")
    pick.add_argument("--sharpest", metavar="WINDOW", type=checked(time, "a time above 0 such as 0.5 or 500ms", longer),
                      help="of each WINDOW of time the frame that is blurred least; all are decoded first, to look at them")
    g.add_argument("--start", metavar="TIME", type=moment, help="begin here: 90, 1:30 or 0:01:30.5")
    end = g.add_mutually_exclusive_group()
    end.add_argument("--end", metavar="TIME", type=moment, help="stop before this time of the input")
    end.add_argument("--duration", metavar="TIME", type=moment, help="stop after this long")
    g.add_argument("--numbering", choices=("sequential", "source", "pts"), default="sequential",
                   help="what file names count: the frames chosen, from 1; the input's, from 0; or its time in "
                        "microseconds; default sequential")
    g = p.add_argument_group("pictures")
    g.add_argument("--format", choices=("jpg", "png", "tiff"), default="jpg", help="default jpg")
    g.add_argument("--quality", metavar="1..100", help="of JPEGs, on libjpeg's scale, default 95",
                   type=checked(r"0*([1-9]\d?|100)", "a whole number 1..100", int))
    g = p.add_argument_group("running")
    g.add_argument("--device", metavar="auto|cpu|cuda|cuda:N", default="auto",
                   type=checked(r"auto|cpu|cuda(:\d{1,3})?", "auto, cpu, cuda or cuda:1"),
                   help="what renders: cuda an NVIDIA GPU (the first, or number N), which decodes too if it can; auto "
                        "the best that works (a frame is tried first, and the reason said); default auto")
    g.add_argument("--decoders", metavar="auto|N", default="auto", type=checked(r"auto|0*[1-9]\d?", "auto or a number 1..99",
                                                                                  lambda text: text if text == "auto" else int(text)),
                   help="parts of a video that are decoded at the same time; auto: one for each decode engine of the GPU that "
                        "the video is long enough for, one on the CPU; default auto")
    g.add_argument("--threads", metavar="N", default=min(system.cpus(), MOST_THREADS),
                   type=checked(r"\d{1,9}", f"a whole number 1..{MOST_THREADS}", threads),
                   help="threads to decode, to render and to encode with, default one per CPU (%(default)s)")
    g.add_argument("--overwrite", action="store_true", help="replace the pictures of an earlier run")
    g.add_argument("--resume-anyway", action="store_true",
                   help="go on with an unfinished run of other options, by these, or of other software or input, and start "
                        "where the disk seems too small")
    g.add_argument("--retry-bad", action="store_true", help="try again what could not be decoded before, or only in part")
    g.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    args = p.parse_args(argv, Args())
    start, end = args.start_end()
    for wrong, line in (
            (args.fov and not 0 < float(args.fov) < 180, f"--fov {args.fov}: must be above 0 and below 180 degrees"),
            (args.quality and args.format != "jpg", f"--quality {args.quality}: is for jpg, {args.format} is lossless"),
            (end is not None and end <= start, f"--{'end' if args.end else 'duration'} {args.end or args.duration}: "
                                               "must be later than the start"),
            (args.dry_run and args.sharpest, "--dry-run: which frames are sharp is not known before they are decoded"),
            (args.overwrite and args.resume_anyway, "--overwrite: not allowed with --resume-anyway"),
            *((value is not None and abs(float(value)) > 360, f"--{name} {value}: must be -360 to 360 degrees")
              for name, value in (("yaw", args.yaw), ("pitch", args.pitch), ("roll", args.roll)))):
        if wrong:
            raise Stop(USAGE, line)
    if args.format == "jpg":
        args.quality = args.quality or 95
    args.rig = rig.read(args.rig)
    return args


def logged(error):
    """Where the details of an error are that nobody thought of."""
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile("w", prefix="equi2multi-", suffix=".log", delete=False, encoding="utf-8",
                                         errors="backslashreplace") as file:
            traceback.print_exception(type(error), error, error.__traceback__, file=file)
            return f"; details are in {file.name}"
    return ""


def main(command, argv=None):
    """Run a command and exit."""
    system.own_descriptors()
    system.absolute_libraries()
    for number in system.STOPS:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:     # nohup
            signal.signal(number, signal.default_int_handler)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding=system.ENCODING, errors="surrogateescape")
    code = 0
    try:
        extract(parse_args(sys.argv[1:] if argv is None else argv))
    except Stop as stop:
        say(f"{command}: {stop}")
        code = stop.code
    except KeyboardInterrupt:
        say(f"{command}: interrupted, nothing written")
        code = INTERRUPTED
    except OSError as error:
        say(f"{command}: {cause(error)}")
        code = USAGE
    except Exception as error:      # noqa: BLE001, the last resort
        say(f"{command}: internal error: {type(error).__name__}: {error}{logged(error)}")
        code = FAILED
    for number in system.STOPS:
        signal.signal(number, signal.SIG_IGN)    # all is done: one that comes now must not change the code
    try:
        sys.stdout.flush()
    except (OSError, ValueError):       # Python would try again, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)
