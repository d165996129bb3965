"""config-linux.md "Seccomp": effects of filters on what busybox does."""
import array
import json
import os
import socket
import threading

import pytest

import machine
from requirements import must, ours

ALLOW = "SCMP_ACT_ALLOW"


def profile(*rules, default=ALLOW, **more):
    return {"defaultAction": default, "syscalls": list(rules), **more}


def rule(names, action="SCMP_ACT_ERRNO", **more):
    return {"names": names.split(), "action": action, **more}


MKDIR = "mkdir mkdirat"
# ionice -c 2 -n 5 calls ioprio_set(IOPRIO_WHO_PROCESS, 0, BEST_EFFORT | 5).
WHO_PROCESS, BEST_EFFORT = 1, 2 << 13
LEVEL = {"index": 2, "op": "SCMP_CMP_EQ", "value": BEST_EFFORT + 5}
TRY = "for n in 3 4 5 6; do ionice -c 2 -n $n true 2>/dev/null || echo $n; done; true"


@must("config-linux.md", "Seccomp")
def test_errno(box):
    box.linux["seccomp"] = profile(rule(MKDIR))
    assert box.output("mkdir /x 2>&1; ls -d /x 2>/dev/null; true") == "mkdir: can't create directory '/x': Operation not permitted"


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("number, text", [(13, "Permission denied"), (38, "Function not implemented"), (28, "No space left on device")])
def test_errno_ret(box, number, text):
    box.linux["seccomp"] = profile(rule(MKDIR, errnoRet=number))
    assert text in box.output("mkdir /x 2>&1; true")


@must("config-linux.md", "Seccomp")
def test_errno_ret_0(box):
    """The call does nothing, and says that all is well."""
    box.linux["seccomp"] = profile(rule(MKDIR, errnoRet=0))
    assert box.output("mkdir /x && echo fine; ls -d /x 2>/dev/null; true") == "fine"


@must("config-linux.md", "Seccomp")
def test_the_mode_is_shown(box):
    box.linux["seccomp"] = profile(rule(MKDIR))
    assert box.proc_status()["Seccomp"] == "2"


@must("config-linux.md", "Seccomp")
def test_without_a_profile_there_is_no_filter(box):
    assert box.proc_status()["Seccomp"] == open("/proc/self/status").read().split("Seccomp:\t")[1].split("\n")[0]


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_actions_that_end_it(box, action):
    box.linux["seccomp"] = profile(rule(MKDIR, action))
    assert box.output("mkdir /x 2>/dev/null; echo $?; ls -d /x 2>/dev/null; true") == str(128 + 31)  # SIGSYS


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("action", ["SCMP_ACT_LOG", "SCMP_ACT_ALLOW"])
def test_actions_that_let_it_pass(box, action):
    box.linux["seccomp"] = profile(rule(MKDIR, action), default=ALLOW if action != ALLOW else "SCMP_ACT_LOG")
    assert box.output("mkdir /x && echo made") == "made"


@must("config-linux.md", "Seccomp")
def test_trace_without_a_tracer(box):
    box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_TRACE", errnoRet=7))
    assert "Function not implemented" in box.output("mkdir /x 2>&1; true")


@must("config-linux.md", "Seccomp")
def test_default_action(box):
    """All but what is listed: what busybox's shell and mkdir need is not in the list, so it takes other calls."""
    names = [name for name in LISTED if name not in ("mkdir", "mkdirat")]
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": names, "action": ALLOW}]}
    assert box.output("echo here; mkdir /x 2>&1; true") == "here\nmkdir: can't create directory '/x': Operation not permitted"


@must("config-linux.md", "Seccomp")
def test_default_errno_ret(box):
    names = [name for name in LISTED if name not in ("mkdir", "mkdirat")]
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 95, "syscalls": [{"names": names, "action": ALLOW}]}
    assert "not supported" in box.output("mkdir /x 2>&1; true")


LISTED = """access arch_prctl brk capget capset chdir clone clone3 close close_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait execve execveat
exit exit_group faccessat faccessat2 fchdir fchown fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgrp getpid getppid
getrandom gettid getuid ioctl lseek lstat mmap mprotect mremap munmap nanosleep newfstatat open openat openat2 pipe pipe2 poll ppoll prctl pread64
prlimit64 read readlink readlinkat readv recvmsg restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield seccomp
sendmsg set_robust_list set_tid_address setgid setgroups setresgid setresuid setsid setuid sigaltstack stat statfs statx sysinfo tgkill tkill umask
uname vfork wait4 waitid write writev clock_nanosleep clock_gettime connect socket keyctl sendto recvfrom setsockopt bind mount umount2 fchmod
unlinkat unlink socketpair getsockopt getsockname madvise fsync eventfd2 splice""".split()

OPERATORS = [("SCMP_CMP_EQ", BEST_EFFORT + 5, None, "5"), ("SCMP_CMP_NE", BEST_EFFORT + 5, None, "3 4 6"), ("SCMP_CMP_LT", BEST_EFFORT + 5, None, "3 4"),
             ("SCMP_CMP_LE", BEST_EFFORT + 5, None, "3 4 5"), ("SCMP_CMP_GT", BEST_EFFORT + 5, None, "6"), ("SCMP_CMP_GE", BEST_EFFORT + 5, None, "5 6"),
             ("SCMP_CMP_MASKED_EQ", 6, 4, "4 5")]


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("operator, value, second, matching", OPERATORS, ids=[entry[0] for entry in OPERATORS])
def test_operators(box, operator, value, second, matching):
    """On the third argument. For MASKED_EQ the value is the mask, valueTwo what is left of the argument."""
    condition = {"index": 2, "op": operator, "value": value}
    if second is not None:
        condition["valueTwo"] = second
    box.linux["seccomp"] = profile(rule("ioprio_set", args=[condition]))
    assert box.output(TRY).split() == matching.split()


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("who, refused", [(WHO_PROCESS, ["5"]), (WHO_PROCESS + 1, [])])
def test_conditions_of_one_rule_all_have_to_hold(box, who, refused):
    box.linux["seccomp"] = profile(rule("ioprio_set", args=[LEVEL, {"index": 0, "op": "SCMP_CMP_EQ", "value": who}]))
    assert box.output(TRY).split() == refused


@must("config-linux.md", "Seccomp")
def test_of_several_rules_any_may_hold(box):
    box.linux["seccomp"] = profile(rule("ioprio_set", args=[LEVEL]), rule("ioprio_set", args=[{**LEVEL, "value": BEST_EFFORT + 3}]))
    assert box.output(TRY).split() == ["3", "5"]


@must("config-linux.md", "Seccomp")
def test_several_names(box):
    box.linux["seccomp"] = profile(rule("mkdir mkdirat rmdir unlinkat unlink"))
    assert box.output("mkdir /x 2>&1; rmdir /tmp 2>&1; true").count("not permitted") == 2


@must("config-linux.md", "Seccomp")
def test_names_that_this_architecture_lacks(box):
    """Profiles are written for many: what is unknown here is passed over."""
    box.linux["seccomp"] = profile(rule("mkdir mkdirat a_call_that_is_not_there s390_runtime_instr"))
    assert "not permitted" in box.output("mkdir /x 2>&1; true")


@must("config-linux.md", "Seccomp")
def test_architectures(box):
    native = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}.get(machine.ARCHITECTURE)
    if native is None:
        pytest.skip("the name of this architecture is not in the table")
    box.linux["seccomp"] = profile(rule(MKDIR), architectures=[native, "SCMP_ARCH_X86", "SCMP_ARCH_ARM"])
    assert "not permitted" in box.output("mkdir /x 2>&1; true")


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("flags", [[], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], ["SECCOMP_FILTER_FLAG_TSYNC"], ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]], ids=str)
def test_flags(box, flags):
    box.linux["seccomp"] = profile(rule(MKDIR), flags=flags)
    assert "not permitted" in box.output("mkdir /x 2>&1; true")


@must("config-linux.md", "Seccomp", since="1.1")
def test_flag_wait_killable(box):
    box.linux["seccomp"] = profile(rule(MKDIR), flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])
    box.sh("mkdir /x 2>&1; true")
    result = box.run()
    # The kernel takes it with a listener only: without one, applied or refused, but never dropped silently.
    assert "not permitted" in result.out or result.code != 0


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("bad", [
    {"defaultAction": "SCMP_ACT_NONSENSE"}, {}, {"defaultAction": ALLOW, "architectures": ["SCMP_ARCH_NONSENSE"]},
    profile(rule(MKDIR, "SCMP_ACT_NONSENSE")), profile({"names": [], "action": "SCMP_ACT_ERRNO"}), profile({"action": "SCMP_ACT_ERRNO"}),
    profile(rule("mkdir", args=[{"index": 6, "op": "SCMP_CMP_EQ", "value": 0}])), profile(rule("mkdir", args=[{"index": 0, "op": "SCMP_CMP_NONSENSE", "value": 0}])),
    profile(rule(MKDIR), flags=["SECCOMP_FILTER_FLAG_NONSENSE"]), profile(rule(MKDIR, errnoRet=-1))],
    ids=["default action", "no default action", "architecture", "action", "no names", "names missing", "index", "operator", "flag", "errnoRet"])
def test_what_does_not_exist(box, bad):
    box.linux["seccomp"] = bad
    box.run().failed()


@must("config-linux.md", "Seccomp")
@pytest.mark.parametrize("bad", [profile(rule(MKDIR, ALLOW, errnoRet=1), default="SCMP_ACT_LOG"), profile(rule(MKDIR, "SCMP_ACT_KILL", errnoRet=1)), profile(default=ALLOW, defaultErrnoRet=1)],
                         ids=["allow", "kill", "default"])
def test_errno_ret_of_an_action_that_has_none(box, bad):
    box.linux["seccomp"] = bad
    box.run().failed()


@must("config-linux.md", "Seccomp")
def test_with_no_new_privileges_and_a_user(box):
    box.process.update(noNewPrivileges=True, user={"uid": 1000, "gid": 1000})
    box.linux["seccomp"] = profile(rule(MKDIR, errnoRet=38))
    assert "not implemented" in box.output("mkdir /tmp/x 2>&1; true")


@must("config-linux.md", "Seccomp")
def test_without_no_new_privileges_a_user_gets_it_too(box):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.linux["seccomp"] = profile(rule(MKDIR, errnoRet=38))
    assert "not implemented" in box.output("mkdir /tmp/x 2>&1; true")


@must("config-linux.md", "Seccomp")
def test_exec_is_under_the_filter(box):
    box.linux["seccomp"] = profile(rule(MKDIR))
    box.sleeping()
    assert "not permitted" in box.exec("mkdir", "/x").err


class Listener:
    """An agent: takes the container process state from the runtime, and answers what the filter asks."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(20)
        self.state, self.fds, self.rest = None, [], None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        try:
            connection, _ = self.socket.accept()
        except OSError:  # closed, or nobody came
            return
        connection.settimeout(20)
        data = b""
        while True:
            block, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16))
            for level, kind, fds in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", fds[:len(fds) // 4 * 4]).tolist()
            if not block:
                break
            data += block
        self.state = json.loads(data)

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.socket.close()


@must("config-linux.md", "The Container Process State", since="1.1")
def test_notify(box):
    listener = Listener(box.path / "listener")
    try:
        box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(box.path / "listener"), listenerMetadata="of the test")
        box.config["annotations"] = {"org.example": "x"}
        box.sh("echo before; mkdir /x 2>&1; true")
        box.started()
        listener.thread.join(20)
        state = listener.state
        assert state["fds"] == ["seccompFd"] and len(listener.fds) == 1
        assert os.readlink(f"/proc/self/fd/{listener.fds[0]}") == "anon_inode:seccomp notify"
        assert state["metadata"] == "of the test"
        assert state["pid"] == box.pid
        assert state["ociVersion"]
        assert (state["state"]["id"], state["state"]["pid"], state["state"]["bundle"]) == (box.id, box.pid, str(box.path))
        assert state["state"]["status"] in ("creating", "created", "running")
        assert state["state"]["annotations"] == {"org.example": "x"}
    finally:
        listener.close()  # nobody answers any more: the call fails
    assert box.wait() is not None
    assert "before" in box.out.read_text() and "not implemented" in box.out.read_text().lower()


@must("config-linux.md", "The Container Process State", since="1.1")
def test_notify_of_exec(box):
    """One more state, of the process that joins; the state in it is the container's."""
    first = Listener(box.path / "listener")
    box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(box.path / "listener"))
    try:
        box.sleeping()
        first.thread.join(20)
    finally:
        first.socket.close()
    os.unlink(box.path / "listener")
    second = Listener(box.path / "listener")
    try:
        assert box.exec("true").code == 0
        second.thread.join(20)
        assert second.state["state"]["pid"] == box.pid != second.state["pid"]
        assert second.state["state"]["status"] == "running"
    finally:
        first.close()
        second.close()


@must("config-linux.md", "Seccomp", since="1.1")
@pytest.mark.parametrize("call", ["sendmsg", "read", "capset", "execve"])
def test_notify_of_what_the_runtime_itself_needs(box, call):
    """The filter asks as soon as it is there. The listener goes away here: that may not keep the runtime waiting."""
    listener = Listener(box.path / "listener")
    box.linux["seccomp"] = profile(rule(call, "SCMP_ACT_NOTIFY"), listenerPath=str(box.path / "listener"))
    box.sh("echo here")
    try:
        box.created()
        start = threading.Thread(target=box.start, daemon=True)
        start.start()
        listener.thread.join(20)
        assert listener.state["pid"] == box.pid
        listener.close()  # ENOSYS from now on
        start.join(20)
        assert not start.is_alive()
    finally:
        listener.socket.close()


@must("config-linux.md", "Seccomp", since="1.1")
def test_notify_without_an_agent(box):
    box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(box.path / "not-there"))
    box.run().failed()


@must("config-linux.md", "Seccomp", since="1.1")
def test_notify_without_a_path(box):
    """A filter that asks nobody would let every such call hang."""
    box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"))
    box.run().failed()


@must("config-linux.md", "Seccomp", since="1.1")
def test_a_listener_path_without_notify_is_ignored(box):
    box.linux["seccomp"] = profile(rule(MKDIR), listenerPath=str(box.path / "not-there"))
    assert "not permitted" in box.output("mkdir /x 2>&1; true")


@ours("seccomp")
@pytest.mark.parametrize("call", ["write", "recvmsg"])
def test_notify_where_the_filter_answers_in_the_kernels_place(box, call):
    """The runtime must not take that for an answer."""
    if not box.runtime.is_ours:
        pytest.skip("what each needs is its own affair")
    listener = Listener(box.path / "listener")
    try:
        box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), rule(call, errnoRet=0), listenerPath=str(box.path / "listener"))
        box.run().failed("seccomp")
    finally:
        listener.close()


@ours("seccomp")
def test_notify_with_an_agent_that_is_busy(box):
    """Nobody waits for it without end: the container's lock is held."""
    with socket.socket(socket.AF_UNIX) as agent, socket.socket(socket.AF_UNIX) as other:
        agent.bind(str(box.path / "listener"))
        agent.listen(0)
        other.connect(str(box.path / "listener"))  # more than this do not fit
        box.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(box.path / "listener"))
        box.run().failed("nobody takes it")
