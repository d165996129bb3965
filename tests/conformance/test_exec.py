"""`exec`: another process in a container, as engines ask for it."""
import json
import os

import pytest

import machine
import processes
from requirements import engines, must, ours
from runtime import NO_SUCH_CONTAINER, capability_mask, parse_status


@engines("exec")
def test_a_command(box):
    box.sleeping()
    result = box.exec_sh("echo out; echo err >&2; exit 9").ended(9)
    assert (result.out, "err\n" in result.err) == ("out\n", True)


@engines("exec")
@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_the_exit_code(box, script, code):
    box.sleeping()
    box.exec_sh(script).ended(code)


@engines("exec")
def test_standard_input(box):
    box.sleeping()
    assert box.exec("cat", stdin="given").ok().out == "given"


@engines("exec")
def test_in_all_namespaces(box):
    box.namespace("cgroup")
    box.sleeping()
    kinds = ("pid", "net", "ipc", "uts", "mnt", "cgroup")
    found = box.exec_sh(" ".join(f"readlink /proc/self/ns/{kind};" for kind in kinds)).ok().lines
    assert found == [box.link(kind) for kind in kinds]


@engines("exec")
def test_in_the_cgroups(box):
    box.sleeping()
    own = open(f"/proc/{box.pid}/cgroup").read().splitlines()
    found = box.exec("cat", "/proc/self/cgroup").ok().lines
    assert [line for line in found if not line.startswith("0:")] == [line for line in own if not line.startswith("0:")]


@engines("exec")
def test_what_the_containers_process_was_given_holds(box):
    box.process.update(cwd="/home/tester", user={"uid": 1000, "gid": 1000, "additionalGids": [29]}, noNewPrivileges=True)
    box.process["env"].append("GIVEN=1")
    box.sleeping()
    assert box.exec_sh("pwd; id -u; echo $GIVEN").ok().lines == ["/home/tester", "1000", "1"]
    status = parse_status(box.exec("cat", "/proc/self/status").out)
    assert status["NoNewPrivs"] == "1" and "29" in status["Groups"].split()


@engines("exec")
def test_capabilities(box):
    box.process["capabilities"] = {which: ["CAP_CHOWN"] for which in ("bounding", "effective", "permitted")}
    box.sleeping()
    status = parse_status(box.exec("cat", "/proc/self/status").ok().out)
    assert [capability_mask(status, which) for which in ("CapBnd", "CapEff", "CapPrm")] == [1, 1, 1]


@engines("exec")
def test_rlimits(box):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
    box.sleeping()
    assert box.exec_sh("ulimit -Sn; ulimit -Hn").ok().lines == ["77", "88"]


@engines("exec --cwd")
def test_option_cwd(box):
    box.sleeping()
    assert box.exec_sh("pwd", "--cwd", "/home/tester").ok().text == "/home/tester"


@engines("exec --env")
@pytest.mark.parametrize("option", ["--env", "-e"])
def test_option_env(box, option):
    box.sleeping()
    assert box.exec_sh("echo $A $B", option, "A=1", option, "B=two words").ok().text == "1 two words"


@engines("exec --user")
@pytest.mark.parametrize("user, expected", [("1000", ["1000"]), ("1000:100", ["1000", "100"]), ("0:29", ["0", "29"])])
def test_option_user(box, user, expected):
    box.sleeping()
    assert box.exec_sh("id -u; id -g", "--user", user).ok().lines[:len(expected)] == expected


@engines("exec --cap")
def test_option_cap(box):
    box.process["capabilities"] = {}
    box.sleeping()
    status = parse_status(box.runtime("exec", "--cap", "CAP_KILL", box.id, "cat", "/proc/self/status").ok().out)
    assert capability_mask(status, "CapBnd") == 1 << 5


@engines("exec --no-new-privs")
def test_option_no_new_privs(box):
    box.sleeping()
    assert parse_status(box.runtime("exec", "--no-new-privs", box.id, "cat", "/proc/self/status").ok().out)["NoNewPrivs"] == "1"


@engines("exec --additional-gids")
def test_option_additional_gids(box):
    if "additional-gids" not in box.runtime("exec", "--help").out:
        pytest.skip("it has no --additional-gids")
    box.sleeping()
    groups = parse_status(box.runtime("exec", "--additional-gids", "29", "--additional-gids", "44", box.id, "cat", "/proc/self/status").ok().out)["Groups"]
    assert {"29", "44"} <= set(groups.split())


@engines("exec --preserve-fds")
def test_option_preserve_fds(box):
    box.sleeping()
    read, write = os.pipe()
    os.write(write, b"through")
    os.close(write)
    os.dup2(read, 100)
    os.close(read)
    try:
        before = ["bash", "-c", 'exec "$0" "$@" 3<&100 100<&-']
        assert box.exec_sh("cat <&3; ls /proc/self/fd | wc -l", "--preserve-fds", "1", before=before, pass_fds=[100]).ok().out == "through5\n"
    finally:
        os.close(100)


@engines("exec")
def test_no_other_descriptors(box):
    box.sleeping()
    fd = os.open("/", os.O_RDONLY)
    try:
        assert box.exec("ls", "/proc/self/fd", pass_fds=[fd]).ok().lines == ["0", "1", "2", "3"]
    finally:
        os.close(fd)


@engines("exec --process")
def test_process_file(box):
    box.sleeping()
    result = box.exec_process({"args": ["/bin/sh", "-c", "pwd; id -u; echo $A; umask"], "cwd": "/tmp", "user": {"uid": 1000, "gid": 1000, "umask": 0o77}, "env": ["PATH=/bin", "A=1"]})
    assert result.ok().lines == ["/tmp", "1000", "1", "0077"]


@engines("exec --process")
def test_process_file_capabilities_and_rlimits(box):
    box.sleeping()
    result = box.exec_process({"args": ["/bin/sh", "-c", "grep -E 'Cap(Eff|Bnd)' /proc/self/status; ulimit -n"], "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}],
                               "capabilities": {which: ["CAP_KILL"] for which in ("bounding", "effective", "permitted")}})
    assert result.ok().text.split() == ["CapEff:", f"{1 << 5:016x}", "CapBnd:", f"{1 << 5:016x}", "50"]


@engines("exec --process")
def test_process_file_no_new_privileges(box):
    box.sleeping()
    assert parse_status(box.exec_process({"args": ["/bin/cat", "/proc/self/status"], "noNewPrivileges": True}).ok().out)["NoNewPrivs"] == "1"


@engines("exec --process")
@pytest.mark.parametrize("process", [{"args": []}, {"cwd": "relative"}, {"args": ["/bin/true"], "user": {"uid": "x", "gid": 0}}], ids=["args", "cwd", "user"])
def test_process_files_that_are_none(box, process):
    box.sleeping()
    box.exec_process(process).failed()


@engines("exec --detach")
def test_detached(box):
    """The process goes on when exec has ended; its pid file tells which it is."""
    box.sleeping()
    pid_file = box.path / "exec.pid"
    box.runtime("exec", "--detach", "--pid-file", pid_file, box.id, "/bin/sleep", "1001").ok()
    pid = int(pid_file.read_text())
    assert processes.is_running(pid)
    assert os.readlink(f"/proc/{pid}/ns/pid") == box.link("pid")
    os.kill(pid, 9)
    assert processes.exit_status(pid) == -9


@engines("exec --detach")
def test_the_exit_code_of_a_detached_one_is_the_reapers(box):
    """Its parent is who called exec, or a subreaper above: that is how engines get the code."""
    box.sleeping()
    pid_file = box.path / "exec.pid"
    box.runtime("exec", "-d", "--pid-file", pid_file, box.id, "/bin/sh", "-c", "exit 23").ok()
    assert processes.exit_status(int(pid_file.read_text())) == 23


@engines("exec --pid-file")
def test_the_pid_file_has_the_hosts_number(box):
    box.sleeping()
    pid_file = box.path / "exec.pid"
    box.runtime("exec", "--pid-file", pid_file, box.id, "true").ok()
    assert pid_file.read_text().isdigit()


# What goes wrong

@engines("exec")
def test_in_an_unknown_container(box):
    box.runtime("exec", box.id, "true").failed(*NO_SUCH_CONTAINER)


@engines("exec")
def test_in_a_stopped_container(box):
    box.ended()
    box.exec("true").failed("not running", "stopped", "does not exist", "cannot exec")


@engines("exec")
def test_in_a_created_container(box):
    """Runtimes allow it: engines look into a container that waits."""
    box.created()
    assert box.exec("echo", "here").ok().text == "here"
    assert box.status == "created"


@engines("exec")
@pytest.mark.parametrize("command, words", [("/not/there", ["no such file or directory"]), ("notthere", ["executable file not found in $path", "not found"]),
                                            ("/etc/passwd", ["permission denied"]), ("/etc", ["permission denied", "is a directory"])])
def test_what_engines_read_from_errors(box, command, words):
    box.sleeping()
    result = box.exec(command).failed(*words)
    assert result.code in (1, 126, 127, 255)


@engines("exec")
def test_a_cwd_that_is_not_there(box):
    box.sleeping()
    result = box.exec_sh("pwd", "--cwd", "/not/there")
    assert result.code == 0 and result.text == "/not/there" or result.code != 0 and "/not/there" in result.err


@engines("exec")
def test_in_a_paused_container(box):
    """An error, and no process that hangs; --ignore-paused asks for that."""
    machine.need_controller("freezer")
    box.sleeping()
    box.runtime("pause", box.id).ok()
    try:
        box.exec("true", timeout=15).failed("paused", "frozen", "freez")
    finally:
        box.runtime("resume", box.id)


@must("runtime.md", "Scope of a Container")
def test_a_container_outlives_who_made_it(box):
    """Every operation is another process, with nothing but the id in common."""
    box.sleeping()
    assert box.exec("true").code == 0
    assert json.loads(box.runtime("state", box.id).out)["pid"] == box.pid
    box.kill().ok()
    assert box.wait() == -9
    box.delete().ok()


@engines("exec")
def test_many_one_after_another(box):
    box.sleeping()
    assert [box.exec("echo", str(number)).ok().text for number in range(5)] == ["0", "1", "2", "3", "4"]


@engines("exec")
def test_nothing_of_the_runtime_is_in_reach(box):
    """/proc/self/exe of what runs is the image's, and of the runtime there is no process to look at."""
    box.sleeping()
    assert box.exec_sh("readlink /proc/self/exe; ls -l /proc/*/exe 2>/dev/null | grep -v busybox | wc -l").ok().lines == ["/bin/busybox", "0"]


@engines("ps")
def test_ps(box):
    box.sh("sleep 1001 & exec sleep 1000")
    box.started()
    expected = processes.wait_until(lambda: processes.children(box.pid)) + [box.pid]
    assert sorted(json.loads(box.runtime("ps", "--format", "json", box.id).ok().out)) == sorted(expected)
    table = box.runtime("ps", box.id).ok().lines
    assert "PID" in table[0] and any(str(box.pid) in line.split() for line in table[1:])


@engines("exec --cgroup")
def test_option_cgroup(box):
    if "cgroup" not in box.runtime("exec", "--help").out or (machine.cgroup_mode() != "unified" and not box.runtime.is_ours):
        pytest.skip("of crun and newer runc, on cgroup v2")
    box.sleeping()
    box.runtime("exec", "--cgroup", "not-there", box.id, "true").failed()
    below = box.cgroup_file("pids", "below")
    below.mkdir()
    found = box.runtime("exec", "--cgroup", "below", box.id, "cat", "/proc/self/cgroup").ok().out
    assert f"{box.cgroup}/below" in found
    below.rmdir()


@ours("exec --cgroup")
@pytest.mark.parametrize("path", ["../other", "a/../../b", "cpu:a"])
def test_option_cgroup_stays_below(box, path):
    if not box.runtime.is_ours:
        pytest.skip("it is about what minirun says")
    box.sleeping()
    box.runtime("exec", "--cgroup", path, box.id, "true").failed("below the container's cgroup")
