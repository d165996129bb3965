"""Processes on the host: ours, and those that were left to us."""
import contextlib
import ctypes
import os
import pathlib
import select
import signal
import tempfile
import time

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
MS_BIND = 4096
MS_REC_PRIVATE = 0x4000 | 0x40000
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = int(os.environ.get("MINIRUN_TEST_PATIENCE", "1"))  # times all time limits: more, where a machine is emulated


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def become_subreaper():
    """Orphans of what is started from here on become our children: they can be waited for and their status is known."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def enter_own_mount_namespace():
    """What tests mount is seen by nobody else, and is gone with this process."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), "mount")
    hide_null_device()


def hide_null_device():
    """A null device of our own over the host's, in this mount namespace: crun gives what is a container's standard input to the
    container's user, and engines take /dev/null for that."""
    directory = tempfile.mkdtemp()
    mount("tmpfs", directory, "tmpfs")
    os.mknod(f"{directory}/null", 0o20666, os.makedev(1, 3))
    os.chmod(f"{directory}/null", 0o666)
    mount(f"{directory}/null", "/dev/null", None, MS_BIND)
    unmount(directory)
    os.rmdir(directory)


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda word: None if word is None else os.fsencode(word)
    _check(_libc.mount(encode(source), encode(target), encode(kind), flags, encode(data)), f"mount {target}")


def unmount(target):
    """Lazily; what is not mounted is fine."""
    _libc.umount2(os.fsencode(target), 2)


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name: state, parent, … or nothing."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def is_running(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def children(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields and int(fields[1]) == parent:
                found.append(int(entry))
    return found


def reap(pids):
    """Those that have ended. The first process of a pid namespace cannot end before all others of it are reaped, so nobody
    is waited for."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end_descendants(parent, seconds=20):
    """Kills all that is below a process; below this one it reaps, too, with what becomes ours thereby."""
    end = time.monotonic() + seconds
    while True:
        found = children(parent)
        for pid in found:
            end_descendants(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if parent != os.getpid() or not found or time.monotonic() > end:
            return
        reap(found)
        if children(parent):
            time.sleep(0.01)


def wait_until(condition, seconds=20.0, pause=0.01):
    """Whether it came true in time; its value."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


def exit_status(pid, seconds=20.0):
    """Waits for a child of ours, or one that was left to us. The exit code, or minus the signal; None when it lives on."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if not select.select([fd], [], [], seconds * PATIENCE)[0]:
            return None
    finally:
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def unmount_below(path):
    """All mounts at and below a path."""
    points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        if point == str(path) or point.startswith(f"{path}/"):
            unmount(point)


def remove_cgroup(path):
    """With all below it, and all that runs there."""
    if not path.is_dir():
        return
    for directory, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            for pid in (pathlib.Path(directory) / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)

        def removed(directory=directory):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
            return not os.path.exists(directory)

        wait_until(removed, 2)
