"""What this machine can do. Tests that it cannot run are left out, loudly."""
import functools
import os
import pathlib
import platform
import resource

import pytest

CGROUPS = pathlib.Path("/sys/fs/cgroup")
ARCHITECTURE = platform.machine()


def skip(reason):
    """Leaves a test out; with MUST_RUN=1 that is a failure."""
    if os.environ.get("MUST_RUN") == "1":
        pytest.fail(f"MUST_RUN=1, and this test cannot run: {reason}")
    pytest.skip(reason)


@functools.cache
def cgroup_mode():
    """unified, hybrid or legacy."""
    if (CGROUPS / "cgroup.controllers").exists():
        return "unified"
    return "hybrid" if (CGROUPS / "unified/cgroup.controllers").exists() else "legacy"


@functools.cache
def hierarchies():
    """{controller: where its hierarchy is mounted}, and "" for the one of version 2."""
    found = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split()[:3]
        place = pathlib.Path(left.split()[4])
        if kind == "cgroup2":
            found[""] = place
        elif kind == "cgroup":
            for option in options.split(","):
                if option not in ("rw", "ro", "xattr", "clone_children", "noprefix") and "=" not in option or option.startswith("name="):
                    found[option] = place
    return found


def need_controller(name):
    """Where its hierarchy is mounted; with cgroup v2 the one hierarchy."""
    if cgroup_mode() == "unified":
        if name not in (CGROUPS / "cgroup.controllers").read_text().split() and name not in ("devices", "freezer"):
            skip(f"this machine has no cgroup controller {name}")
        return CGROUPS
    if name not in hierarchies():
        skip(f"this machine has no cgroup v1 hierarchy with {name}")
    return hierarchies()[name]


def need_v1():
    if cgroup_mode() == "unified":
        skip("this machine has cgroup v2 only")


def need_v2():
    if cgroup_mode() != "unified":
        skip("this machine has no pure cgroup v2")


def capabilities(which="CapBnd"):
    """Of this process, as a mask."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which + ":"):
            return int(line.split()[1], 16)
    raise AssertionError(which)


def need_capability(name, number):
    if not capabilities() >> number & 1:
        skip(f"root lacks {name} on this machine")


def need_kernel_file(path, what):
    if not pathlib.Path(path).exists():
        skip(f"this kernel has no {what}: there is no {path}")


def hard_limit(name):
    return resource.getrlimit(getattr(resource, name))[1]
