"""The system calls that a container may make. What the filter answers call by call is in tests/unit/security."""
import json
import platform

import pytest

from harness import skip

UNCONFINED = ["--security-opt", "seccomp=unconfined"]

# THREATS: what has been used to break out, or reaches what containers share.
DENIED = """socket:AF_PACKET:3 socket:AF_ALG:5 socket:AF_VSOCK socket:AF_KEY:3:2 socket:AF_RXRPC:2 socket:AF_XDP:3
    socket:AF_BLUETOOTH socket:AF_TIPC socket:AF_INET:10 socket:0x100000026:5
    unshare:user unshare:mount unshare:pid unshare:network unshare:uts unshare:ipc unshare:cgroup
    clone:user clone:mount clone:pid clone:network setns
    keyctl add_key request_key bpf io_uring_setup nr:426 nr:427 userfaultfd perf_event_open vmsplice open_by_handle_at
    mount umount2 pivot_root fsopen open_tree mount_setattr init_module kexec_load reboot swapon settimeofday syslog acct
    sethostname personality:0x40000 tiocsti tiocsti:1 tiocsti:0xffffffff""".split()
ALLOWED = "socket:AF_UNIX socket:AF_INET socket:AF_INET6 socket:AF_NETLINK:3 getpid personality ptrace clone:0".split()


@pytest.fixture
def profile(scratch):
    """Writes one, and returns the option for it."""
    def write(document, name="profile.json"):
        (scratch / name).write_text(document if isinstance(document, str) else json.dumps(document))
        return ["--security-opt", f"seccomp={scratch / name}"]
    return write


class TestDefaultProfile:
    @pytest.mark.parametrize("options", [[], ["-u", "1000"], ["--init"], ["--security-opt", "no-new-privileges=false"],
                                         ["--userns", "private"], ["--cap-add", "NET_ADMIN"]], ids=str)
    def test_what_it_denies(self, minirun, plain, options):
        assert minirun.attempts(plain, *DENIED, options=options) == dict.fromkeys(DENIED, "EPERM")

    def test_it_is_the_filter_that_denies(self, minirun, plain):
        """Without it the kernel itself answers, and otherwise."""
        told_apart = "socket:AF_VSOCK unshare:user clone:user keyctl add_key request_key bpf io_uring_setup vmsplice tiocsti".split()
        found = minirun.attempts(plain, *told_apart, options=UNCONFINED)
        assert {name for name, outcome in found.items() if outcome == "EPERM"} == set()

    def test_what_it_allows(self, minirun, plain):
        assert minirun.attempts(plain, *ALLOWED, options=["-u", "1000"]) == dict.fromkeys(ALLOWED, "ok")

    def test_what_it_does_not_know(self, minirun, plain):
        """ENOSYS: C libraries then fall back to an older call. They do not for EPERM."""
        unknown = ["nr:600", "nr:9999", "clone3"]
        assert minirun.attempts(plain, *unknown) == dict.fromkeys(unknown, "ENOSYS")
        assert minirun.attempts(plain, "socket:AF_NETLINK:3:9") == {"socket:AF_NETLINK:3:9": "EINVAL"}  # NETLINK_AUDIT

    def test_no_other_architecture(self, minirun, plain):
        if platform.machine() != "x86_64":
            skip("the entries for other architectures that are tried are those of x86_64")
        assert minirun.attempts(plain, "nr:0x40000027") == {"nr:0x40000027": "killed by SIGSYS"}  # getpid of x32
        # Where the kernel has no 32-bit entry it is a fault.
        assert minirun.attempts(plain, "int80")["int80"] in ("killed by SIGSYS", "killed by SIGSEGV")

    def test_capabilities_open_what_belongs_to_them(self, minirun, plain):
        opened = ["unshare:uts", "clone:mount", "sethostname"]
        assert minirun.attempts(plain, *opened, options=["--cap-add", "SYS_ADMIN"]) == dict.fromkeys(opened, "ok")
        assert minirun.attempts(plain, "socket:AF_PACKET:3", options=["--cap-add", "NET_RAW"]) == {"socket:AF_PACKET:3": "ok"}
        still = ["keyctl", "io_uring_setup", "vmsplice", "socket:AF_VSOCK", "tiocsti"]
        assert minirun.attempts(plain, *still, options=["--cap-add", "ALL"]) == dict.fromkeys(still, "EPERM")

    @pytest.mark.parametrize("options, mode", [([], 2), (["--init"], 2), (["--cap-add", "ALL"], 2), (UNCONFINED, 0), (["--privileged", "-q"], 0),
                                               (["--privileged", "-q", "--security-opt", "seccomp=builtin"], 0)], ids=str)
    def test_there_is_one(self, minirun, plain, options, mode):
        assert minirun.run(*options, plain, "payload", "facts", "seccomp").facts["seccomp"] == mode


class TestCustomProfile:
    def test_it_takes_the_place_of_the_default(self, minirun, plain, profile):
        document = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 100},
            {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 101, "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
            {"names": ["acct"], "action": "SCMP_ACT_KILL_PROCESS"}]}
        expected = {"keyctl": "ENETDOWN", "personality": "ok", "personality:8": "ENETUNREACH", "acct": "killed by SIGSYS", "unshare:user": "ok"}
        for _ in range(2):  # the second time it comes from the cache
            assert minirun.attempts(plain, *expected, options=profile(document)) == expected

    def test_a_change_is_seen(self, minirun, plain, profile):
        """The cache goes by what is in the file."""
        for code, name in ((100, "ENETDOWN"), (101, "ENETUNREACH")):
            document = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": code}]}
            assert minirun.attempts(plain, "keyctl", options=profile(document)) == {"keyctl": name}

    def test_one_that_is_wrong(self, minirun, plain, profile, scratch):
        minirun.run(*profile({"defaultAction": "SCMP_ACT_NOPE"}), plain, "true").refused_with(125, "SCMP_ACT_NOPE")
        minirun.run(*profile("{"), plain, "true").refused_with(125, f"--security-opt seccomp: {scratch}/profile.json is not valid JSON: line 1, column 2")
        minirun.run("--security-opt", f"seccomp={scratch}/none", plain, "true").refused(
            125, f"--security-opt seccomp: cannot open '{scratch}/none': No such file or directory")
        assert minirun.containers() == []
