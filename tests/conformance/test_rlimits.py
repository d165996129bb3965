"""config.md "POSIX process": rlimits."""
import resource

import pytest

import machine
from requirements import must, ours

ROWS = {"RLIMIT_AS": "Max address space", "RLIMIT_CORE": "Max core file size", "RLIMIT_CPU": "Max cpu time", "RLIMIT_DATA": "Max data size",
        "RLIMIT_FSIZE": "Max file size", "RLIMIT_LOCKS": "Max file locks", "RLIMIT_MEMLOCK": "Max locked memory",
        "RLIMIT_MSGQUEUE": "Max msgqueue size", "RLIMIT_NICE": "Max nice priority", "RLIMIT_NOFILE": "Max open files",
        "RLIMIT_NPROC": "Max processes", "RLIMIT_RSS": "Max resident set", "RLIMIT_RTPRIO": "Max realtime priority",
        "RLIMIT_RTTIME": "Max realtime timeout", "RLIMIT_SIGPENDING": "Max pending signals", "RLIMIT_STACK": "Max stack size"}
VALUES = {"RLIMIT_NOFILE": (100, 200), "RLIMIT_NPROC": (100, 200), "RLIMIT_NICE": (0, 0), "RLIMIT_RTPRIO": (0, 0), "RLIMIT_SIGPENDING": (100, 200)}


def limits(box):
    rows = {}
    for line in box.output("cat /proc/self/limits").splitlines()[1:]:
        for kind, title in ROWS.items():
            if line.startswith(title + " "):
                rows[kind] = tuple(line[len(title):].split()[:2])
    return rows


@must("config.md", "POSIX process")
@pytest.mark.parametrize("kind", ROWS)
def test_each(box, kind):
    soft, hard = VALUES.get(kind, (1 << 30, 1 << 31) if kind != "RLIMIT_MSGQUEUE" and kind != "RLIMIT_MEMLOCK" else (4096, 8192))
    box.process["rlimits"] = [{"type": kind, "soft": soft, "hard": hard}]
    assert limits(box)[kind] == (str(soft), str(hard))


@must("config.md", "POSIX process")
def test_several(box):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 128, "hard": 256}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    found = limits(box)
    assert (found["RLIMIT_NOFILE"], found["RLIMIT_CORE"]) == (("128", "256"), ("0", "0"))


@must("config.md", "POSIX process")
def test_unlimited(box):
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        machine.skip("the hard limit of this machine is not unlimited")
    box.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    assert limits(box)["RLIMIT_FSIZE"] == ("unlimited", "unlimited")


@must("config.md", "POSIX process")
def test_others_stay(box):
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    assert limits(box)["RLIMIT_NPROC"] == (str(soft), str(hard))


@must("config.md", "POSIX process")
def test_the_effect(box):
    box.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 1000, "hard": 1000}]
    box.output("dd if=/dev/zero of=/tmp/file bs=100 count=100; true")
    assert (box.rootfs / "tmp/file").stat().st_size == 1000


@must("config.md", "POSIX process")
def test_the_same_twice(box):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 100}, {"type": "RLIMIT_NOFILE", "soft": 20, "hard": 100}]
    box.run().failed("RLIMIT_NOFILE", "duplicate")


@must("config.md", "POSIX process")
@pytest.mark.parametrize("kind", ["RLIMIT_NONSENSE", "nofile", "", "NOFILE"])
def test_what_does_not_exist(box, kind):
    box.process["rlimits"] = [{"type": kind, "soft": 10, "hard": 10}]
    box.run().failed()


@must("config.md", "Valid values")
@pytest.mark.parametrize("entry", [{"soft": 200, "hard": 100}, {"soft": -1, "hard": 10}, {"soft": "1", "hard": 10}, {"soft": 1.5, "hard": 10}],
                         ids=["soft above hard", "negative", "text", "fraction"])
def test_bad_values(box, entry):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", **entry}]
    box.run().failed()


@must("runtime.md", "Errors")
def test_more_than_may_be_had(box):
    machine_hard = machine.hard_limit("RLIMIT_NOFILE")
    before = ["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"]
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": machine_hard + 1, "hard": machine_hard + 1}]
    box.run(before=before).failed("not permitted", "permission")


@ours("errors")
def test_the_error_names_the_limit(box):
    hard = machine.hard_limit("RLIMIT_NOFILE")
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": hard + 1, "hard": hard + 1}]
    box.run(before=["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"]).failed("RLIMIT_NOFILE")
