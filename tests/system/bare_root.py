#!/usr/bin/env python3
"""Runs a Python script on a container's root file system as it is below everything that is mounted in it.

usage: bare_root.py PID SCRIPT [ARG…]

A copy of the root's mount without the mounts below it (open_tree(2) without AT_RECURSIVE) becomes "/" of this process,
so the script sees the very overlay that the container has, and neither its /proc and /dev nor the files of /etc that
are mounted there."""
import ctypes
import hashlib  # noqa: F401: the script's imports, while the host's files are still there
import os
import pathlib
import stat  # noqa: F401
import sys

pid, script, *words = sys.argv[1:]
source = compile(pathlib.Path(script).read_text(), script, "exec")
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


CLONE_NEWNS, SYS_open_tree, AT_FDCWD, OPEN_TREE_CLONE = 0x20000, 428, -100, 1
checked(libc.setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), CLONE_NEWNS))
os.fchdir(checked(libc.syscall(SYS_open_tree, AT_FDCWD, b"/", OPEN_TREE_CLONE)))
os.chroot(".")
sys.argv = [script, *words]
exec(source)
