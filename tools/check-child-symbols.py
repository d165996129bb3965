#!/usr/bin/env python3
"""Holds what the child may call between clone3 and execve: the undefined symbols of its objects against a list.

usage: check-child-symbols.py ARCHIVE     (build/src/libminirun-child.a)

libminirun may live in a program with threads. After the clone only the calling thread exists, so a lock that another
one held (in malloc, stdio, the loader, C++ runtime guards) stays locked for ever. Only what is async-signal-safe
(signal-safety(7)) or a plain wrapper of a system call may be called."""
import re
import subprocess
import sys

ALLOWED = set("""
_exit chdir chown clock_gettime close dup dup2 execve fchdir fchown fchownat fcntl fstat fstatat fstatfs getauxval getuid ioctl kill mkdirat mknodat open
openat poll prctl read recvmsg sendmsg setdomainname sethostname setns setsid sigaction sigemptyset sigfillset sigprocmask
sigwaitinfo socket socketpair symlinkat syscall umask waitid waitpid write
memcpy memset memcmp strlen strcmp strrchr
program_invocation_name __errno_location __stack_chk_fail __memcpy_chk __read_chk _GLOBAL_OFFSET_TABLE_
""".split())
# Fortified and 64-bit names of the same calls.
ALIAS = re.compile(r"^(?:__)?(.+?)(?:64)?(?:_2|_chk)?$")


def allowed(symbol: str) -> bool:
    return symbol in ALLOWED or ALIAS.match(symbol)[1] in ALLOWED


lines = subprocess.run(["nm", "--demangle", sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
undefined = {line.split(maxsplit=1)[1] for line in lines if line.strip().startswith("U ")}
defined = {line.split(maxsplit=2)[2] for line in lines if re.match(r"^[0-9a-f]{16} ", line)}
foreign = sorted(symbol for symbol in undefined - defined if not allowed(symbol))
for symbol in foreign:
    print(f"the child calls {symbol}, which is not on the list of async-signal-safe calls")
print(f"child: {len(undefined - defined)} foreign symbols, {len(foreign)} of them not allowed")
sys.exit(1 if foreign else 0)
