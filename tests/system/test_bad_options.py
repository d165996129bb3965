"""Options that cannot be meant: one sentence with the option, its value and what is expected, and nothing is made."""
import os

import pytest

from bundles import ARCHITECTURE, FIFO, Link, make_tree

LISTS = "--help lists the options"
SIZE = "bytes, or a number with k, m or g behind it: 64m"
TIME = "seconds, or with a unit: 10, 1.5s, 250ms, 1m30s"
CAPABILITY = "capabilities(7) lists them: NET_ADMIN, SYS_PTRACE, …; or ALL"
SIGNAL = "signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …"
VOLUME_WORDS = "known are ro, rw, O, nosuid, nodev, noexec, [r]private, [r]slave, [r]shared, bind and rbind"
TMPFS_WORDS = ("known are size, mode, uid, gid, nr_inodes, nr_blocks, ro, rw, exec, noexec, suid, nosuid, dev and nodev")
TMPFS_SIZE = "write bytes, or 64k, 64m, 1g, or a percentage of the memory"
MAKE_IT = "make it first: minirun does not, since a mistyped path would then go unseen"
SECURITY = "known are seccomp=FILE|unconfined, no-new-privileges=true|false, mask=PATH, unmask=PATH|ALL"
HOST_NAME = "letters, digits, '-' and '_', with dots between labels; 64 bytes at most"
CONTAINER_NAME = "letters, digits, '_', '.' and '-', beginning with a letter or digit"
MATCH = "source and target both have to be directories or both files"


@pytest.fixture
def data(scratch):
    return make_tree(scratch / "data", {"file": "text", "dir/x": "", "loop": Link("loop"), "dangling": Link("nowhere"),
                                        "blank": "A=1\nB C=2\n", "nameless": "=x\n", "nul": b"A=1\0\n", "fifo": FIFO,
                                        "export": "export X=1", "huge": "A=1\n" * 300_000, "esc\x1b": "=x",
                                        "no-json": "{", "no-action": "{}", "odd": '{"defaultAction": "NOPE"}'})


@pytest.fixture
def refused(minirun, plain):
    """The options are refused with this sentence by all three ways, and nothing runs. A single text is one option."""
    def check(options, message, hint=None):
        options = [options] if isinstance(options, str) else options
        for words in (["run"], ["run", "--dry-run"], ["explain"]):
            minirun(*words, *options, plain, "echo", "ran").refused(125, message, hint)
    return check


@pytest.fixture
def fails(minirun, plain):
    """What only the kernel knows: the container's setting-up ends with this sentence."""
    def check(options, message, hint=None):
        minirun.run(*options, plain, "echo", "ran").refused(125, message, hint)
    return check


class TestCommandLine:
    @pytest.mark.parametrize("words, message, hint", [
        ([], "no command is named", "minirun --help lists the commands"),
        (["rnu"], "unknown command 'rnu'", "did you mean minirun run?"),
        (["x\x1b[31m"], r"unknown command 'x\x1b[31m'", "minirun --help lists the commands"),
        (["help", "nope"], "unknown command 'nope'", "minirun --help lists the commands"),
        (["run"], "no image is named", "write minirun run [OPTIONS] IMAGE [COMMAND] [ARG…]; " + LISTS),
        (["run", ""], "no image is named", "write minirun run [OPTIONS] IMAGE"),
        (["explain", "--"], "no image is named", "write minirun explain [OPTIONS] IMAGE"),
        (["run", "--name"], "--name needs a value", "write --name NAME"),
        (["run", "-v"], "-v needs a value", "write -v SRC:DST[:OPTS]"),
        (["explain", "--section", "proces", "x"],
         "--section 'proces': the sections are bootfs, rootfs, union, process, isolation, plan", "did you mean process?"),
        (["explain", "--path", "etc", "x"], "--path 'etc': expected an absolute path in the container", None),
        (["explain", "--format", "xml", "x"], "--format 'xml': only text and json are supported", None),
        (["run", "--format", "json", "x"], "--format is for --dry-run only", None),
    ], ids=repr)
    def test_words(self, minirun, words, message, hint):
        minirun(*words).refused(125, message, hint)

    @pytest.mark.parametrize("option, message, hint", [
        ("--nope", "unknown option '--nope'", LISTS), ("--volum=x", "unknown option '--volum'", "did you mean --volume?"),
        ("--mont", "unknown option '--mont'", "did you mean --mount?"),
        ("--raed-only", "unknown option '--raed-only'", "did you mean --read-only?"),
        ("-x", "unknown option '-x'", LISTS), ("-itx", "unknown option '-x' in '-itx'", LISTS),
        ("-name", "unknown option '-n' in '-name'", "did you mean --name?"),
        ("--a\n\x1b[31m", r"unknown option '--a\n\x1b[31m'", LISTS), ("--\u009b1m", r"unknown option '--\xc2\x9b1m'", LISTS),
        ("--tty=maybe", "--tty is true or false, not 'maybe'", "a switch takes a value only behind '='"),
        ("--gpus=all", "--gpus is not supported yet", LISTS), ("-a", "--attach (-a) is not supported yet", LISTS),
        ("--runtime=x", "--runtime is not supported yet", LISTS)], ids=repr)
    def test_options(self, refused, option, message, hint):
        refused(option, message, hint)


class TestValues:
    @pytest.mark.parametrize("value", ["", "x", "1x", "-1", "0", "1e3", "9999999999999g", "1.", "64m ", "\u0661", "\x1b"])
    def test_sizes(self, refused, value):
        shown = value.replace("\x1b", r"\x1b")
        for option in ("--shm-size", "--tmpfs-upper"):
            refused(f"{option}={value}", f"{option} '{shown}': this is no size", SIZE)

    @pytest.mark.parametrize("value", ["", "0", "-1", "x", "1y", "1h1", "99999999999999h", "s"])
    def test_times(self, refused, value):
        refused(["--timeout", value], f"--timeout '{value}': this is no time", TIME)
        if value != "0":
            refused(["--stop-timeout", value], f"--stop-timeout '{value}': this is no time", TIME)

    @pytest.mark.parametrize("value", ["NOPE", "", "CAP_", "CAP_0", "64", "net admin", "chown,kill", "chown=ep"])
    def test_capabilities(self, refused, value):
        for option in ("--cap-add", "--cap-drop"):
            refused([option, value], f"{option} '{value}': there is no such capability", CAPABILITY)

    @pytest.mark.parametrize("value", ["NOPE", "", "0", "65", "-1", "SIG", "RTMIN+99"])
    def test_signals(self, refused, value):
        refused(["--stop-signal", value], f"--stop-signal '{value}': there is no such signal", SIGNAL)

    @pytest.mark.parametrize("value, what, hint", [
        ("nofile", "expected KEY=VALUE", "write nofile=1024:2048"), ("nofile=", "'' is no limit", "-1 for none"),
        ("nofile=1:2:3", "'2:3' is no limit", "-1 for none"), ("nofile=-2", "'-2' is no limit", "-1 for none"),
        ("nofile=99999999999999999999", "'99999999999999999999' is no limit", "a number, or -1 for none"),
        ("nope=1", "there is no limit 'nope'", "getrlimit(2) lists them: nofile, nproc, core, memlock, stack, …"),
        ("nofile=2:1", "the soft limit is over the hard limit", None)])
    def test_ulimits(self, refused, value, what, hint):
        refused(["--ulimit", value], f"--ulimit '{value}': {what}", hint)

    def test_ulimits_over_the_kernels(self, fails):
        fails(["--ulimit", "nofile=2000000000"], "cannot limit RLIMIT_NOFILE to 2000000000 (hard 2000000000): Operation not "
              "permitted (EPERM)", "raising the hard limit of RLIMIT_NOFILE takes CAP_SYS_RESOURCE")

    @pytest.mark.parametrize("key, value, what, hint", [
        ("net.x", "", "'net.x=': the value is empty", None), ("x", "1", "'x': no name of a sysctl", "write net.ipv4."),
        ("net..x", "1", "'net..x': no name of a sysctl", "write net.ipv4.ip_forward=1"),
        ("net/../kernel/x", "1", "'net/../kernel/x': no name of a sysctl", "write net.ipv4.ip_forward=1"),
        ("kernel.hostname", "x", "'kernel.hostname': use --hostname", None),
        ("kernel.pid_max", "1", "'kernel.pid_max': no namespace has its own, so it would change the host", None),
        ("user.max_user_namespaces", "1", "'user.max_user_namespaces': no namespace has its own, so it would "
                                          "change the host", None)])
    def test_sysctls(self, refused, key, value, what, hint):
        refused(["--sysctl", f"{key}={value}"], f"--sysctl {what}", hint)

    @pytest.mark.parametrize("key, value, message, hint", [
        ("net.nope", "1", "this kernel has no sysctl 'net.nope': No such file or directory (ENOENT)", "sysctl -a lists"),
        ("net.ipv4.conf.eth9/1.forwarding", "1",
         "this kernel has no sysctl 'net.ipv4.conf.eth9/1.forwarding': No such file or directory (ENOENT)", "sysctl -a"),
        ("net.ipv4.ip_forward", "ban\x1bana", r"the kernel does not take 'ban\x1bana' for the sysctl 'net.ipv4.ip_forward': "
                                              "Invalid argument (EINVAL)", None)])
    def test_sysctls_that_the_kernel_refuses(self, fails, key, value, message, hint):
        fails(["--sysctl", f"{key}={value}"], message, hint)

    @pytest.mark.parametrize("option, value, what, hint", [
        ("--env", "", "there is no name", "write NAME=value, or NAME"), ("--env", "=x", "there is no name", "NAME=value"),
        ("--workdir", "srv", "the path in the container has to be absolute", None),
        ("--workdir", "", "the path in the container has to be absolute", None),
        ("--network", "bridge:", "there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH", None),
        ("--network", "container:", "there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH", None),
        ("--ip", "fd00::7", "this is no address of IPv4", "--ip6 is for IPv6"),
        ("--ip6", "10.0.0.1", "this is no address of IPv6", "--ip is for IPv4"),
        ("--network-alias", "a b", "this is no host name", "letters, digits"),
        ("--network", "\x1b", "there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH", None),
        ("--network", "ns:/dev/null", "this is no network namespace", "write ns:/run/netns/NAME"),
        ("--publish", "80:http", "'http' is neither a port from 1 to 65535 nor a range of them", "HOST:CONTAINER"),
        ("--publish", "8000-8010:80", "the host's range is of 11, the container's of 1", "equally long"),
        ("--publish", "localhost:80:80", "'localhost' is no IP address", "write 127.0.0.1"),
        ("--publish", "80/sctp", "'sctp' is no protocol that can be published", "tcp and udp"),
        ("--mac-address", "x", "this is no hardware address", "02:42:ac:11:00:02"),
        ("--pid", "x", "only host and private are supported", None), ("--userns", "", "only host and private are supported", None),
        ("--hostname", "a..b", "this is no host name", HOST_NAME), ("--hostname", "", "this is no host name", HOST_NAME),
        ("--hostname", "x" * 65, "this is no host name", HOST_NAME), ("--domainname", "a b", "this is no host name", HOST_NAME),
        ("--add-host", "db", "expected NAME:ADDRESS", "write db:10.0.0.5"),
        ("--add-host", "db:1.2.3", "'1.2.3' is no IP address", "write it as 10.0.0.5 or fd00::5, or host-gateway: names are not looked up"),
        ("--add-host", "db:host-gateway", "without a network no address leads to this host", "with --network bridge, or host, there is one"),
        ("--add-host", "db:1.2.3.4\nevil", r"'1.2.3.4\nevil' is no IP address", "names are not looked up"),
        ("--add-host", "a b:1.2.3.4", "'a b' is no host name", "letters, digits, '-' and '_', with dots between the labels"),
        ("--dns", "ns.example.com", "this is no IP address", "write it as 10.0.0.1 or fd00::1"),
        ("--dns", "1.2.3.4\nsearch evil", "this is no IP address", "write it as 10.0.0.1 or fd00::1"),
        ("--dns-search", "a b", "this is no domain", "write example.com, or . for none"),
        ("--dns-option", "a\nb", "this is no option of resolv.conf(5)", "write ndots:2 or rotate"),
        ("--label", "=x", "expected KEY or KEY=VALUE", None), ("--annotation", "x", "expected KEY=VALUE", None),
        ("--cidfile", "", "expected the path of a file", None), ("--pidfile", "", "expected the path of a file", None),
        ("--platform", "linux/", "expected OS/ARCHITECTURE[/VARIANT]", "write linux/amd64"),
        ("--platform", "linux/m68k", f"this host is linux/{ARCHITECTURE}, and minirun emulates no other", None)], ids=repr)
    def test_words_and_names(self, refused, option, value, what, hint):
        shown = value.replace("\n", r"\n").replace("\x1b", r"\x1b")
        refused([option, value], f"{option} '{shown}': {what}", hint)

    @pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "..", "x" * 129, "é"])
    def test_container_names(self, refused, name):
        refused(["--name", name], f"the container name '{name}' is not valid", CONTAINER_NAME)

    def test_options_that_contradict(self, refused):
        refused(["--read-only", "--tmpfs-upper"], "--read-only leaves out the writable layer that --tmpfs-upper is about",
                "give one of them")
        refused(["-h", "x", "--uts", "host"], "--hostname 'x': with --uts host it would change the host's own name")


class TestFiles:
    @pytest.mark.parametrize("name, says, hint", [
        ("gone", "--env-file: cannot open '{}': No such file or directory", None),
        ("dir", "--env-file: '{}' is a directory, not a file", None), ("fifo", "--env-file: '{}' is not a regular file", None),
        ("huge", "--env-file: '{}' is larger than the limit of 1 MiB", None),
        ("blank", "{}:2: the name 'B C' has a blank in it", "write NAME=value, without 'export'"),
        ("export", "{}:1: the name 'export X' has a blank in it", "write NAME=value, without 'export'"),
        ("nameless", "{}:1: there is no name before the '='", None), ("nul", "{}:1: there is a NUL byte", None),
        ("esc\x1b", "{}:1: there is no name before the '='", None)], ids=repr)
    def test_env_files(self, refused, data, name, says, hint):
        refused(["--env-file", str(data / name)], says.format(f"{data}/{name}".replace("\x1b", r"\x1b")), hint)

    @pytest.mark.parametrize("name, says", [
        ("gone", "cannot open '{}': No such file or directory"), ("dir", "'{}' is a directory, not a file"),
        ("fifo", "'{}' is not a regular file"),
        ("no-json", "{} is not valid JSON: line 1, column 2: unexpected end of input; expected string literal"),
        ("no-action", "{}: .defaultAction: missing"),
        ("odd", "{}: .defaultAction: unknown action 'NOPE' (known: SCMP_ACT_KILL, SCMP_ACT_KILL_THREAD, "
                "SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_LOG, SCMP_ACT_NOTIFY, SCMP_ACT_ALLOW)")])
    def test_seccomp_profiles(self, refused, data, name, says):
        refused(["--security-opt", f"seccomp={data}/{name}"], "--security-opt seccomp: " + says.format(data / name))

    @pytest.mark.parametrize("value, what, hint", [
        ("nope", "unknown security option", SECURITY), ("apparmor=x", "not supported yet", SECURITY),
        ("seccomp=", "expected a file with a seccomp profile, or unconfined", None),
        ("no-new-privileges=maybe", "no-new-privileges is true or false", None),
        ("mask=x", "'x' is no absolute path", "several are separated by ':'"),
        ("mask=ALL", "ALL is for unmask: name the paths", None),
        ("unmask=/nope", "this path is neither masked nor read-only", None)])
    def test_security_options(self, refused, value, what, hint):
        refused(["--security-opt", value], f"--security-opt '{value}': {what}", hint)

    @pytest.mark.parametrize("option", ["--cidfile", "--pidfile"])
    def test_files_that_cannot_be_made(self, fails, data, option):
        fails([option, data / "file"], f"cannot make the file '{data}/file': File exists (EEXIST)",
              "remove it, or choose another name")
        fails([option, data / "no/x"], f"cannot make the file '{data}/no/x': No such file or directory (ENOENT)")
        assert (data / "file").read_text() == "text"

    @pytest.mark.parametrize("other", ["--cidfile", "--pidfile"])
    def test_a_failure_leaves_none(self, minirun, plain, data, other):
        minirun.run(other, data / "new", plain, "/nope").refused_with(127, "command '/nope'")
        assert not (data / "new").exists()

    @pytest.mark.parametrize("path, message, hint", [
        ("/dev/nope\x1b", r"--device: '/dev/nope\x1b' does not exist on this host", "load the driver, or leave the option out"),
        ("null", "--device 'null': the path on the host has to be absolute", "write /dev/NAME"),
        ("/dev/null:/x", "--device '/dev/null:/x': '/x' is not below /dev in the container", "write --device HOST:/dev/NAME"),
        ("/dev/null:/dev/../etc/x", "--device '/dev/null:/dev/../etc/x': '/etc/x' is not below /dev in the container", None),
        ("/dev/null:/dev/y:z", "--device '/dev/null:/dev/y:z': the permissions 'z' are not made of r, w and m", None),
        ("/dev/null:/dev/y:r", "--device '/dev/null:/dev/y:r': the permissions 'r' are not supported yet", "a volume with ro"),
        ("/dev/null:x:rwm", "--device '/dev/null:x:rwm': the path in the container has to be absolute", None),
        ("/dev/null:/dev/a:rwm:x", "--device '/dev/null:/dev/a:rwm:x': expected PATH[:PATH][:rwm]", None),
        ("/proc/version:/dev/x", "--device '/proc/version:/dev/x': this is no device", "for a file or a socket use --volume"),
        ("/dev/shm:/dev/x", "--device '/dev/shm:/dev/x': this is a directory; whole directories are not supported yet",
         "name each device")], ids=repr)
    def test_devices(self, refused, path, message, hint):
        refused(["--device", path], message, hint)

    def test_a_device_where_minirun_makes_one(self, fails):
        fails(["--device", "/dev/null:/dev/stdin"], "cannot make device /dev/stdin 1:3 0666: File exists (EEXIST)",
              "minirun makes that one: choose another name")

    @pytest.mark.parametrize("options, message, hint", [
        (["-w", "/etc/passwd"], "the working directory '/etc/passwd' is not a directory: Not a directory (ENOTDIR)",
         "choose another one with --workdir"),
        (["-u", "1000", "-w", "/root"], "the container's user may not enter the working directory '/root': Permission denied "
                                        "(EACCES)", "choose another one with --workdir, or another user with --user"),
        (["-u", "1000", "-w", "/no/x"], "the working directory '/no/x' does not exist and the container's user cannot make it: "
                                        "Permission denied (EACCES)", "choose another one with --workdir, or run as root"),
        (["--read-only", "-w", "/no/x"], "the working directory '/no/x' is not in the image, and the root is read-only: "
                                         "Read-only file system (EROFS)", "or leave out --read-only"),
        (["-w", "/proc/self/fd/3"], "the working directory '/proc/self/fd/3' leads through a link of /proc, or in a circle: Too "
                                    "many levels of symbolic links (ELOOP)", "choose another one with --workdir")])
    def test_working_directories(self, fails, options, message, hint):
        fails(options, message, hint)


class TestVolumes:
    @pytest.mark.parametrize("text, what, hint", [
        ("", "expected SRC:DST[:OPTIONS], or an absolute DST for an anonymous volume", None),
        ("data", "expected SRC:DST[:OPTIONS], or an absolute DST for an anonymous volume", None),
        (":/x", "the path on the host is empty", None), ("data:/x", "named volumes are not supported yet", "write ./data"),
        ("~/x:/x", "~ is the shell's word, and it did not expand this one", "write $HOME in its place"),
        ("/:", "the path in the container has to be absolute", None), ("/:x", "the path in the container has to be absolute", None),
        ("/:/", "a volume cannot cover the container's whole root", None),
        ("/:/../x/..", "a volume cannot cover the container's whole root", None),
        ("/:/x:", "unknown option ''", VOLUME_WORDS), ("/:/x:wr", "unknown option 'wr'", VOLUME_WORDS),
        ("/:/x:remount", "unknown option 'remount'", VOLUME_WORDS), ("/:/x:ro,rw", "it cannot be both ro and rw", None),
        ("/:/x:O,ro", "O gives a writable view, so ro contradicts it", None),
        ("/:/x:rshared,rslave", "it cannot be both rshared and rslave", None),
        ("/:/x:O,rshared", "O makes a file system of its own, rshared means nothing for it", None),
        ("/:/x:ro:y", "expected SRC:DST[:OPTIONS]", "a path with a colon in it can be given with --mount")], ids=repr)
    def test_words(self, refused, text, what, hint):
        refused(["-v", text], f"--volume '{text}': {what}", hint)

    @pytest.mark.parametrize("text, what, hint", [
        ("", "'' is no KEY=VALUE", None), ("x", "'x' is no KEY=VALUE", None),
        ("type=bind,src=/", "it has no destination", "add dst=/path/in/the/container"),
        ("type=bind,dst=/x", "type=bind needs a source", None), ("type=bind,src=,dst=/x", "the path on the host is empty", None),
        ("type=bind,src=/,dst=x", "the path in the container has to be absolute", None),
        ("type=nope,dst=/x", "the type 'nope' is not supported", "known are bind, tmpfs and volume"),
        ("src=x,dst=/x", "named volumes are not supported yet", "for a directory of the host add type=bind"),
        ("nope=1,dst=/x", "unknown key 'nope'", "known are type, source, destination, readonly, bind-propagation"),
        ("type=bind,src=/,dst=/x,ro=maybe", "ro is true or false, not 'maybe'", None),
        ('"type=bind', "a double quote is not closed", None), ('type="bind"', "a double quote has to enclose a whole field", None),
        ("type=tmpfs,src=x,dst=/x", "a tmpfs has no source", None),
        ("type=tmpfs,dst=/x,tmpfs-size=x", "'x' is no size", TMPFS_SIZE),
        ("type=tmpfs,dst=/x,tmpfs-mode=9", "the mode '9' is no octal number", "write 1777 or 0755"),
        ("type=bind,src=/,dst=/x,tmpfs-size=1m", "tmpfs-size and tmpfs-mode are for type=tmpfs only", None),
        ("type=tmpfs,dst=/x,bind-propagation=shared", "bind-propagation is for type=bind only", None),
        ("type=bind,src=/,dst=/x,bind-propagation=x", "bind-propagation is [r]private, [r]slave or [r]shared, not 'x'", None),
        ("type=tmpfs,dst=/x,bind-recursive=disabled", "bind-recursive is for type=bind only", None),
        ("dst=/x,volume-driver=x", "volume-driver is not supported yet", None)], ids=repr)
    def test_mounts(self, refused, text, what, hint):
        refused(["--mount", text], f"--mount '{text}': {what}", hint)

    @pytest.mark.parametrize("text, what, hint", [
        ("", "the path in the container has to be absolute", None), ("/", "a volume cannot cover the container's whole root", None),
        ("/x:", "unknown option ''", TMPFS_WORDS), ("/x:remount", "unknown option 'remount'", TMPFS_WORDS),
        ("/x:size=", "'' is no size", TMPFS_SIZE), ("/x:size=0", "'0' is no size", TMPFS_SIZE),
        ("/x:size=101%", "'101%' is no size", TMPFS_SIZE), ("/x:mode=8", "the mode '8' is no octal number", "write 1777 or 0755"),
        ("/x:uid=x", "uid takes a number, not 'x'", None), ("/x:uid=4294967296", "uid takes a number, not '4294967296'", None),
        ("/x:nr_inodes=x", "nr_inodes takes a number, not 'x'", None)], ids=repr)
    def test_tmpfs(self, refused, text, what, hint):
        refused(["--tmpfs", text], f"--tmpfs '{text}': {what}", hint)

    def test_an_option_that_only_the_kernel_refuses(self, fails):
        fails(["--tmpfs", "/x:uid=4294967295"], "tmpfs on '/x' does not take the option 'uid=4294967295': Invalid argument "
              "(EINVAL); the kernel says: tmpfs: Invalid uid '4294967295'")

    @pytest.mark.parametrize("name, what", [
        ("gone", "'{}' does not exist on this host"), ("file/x", "'{}' does not exist on this host"),
        ("dangling", "'{}' does not exist on this host"), ("no\x1b\n", "'{}' does not exist on this host"),
        (b"no\xff", "'{}' does not exist on this host")], ids=repr)
    def test_a_source_that_is_not_there(self, refused, data, name, what):
        path = os.fsdecode(os.fsencode(data) + b"/" + os.fsencode(name))
        shown = path.replace("\x1b", r"\x1b").replace("\n", r"\n").replace("\udcff", r"\xff")
        refused(["-v", f"{path}:/x"], "--volume: " + what.format(shown), MAKE_IT)
        refused(["--mount", f"type=bind,src={path},dst=/x"], "--mount: " + what.format(shown), MAKE_IT)

    def test_a_source_that_is_a_circle(self, refused, data):
        refused(["-v", f"{data}/loop:/x"], f"--volume: cannot look at '{data}/loop': Too many levels of symbolic links")

    @pytest.mark.parametrize("where, what", [
        ("/proc", "nothing can be mounted over /proc"), ("/proc/sys/kernel", "nothing can be mounted over /proc"),
        ("/x/../proc", "nothing can be mounted over /proc"), ("/dev/", "/dev is minirun's own: give single devices with --device")])
    def test_places_of_minirun(self, refused, data, where, what):
        clean = {"/x/../proc": "/proc", "/dev/": "/dev"}.get(where, where)
        refused(["-v", f"{data}:{where}"], f"--volume '{clean}': {what}")
        refused(["--tmpfs", where], f"--tmpfs '{clean}': {what}")

    def test_two_in_one_place(self, refused, data):
        refused(["-v", f"{data}:/x", "--tmpfs", "/x/"], "--tmpfs '/x': something else is mounted there already")

    @pytest.mark.parametrize("source, target", [("", "/etc/passwd"), ("", "/dev/null"), ("", "/proc/uptime"), ("/file", "/etc")])
    def test_a_directory_upon_a_file_or_the_reverse(self, fails, data, source, target):
        fails(["-v", f"{data}{source}:{target}"], f"the mount target '{target}' is a file where a directory is needed, or the "
              "reverse: Not a directory (ENOTDIR)", MATCH)

    def test_a_tmpfs_upon_a_file(self, fails):
        fails(["--tmpfs", "/etc/passwd"], "the mount target '/etc/passwd' is a file where a directory is needed, or the reverse: "
              "Not a directory (ENOTDIR)", MATCH)

    @pytest.mark.parametrize("target, what, hint", [
        ("/nowhere/x", "is a symbolic link that leads nowhere inside the root file system", "mount on the directory itself"),
        ("link", "is a symbolic link that leads nowhere inside the root file system", "mount on the directory itself"),
        ("../../etc", "leads out of the root file system through a symbolic link", "mount on another path of the container")])
    def test_a_target_that_is_a_link_to_elsewhere(self, minirun, bundle, data, target, what, hint):
        image = bundle(files={"link": Link(target)})
        for words in (["run"], ["run", "--dry-run"], ["explain"]):
            minirun(*words, "-v", f"{data}:/link", image, "true").refused(125, f"the mount target '/link' {what}", hint)
