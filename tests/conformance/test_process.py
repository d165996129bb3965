"""config.md "Process": what the container's process is given."""
import os

import pytest

import machine
from requirements import engines, must, should
from runtime import parse_status


@must("config.md", "Process")
def test_args(box):
    box.process["args"] = ["/bin/printf", "<%s>", "one", "", "two words", "$HOME", "*", "ü", "tab\tnew\nline", "-x", "--"]
    assert box.run().ok().out == "<one><><two words><$HOME><*><ü><tab\tnew\nline><-x><-->"


@must("config.md", "Process")
def test_the_first_of_args_is_the_name(box):
    box.process["args"] = ["/bin/cat", "/proc/self/cmdline"]
    assert box.run().ok().out == "/bin/cat\0/proc/self/cmdline\0"


@must("config.md", "Process")
def test_args_are_looked_up_in_the_path_of_the_container(box):
    (box.rootfs / "opt/bin").mkdir()
    (box.rootfs / "opt/bin/tool").write_text("#!/bin/sh\necho $0\n")
    os.chmod(box.rootfs / "opt/bin/tool", 0o755)
    box.process["args"] = ["tool"]
    box.process["env"] = ["PATH=/not/there:/opt/bin:/bin"]
    assert box.run().ok().text == "/opt/bin/tool"


@must("config.md", "Process")
def test_what_cannot_be_executed_is_passed_over(box):
    """As execvp(3) does it."""
    for directory, mode in (("opt/a", 0o644), ("opt/b", 0o755)):
        (box.rootfs / directory).mkdir()
        (box.rootfs / directory / "tool").write_text(f"#!/bin/sh\necho {directory}\n")
        os.chmod(box.rootfs / directory / "tool", mode)
    box.process["args"] = ["tool"]
    box.process["env"] = ["PATH=/opt/a:/opt/b:/bin"]
    assert box.run().ok().text == "opt/b"


@must("config.md", "Process")
def test_a_relative_command_with_a_slash(box):
    """It has a slash: no search, but from the working directory."""
    (box.rootfs / "opt/tool").write_text("#!/bin/sh\npwd\n")
    os.chmod(box.rootfs / "opt/tool", 0o755)
    box.process.update(args=["./tool"], cwd="/opt")
    assert box.run().ok().text == "/opt"


@must("config.md", "Process")
@pytest.mark.parametrize("args", [[], None], ids=["empty", "missing"])
def test_args_need_an_entry(box, args):
    box.process["args"] = args
    if args is None:
        del box.process["args"]
    box.run().failed()


@must("config.md", "Process")
def test_env(box):
    box.process["env"] = ["PATH=/bin", "A=1", "EMPTY=", "SPACES=a  b", "EQUALS=a=b", "UNICODE=ü"]
    box.process["args"] = ["/bin/env"]
    lines = [line for line in box.run().ok().lines if not line.startswith("HOME=")]
    assert sorted(lines) == sorted(box.process["env"])


@must("config.md", "Process")
def test_nothing_of_the_callers_environment(box):
    box.process["args"] = ["/bin/env"]
    assert "SECRET" not in box.run(env={"SECRET_OF_HOST": "1", "_LIBCONTAINER_X": "1"}).ok().out
    assert "_LIBCONTAINER" not in box.run().out


@must("config.md", "Process")
def test_no_env_at_all(box):
    del box.process["env"]
    box.process["args"] = ["/bin/env"]
    assert [line for line in box.run().ok().lines if not line.startswith("HOME=")] == []


@engines("HOME")
def test_home_is_that_of_the_user(box):
    box.sh("echo $HOME")
    assert box.run().ok().text == "/root"
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert box.run().ok().text == "/home/tester"
    box.process["env"].append("HOME=/given")
    assert box.run().ok().text == "/given"


@must("config.md", "Process")
def test_cwd(box):
    box.process["cwd"] = "/home/tester"
    assert box.output("pwd; readlink /proc/self/cwd") == "/home/tester\n/home/tester"


@must("config.md", "Process")
def test_cwd_in_a_mount(box, scratch):
    (scratch / "given/deep").mkdir(parents=True)
    box.bind(scratch / "given", "/given")
    box.process["cwd"] = "/given/deep"
    assert box.output("pwd") == "/given/deep"


@must("config.md", "Process")
@pytest.mark.parametrize("cwd", ["relative", "./x", ""])
def test_cwd_has_to_be_absolute(box, cwd):
    box.process["cwd"] = cwd
    box.run().failed()


@engines("cwd")
def test_cwd_is_made_where_it_is_missing(box):
    """runc does so, and engines count on it."""
    box.process["cwd"] = "/new/deep"
    assert box.output("pwd") == "/new/deep"


@must("config.md", "Process")
def test_cwd_as_the_user(box):
    """Root may enter it, the process's user may not look around above it."""
    (box.rootfs / "home/tester/inner").mkdir()
    os.chown(box.rootfs / "home/tester/inner", 1000, 1000)
    os.chmod(box.rootfs / "home/tester", 0o700)
    box.process.update(cwd="/home/tester/inner", user={"uid": 1000, "gid": 1000})
    assert box.output("pwd") == "/home/tester/inner"


@must("config.md", "Linux Process")
def test_no_new_privileges(box):
    box.process["noNewPrivileges"] = True
    assert box.proc_status()["NoNewPrivs"] == "1"


@must("config.md", "Linux Process")
@pytest.mark.parametrize("value", [False, None], ids=["false", "unset"])
def test_no_new_privileges_is_off_unless_asked_for(box, value):
    if value is not None:
        box.process["noNewPrivileges"] = value
    assert box.proc_status()["NoNewPrivs"] == "0"


@must("config.md", "Linux Process")
@pytest.mark.parametrize("score", [100, 1000, 0])
def test_oom_score_adj(box, score):
    box.process["oomScoreAdj"] = score
    assert box.output("cat /proc/self/oom_score_adj") == str(score)


@must("config.md", "Linux Process")
def test_oom_score_adj_is_not_changed_unless_set(box):
    inherited = open("/proc/self/oom_score_adj").read().strip()
    assert box.output("cat /proc/self/oom_score_adj") == inherited
    assert box.output("cat /proc/self/oom_score_adj", before=["sh", "-c", 'echo 321 > /proc/self/oom_score_adj; exec "$0" "$@"']) == "321"


@must("config.md", "Linux Process")
def test_oom_score_adj_out_of_range(box):
    box.process["oomScoreAdj"] = 1001
    box.run().failed()


@must("config.md", "Process")
def test_terminal_is_false_by_default(box):
    assert box.output("test -t 0 || test -t 1 || test -t 2 || echo none") == "none"


@must("config.md", "Process")
def test_console_size_is_ignored_without_a_terminal(box):
    box.process["consoleSize"] = {"height": 10, "width": 20}
    assert box.output("echo here") == "here"


@must("runtime-linux.md", "File descriptors")
def test_only_the_standard_streams(box):
    """Whatever the caller has open: it is not in the container."""
    read, write = os.pipe()
    other = os.open("/", os.O_RDONLY)
    try:
        box.process["args"] = ["/bin/ls", "/proc/self/fd"]
        with_extra = box.run(pass_fds=[read, write, other]).ok().text.split()
    finally:
        for fd in (read, write, other):
            os.close(fd)
    assert with_extra == ["0", "1", "2", "3"]  # 3: the directory that ls reads


@must("runtime-linux.md", "File descriptors")
def test_the_standard_streams_are_passed_on(box):
    box.sh("cat; echo error >&2; exit 0")
    result = box.run(stdin="given")
    assert result.ok().out == "given" and "error\n" in result.err


@engines("run --preserve-fds")
@pytest.mark.parametrize("count", [1, 2])
def test_preserve_fds(box, count):
    ends = [os.pipe() for _ in range(count)]
    try:
        for number, (read, write) in enumerate(ends):
            os.write(write, f"pipe {number}\n".encode())
            os.close(write)
        # The shell puts them at 3 and on, whatever they are here.
        moves = " ".join(f"{3 + number}<&{100 + number}" for number in range(count))
        high = [os.dup2(read, 100 + number) for number, (read, _) in enumerate(ends)]
        closing = " ".join(f"{fd}<&-" for fd in high)
        script = " ".join(f"cat <&{3 + number};" for number in range(count)) + "ls /proc/self/fd | wc -l"
        box.sh(script)
        before = ["bash", "-c", f'exec "$0" "$@" {moves} {closing}']
        out = box.run("--preserve-fds", str(count), before=before, pass_fds=high).ok().lines
        for fd in high:
            os.close(fd)
    finally:
        for read, _ in ends:
            os.close(read)
    assert out[:-1] == [f"pipe {number}" for number in range(count)]
    assert int(out[-1]) == 4 + count


@engines("LISTEN_FDS")
def test_listen_fds(box):
    """Sockets of systemd's protocol are passed, and LISTEN_PID is the container's process."""
    read, write = os.pipe()
    os.write(write, b"through the socket")
    os.close(write)
    os.dup2(read, 100)
    os.close(read)
    try:
        box.sh("echo $LISTEN_FDS $LISTEN_PID $$ $LISTEN_FDNAMES; cat <&3")
        before = ["bash", "-c", 'export LISTEN_PID=$$; exec "$0" "$@" 3<&100 100<&-']
        result = box.run(before=before, pass_fds=[100], env={"LISTEN_FDS": "1"}).ok()
    finally:
        os.close(100)
    first, second = result.lines
    assert second == "through the socket"
    assert first.split()[:3] == ["1", "1", "1"]


@should("config.md", "Linux Process", since="1.1")
@pytest.mark.parametrize("policy, nice, priority, expected", [
    ("SCHED_BATCH", 0, 0, "3"), ("SCHED_IDLE", 0, 0, "5"), ("SCHED_OTHER", 7, 0, "0"), ("SCHED_BATCH", 3, 0, "3")])
def test_scheduler(box, policy, nice, priority, expected):
    box.process["scheduler"] = {"policy": policy, "nice": nice, "priority": priority}
    fields = box.output("cat /proc/self/stat").rpartition(")")[2].split()
    assert (fields[38], fields[16]) == (expected, str(nice))


@must("config.md", "Linux Process", since="1.1")
@pytest.mark.parametrize("scheduler", [{"policy": "SCHED_NONSENSE"}, {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NONSENSE"]}, {"policy": "SCHED_FIFO", "priority": 0}],
                         ids=["policy", "flag", "priority"])
def test_scheduler_that_does_not_exist(box, scheduler):
    box.process["scheduler"] = scheduler
    box.run().failed()


@should("config-linux.md", "Memory policy", since="1.3")
@pytest.mark.skipif(not os.path.exists("/proc/self/numa_maps"), reason="the kernel has no NUMA")
@pytest.mark.parametrize("policy, expected", [
    ({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"), ({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "interleave=static:0"),
    ({"mode": "MPOL_DEFAULT"}, "default")], ids=["bind", "interleave", "default"])
def test_memory_policy(box, policy, expected):
    box.linux["memoryPolicy"] = policy
    assert box.output("cut -d ' ' -f 2 /proc/self/numa_maps | sort -u") == expected


@should("config-linux.md", "Memory policy", since="1.3")
@pytest.mark.parametrize("policy", [{"mode": "MPOL_NONSENSE"}, {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NONSENSE"]}, {"mode": "MPOL_BIND", "nodes": "all"}, {"mode": "MPOL_BIND", "nodes": "1023"}],
                         ids=["mode", "flag", "nodes", "no such node"])
def test_memory_policy_that_does_not_exist(box, policy):
    box.linux["memoryPolicy"] = policy
    box.run().failed()


@must("config.md", "Linux Process", since="1.1")
@pytest.mark.parametrize("name, priority, expected", [("IOPRIO_CLASS_BE", 3, "best-effort: prio 3"), ("IOPRIO_CLASS_IDLE", 0, "idle"), ("IOPRIO_CLASS_BE", 7, "best-effort: prio 7")])
def test_io_priority(box, name, priority, expected):
    box.process["ioPriority"] = {"class": name, "priority": priority}
    assert box.output("ionice -p $$").startswith(expected)


@must("config.md", "Linux Process", since="1.1")
@pytest.mark.parametrize("entry", [{"class": "IOPRIO_CLASS_NONSENSE", "priority": 0}, {"class": "IOPRIO_CLASS_BE", "priority": 8}], ids=["class", "priority"])
def test_io_priority_that_does_not_exist(box, entry):
    box.process["ioPriority"] = entry
    box.run().failed()


@must("config.md", "Linux Process")
@pytest.mark.parametrize("field", ["apparmorProfile", "selinuxLabel"])
def test_security_modules_that_this_kernel_lacks(box, field):
    """What cannot be applied is an error, never a container that runs without."""
    there = {"apparmorProfile": "/sys/kernel/security/apparmor", "selinuxLabel": "/sys/fs/selinux/enforce"}[field]
    if os.path.exists(there):
        machine.skip(f"this kernel has {there}")
    box.process[field] = "nonsense_t"
    box.run().failed()


@must("runtime.md", "Lifecycle")
def test_signals_are_as_if_nobody_had_touched_them(box):
    """Nothing is blocked, and nothing is ignored but what the caller ignored."""
    box.process["args"] = ["/bin/cat", "/proc/self/status"]
    status = parse_status(box.run().ok().out)
    assert int(status["SigBlk"], 16) == 0
    assert int(status["SigIgn"], 16) & ~(1 << 12) == 0  # SIGPIPE: Python starts programs so


@engines("session")
def test_a_session_of_its_own(box):
    fields = box.output("cat /proc/1/stat").rpartition(")")[2].split()
    assert fields[2:4] == ["1", "1"]  # process group and session
