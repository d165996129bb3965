#!/usr/bin/env python3
"""Holds what the child may use between clone3 and execve: the symbols of its objects against a list.

usage: check-child-symbols.py ARCHIVE     (build/src/libminirun-child.a)

libminirun may live in a program with threads. After the clone only the calling thread exists, so a lock that another
one held (in malloc, stdio, the loader, C++ runtime guards) stays locked for ever. And the child may be in its parent's
memory, thread-local storage included, while that goes on: whatever sets errno is out, as is any variable that can be
written."""
import re
import subprocess
import sys

ALLOWED = set("""
clock_gettime getauxval
memcpy memmove memset memcmp strlen strcmp strrchr
program_invocation_name __stack_chk_fail __memcpy_chk _GLOBAL_OFFSET_TABLE_
""".split())

lines = subprocess.run(["nm", "--demangle", sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
undefined = {line.split(maxsplit=1)[1] for line in lines if line.strip().startswith("U ")}
defined = dict(line.split(maxsplit=2)[:0:-1] for line in lines if re.match(r"^[0-9a-f]{16} ", line))
foreign = sorted(symbol for symbol in undefined - set(defined) if symbol not in ALLOWED)
for symbol in foreign:
    print(f"the child calls {symbol}, which is not on the list")
variables = sorted(symbol for symbol, kind in defined.items() if kind in "bBdDsSgG")
for symbol in variables:
    print(f"the child has a variable: {symbol}")
print(f"child: {len(undefined - set(defined))} foreign symbols, {len(foreign)} of them not allowed; {len(variables)} variables")
sys.exit(1 if foreign or variables else 0)
