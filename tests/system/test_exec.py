"""minirun exec: another process in a container."""
import os
import pathlib

import pytest

from harness import PAYLOAD, until
from observed import EAT

# Where exec's own program runs from, and whether it was begun anew for that: by the calls that are missing.
PROGRAMS = {"exchanged": ("", "/", False), "begun anew": ("157:35", "/", True), "copied": ("442", "/memfd:minirun (deleted)", True)}


class TestExec:
    def test_it_is_inside(self, box, detached):
        detached("sh", "-c", "echo $$ > /tmp/pid; exec sleep 1000", options=["--hostname", "inside", "-e", "A=1"])
        result = box("exec", "-e", "B=2", "-w", "/tmp", "web", "sh", "-c", "hostname; echo $A $B; pwd; id -u; exit 5")
        assert (result.code, result.out) == (5, "inside\n1 2\n/tmp\n0\n")

    def test_it_has_the_container_s_rights(self, box, detached):
        detached("sleep", "1000")
        of = lambda *words: {key: value for key, value in (line.split(":\t") for line in box(*words).ok().out.splitlines()) if key in ("CapBnd", "CapEff", "Seccomp", "NoNewPrivs", "CapPrm")}
        first = of("exec", "web", "cat", "/proc/1/status")
        assert of("exec", "web", "cat", "/proc/self/status") == first and first["Seccomp"] == "2"
        whole = of("exec", "--privileged", "web", "cat", "/proc/self/status")
        assert whole["Seccomp"] == "0" and int(whole["CapEff"], 16) > int(first["CapEff"], 16)

    @pytest.mark.parametrize("way", PROGRAMS)
    def test_its_program_cannot_be_written_to(self, box, detached, way):
        """CVE-2019-5736: until the command runs, the new process is minirun itself, and those in the container see it."""
        missing, program, begun_anew = PROGRAMS[way]
        detached("sleep", "1000")
        with box.start("exec", "web", "sh", "-c", "echo runs; exec sleep 1000", before=[PAYLOAD, "without", missing] if missing else []) as running:
            running.wait_for("runs")
            proc = pathlib.Path(f"/proc/{running.popen.pid}")
            assert (os.readlink(proc / "exe"), b"MINIRUN_OWN_DIRECTORY" in (proc / "environ").read_bytes()) == (program, begun_anew)
            with pytest.raises(OSError):
                open(proc / "exe", "r+b")
            pages = list((proc / "map_files").iterdir())
            # A file in memory is mapped as it is; the rest through a mount that is read-only.
            assert pages and all(program in os.readlink(page) if "memfd" in program else os.statvfs(page).f_flag & os.ST_RDONLY for page in pages)
            # What the kernel tells of it is as it was.
            assert (proc / "cmdline").read_bytes().split(b"\0")[1:5] == [b"exec", b"web", b"sh", b"-c"]

    def test_it_is_in_its_cgroup(self, box, detached):
        id = detached("sleep", "1000", options=["-m", "64m", "--cgroupns", "host"])
        assert all(line.endswith(id) for line in box("exec", "web", "cat", "/proc/self/cgroup").lines if ":memory:" in line or line.startswith("0::"))
        box("exec", "web", "sh", "-c", EAT).ended(137)

    @pytest.mark.parametrize("user, uid", [("1000:1000", "1000"), ("tester", "1000"), ("0", "0")])
    def test_as_another_user(self, box, detached, user, uid):
        detached("sh", "-c", "echo tester:x:1000:1000::/home/t:/bin/sh >> /etc/passwd; exec sleep 1000")
        until(lambda: box("exec", "web", "grep", "-q", "^tester", "/etc/passwd").code == 0, "the user")
        assert box("exec", "-u", user, "web", "sh", "-c", "id -u; grep CapEff /proc/self/status | grep -c 0000000000000000").out.split() == [uid, "0" if uid == "0" else "1"]

    def test_standard_input(self, box, detached):
        detached("sleep", "1000")
        assert box("exec", "-i", "web", "cat", stdin="through").ok().out == "through"
        assert box("exec", "web", "cat", stdin="through").ok().out == ""

    def test_in_the_background(self, box, detached):
        detached("sleep", "1000")
        box("exec", "-d", "web", "sh", "-c", "echo x > /tmp/x").ok()
        until(lambda: box("exec", "web", "cat", "/tmp/x").out == "x\n", "the file")
        box("exec", "-dt", "web", "sh").refused(125, "with --detach nobody is there for a terminal or for input", "leave out -t and -i")

    def test_what_is_not_there(self, box, detached):
        detached("sleep", "1000")
        box("exec", "web", "nope").refused_with(127, "'nope'")
        box("exec", "web").refused(125, "the command to run is missing", "minirun exec CONTAINER COMMAND [ARG…]")
        box("exec", "-u", "nobody-at-all", "web", "true").refused_with(125, "nobody-at-all")
        box("stop", "web").ok()
        box("exec", "web", "true").refused(125, "container 'web' is not running: it is exited")
