# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one place where Linux and Windows differ."""

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
import time

try:
    import fcntl
    import resource
except ImportError:
    fcntl = None
    import msvcrt

POSIX = fcntl is not None
BINARY = getattr(os, "O_BINARY", 0)     # for os.open: without it, Windows writes \r\n for \n and cuts off a last \x1a
ENCODING = None if POSIX else "utf-8"   # of what is printed: what Windows would take knows few characters
LONGEST = 100000 if POSIX else 8000     # characters of an argument; Linux takes 128 KiB, Windows 32 KiB for a command
STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
TRIES = 1 if POSIX else 100     # on Windows another program, or an ffmpeg that is ending, may have a file open for a while


def own_descriptors():
    """Whoever started us may have closed 0, 1 or 2: what is opened later must not get these numbers."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
    for name in "stdin", "stdout", "stderr":
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))      # noqa: SIM115


def absolute_libraries():
    """ffmpeg finds its libraries from whatever folder it is started in."""
    for name in "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NVJPEG_LIBRARY":
        paths = os.environ.get(name, "").split(os.pathsep)
        os.environ.update({name: os.pathsep.join(os.path.abspath(path) if os.sep in path else path for path in paths)}
                          if any(paths) else {})


def cpus():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def allow_files(number):
    """Have that many files open at once, in ffmpeg, too; the limit if that is lower."""
    if not POSIX:
        return number
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        soft = number if hard == resource.RLIM_INFINITY else min(number, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return number if soft == resource.RLIM_INFINITY else min(soft, number)


# -- files --------------------------------------------------------------------

def lock(descriptor):
    """Lock an open file; False if somebody else has locked it. ffmpeg shares the lock if it inherits the file."""
    try:
        if POSIX:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)      # others may read what is written in it
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def alive(pid):
    """Whether there is such a process."""
    if POSIX:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True
    handle = ctypes.windll.kernel32.OpenProcess(0x100000, False, pid)      # SYNCHRONIZE
    if not handle:
        return False
    running = ctypes.windll.kernel32.WaitForSingleObject(handle, 0) != 0
    ctypes.windll.kernel32.CloseHandle(handle)
    return running


@functools.lru_cache(None)
def libc(name, *types):
    """A function of the C library that sets errno, or None."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None) if POSIX else None
    if function:
        function.argtypes = types
    return function


def sync(folder, paths):
    """Have these files, which are below the folder, on the disk before anything is done that relies on them."""
    syncfs = libc("syncfs", ctypes.c_int)
    if syncfs:      # one call for all of them: a tenth of the time of a call for each
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if syncfs(descriptor):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
        finally:
            os.close(descriptor)
        return
    for path in paths:
        descriptor = patiently(os.open, path, os.O_RDWR | BINARY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_back(path):
    """Have the disk begin with a finished file, without waiting; False where that cannot be asked for.

    So it is busy all the time, and a sync later finds little left to do: 600 frames of eight
    views (7 GB) take as long on a disk as in memory, where 2.2 s more went by without this.
    """
    sync_file_range = libc("sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    if not sync_file_range:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return not sync_file_range(descriptor, 0, 0, 2)     # SYNC_FILE_RANGE_WRITE
    finally:
        os.close(descriptor)


def patiently(function, *args):
    """For files that somebody else may have open."""
    for left in reversed(range(TRIES)):
        try:
            return function(*args)
        except PermissionError:
            if not left:
                raise
            time.sleep(.05)


def unlink(path):
    patiently(os.unlink, path)


def rename(source, target, replace=False):
    """Rename a file; unless told to, never in the place of another one."""
    patiently(os.replace if replace else rename_new, source, target)


def rename_new(source, target):
    renameat2 = libc("renameat2", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    if renameat2:
        if not renameat2(-100, os.fsencode(source), -100, os.fsencode(target), 1):      # AT_FDCWD, RENAME_NOREPLACE
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):    # not of this file system
            raise OSError(code, os.strerror(code), str(source), None, str(target))
    if POSIX and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)       # on Windows it never replaces


def put(file, data):
    while data:
        data = data[os.write(file, data):]


def write(path, data):
    """A whole file, on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY | getattr(os, "O_NOFOLLOW", 0)
    file = patiently(os.open, path, flags, 0o666)
    try:
        put(file, data)
        os.fsync(file)
    finally:
        os.close(file)


def refer(path, name):
    """Have a file under another name as well, by what the file system offers."""
    for way in os.symlink, os.link, shutil.copyfile:
        if way is os.link and not os.access(path, os.W_OK):
            continue        # Windows does not remove a read-only file, by whatever name
        try:
            return way(path, name)
        except (OSError, NotImplementedError) as error:
            if way is shutil.copyfile or isinstance(error, FileExistsError):
                raise


def terminal():
    """Whether standard error is a terminal on which a line can be written again."""
    if POSIX or not sys.stderr.isatty():
        return sys.stderr.isatty()
    kernel, mode = ctypes.windll.kernel32, ctypes.c_uint32()
    console = kernel.GetStdHandle(-12)
    return bool(kernel.GetConsoleMode(console, ctypes.byref(mode)) and kernel.SetConsoleMode(console, mode.value | 4))


# -- ffmpeg -------------------------------------------------------------------

PROGRAM = "ffmpeg" if POSIX else "ffmpeg.exe"
jobs = []       # of Windows: what is in them ends when the last handle is closed, at the latest with us


def takes(command):
    """Whether a command is not too long."""
    return POSIX or len(subprocess.list2cmdline(command)) < 32767


def child():
    """Options of subprocess for a child that a terminal's signals do not reach and that does not outlive us."""
    if not POSIX:       # there Ctrl-C has to end it, as subprocess.run does not listen while it waits
        return {}
    prctl, parent = libc("prctl", ctypes.c_int, ctypes.c_ulong), os.getpid()

    def prepare():
        if prctl:
            prctl(1, signal.SIGKILL)    # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)
    return {"start_new_session": True, "preexec_fn": prepare}


def start(command, keep, **options):
    """Start ffmpeg; keep: a descriptor that it shares."""
    if POSIX:
        return subprocess.Popen(command, pass_fds=(keep,), **child(), **options)
    process = subprocess.Popen(command, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP, **options)
    kernel = ctypes.windll.kernel32
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
    limits = (ctypes.c_uint32 * 36)()           # JOBOBJECT_EXTENDED_LIMIT_INFORMATION
    limits[4] = 0x2000                          # its flags: KILL_ON_JOB_CLOSE
    kernel.SetInformationJobObject(job, 9, ctypes.byref(limits), ctypes.sizeof(limits))
    kernel.AssignProcessToJobObject(job, ctypes.c_void_p(int(process._handle)))
    jobs.append(job)
    return process


def status(code):
    """An exit code of ffmpeg as POSIX has it: the low byte of an error, below 0 for a crash."""
    if POSIX:
        return code
    return code - (1 << 32) if code >> 16 == 0xC000 else code & 0xFF


def interrupt(process):
    """Ask ffmpeg to finish what it has begun: exactly one signal, at the second one it drops everything."""
    try:
        process.send_signal(signal.SIGINT if POSIX else signal.CTRL_BREAK_EVENT)
    except (OSError, SystemError):      # Windows, without a console; SystemError is Python's mistake
        process.kill()


def available(pipe):
    """What can be read from a pipe without waiting."""
    if POSIX:
        os.set_blocking(pipe.fileno(), False)
        try:
            return os.read(pipe.fileno(), 1 << 20)
        except BlockingIOError:
            return b""
    there = ctypes.c_uint32()
    handle = ctypes.c_void_p(msvcrt.get_osfhandle(pipe.fileno()))
    if not ctypes.windll.kernel32.PeekNamedPipe(handle, None, 0, None, ctypes.byref(there), None) or not there.value:
        return b""
    return os.read(pipe.fileno(), there.value)
