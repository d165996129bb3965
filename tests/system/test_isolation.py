"""What separates a container from the host: namespaces, capabilities, no_new_privs, seccomp, the root it cannot leave."""
import os
import pathlib
import shutil
import socket
import struct
import subprocess

import pytest

from bundles import Device

CAPABILITIES = sorted({"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
                       "NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "SETFCAP": 31}.values())
SYS_ADMIN, NET_ADMIN = 21, 12
NO_SECCOMP = ["--security-opt", "seccomp=unconfined"]
WARNING = "minirun: --privileged takes the sandbox away: root in the container is root on this host\n"
NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]


def of_host(name):
    return os.readlink(f"/proc/self/ns/{name}")


def own_capabilities():
    """Those that the tests, and so minirun, may use at all."""
    line = next(line for line in open("/proc/self/status") if line.startswith("CapPrm:"))
    return [number for number in range(64) if int(line.split()[1], 16) >> number & 1]


class TestNamespaces:
    @pytest.mark.parametrize("options, shared", [
        ([], {"time", "user"}), (["--pid", "host"], {"time", "user", "pid"}), (["--network", "host"], {"time", "user", "net"}),
        (["--ipc", "host"], {"time", "user", "ipc"}), (["--uts", "host"], {"time", "user", "uts"}),
        (["--cgroupns", "host"], {"time", "user", "cgroup"}), (["--userns", "private"], {"time"}), (["--time", "private"], {"user"}),
        (["--userns", "private", "--time", "private"], set()), (["--privileged", "-q"], {"time", "user"}), (["--init"], {"time", "user"}),
    ], ids=str)
    def test_which_are_the_hosts(self, minirun, plain, options, shared):
        found = minirun.run(*options, plain, "payload", "facts", "namespaces").facts["namespaces"]
        assert {name for name in NAMESPACES if found[name] == of_host(name)} == shared
        assert all(found.values())

    def test_each_container_has_its_own(self, minirun, plain):
        with minirun.start("run", plain, "payload", "wait") as running:
            running.wait_for("ready")
            other = {name: os.readlink(f"/proc/{running.pid}/ns/{name}") for name in NAMESPACES}
            found = minirun.run(plain, "payload", "facts", "namespaces").facts["namespaces"]
        assert {name for name in NAMESPACES if found[name] == other[name]} == {"time", "user"}

    def test_processes(self, minirun, plain):
        attempts = [f"kill:{os.getpid()}", f"open:/proc/{os.getpid()}/stat:r"]
        assert list(minirun.attempts(plain, *attempts).values()) == ["ESRCH", "ENOENT"]
        assert list(minirun.attempts(plain, *attempts, options=["--pid", "host"]).values()) == ["ok", "ok"]

    def test_the_hosts_processes_cannot_be_entered_even_if_seen(self, minirun, plain, scratch):
        """They have capabilities that the container's root lacks."""
        victim = subprocess.Popen(["sleep", "1000"])
        try:
            attempts = [f"read:/proc/{victim.pid}/{file}" for file in (f"root{scratch}", "exe", "mem", "environ", "maps")]
            attempts.append(f"ptrace:16:{victim.pid}")  # PTRACE_ATTACH
            assert list(minirun.attempts(plain, *attempts, options=["--pid", "host"]).values()) == [*["EACCES"] * 5, "EPERM"]
        finally:
            victim.kill()
            victim.wait()

    def test_network(self, minirun, plain):
        show = "ls /sys/class/net; cat /sys/class/net/lo/flags"
        assert minirun.run(plain, "sh", "-c", show).lines == ["lo", "0x9"]  # up
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            tell = ["sh", "-c", f"grep -c ' 0100007F:{port:04X} .* 0A ' /proc/net/tcp"]
            assert minirun.run(plain, *tell).ended(1).out == "0\n"
            assert minirun.run("--network", "host", plain, *tell).ok().out == "1\n"
        assert minirun.run("--network", "host", plain, "ls", "/sys/class/net").lines == sorted(os.listdir("/sys/class/net"))

    def test_shared_memory_and_names(self, minirun, plain):
        here = pathlib.Path(f"/dev/shm/of-the-test-{os.getpid()}")
        here.touch()
        try:
            attempt = f"open:{here}:r"
            assert minirun.attempts(plain, attempt) == {attempt: "ENOENT"}
            assert minirun.attempts(plain, attempt, options=["--ipc", "host"]) == {attempt: "ok"}
        finally:
            here.unlink()
        assert minirun.run("--uts", "host", plain, "hostname").lines == [socket.gethostname()]

    def test_cgroups(self, minirun, plain):
        """The container's cgroup is the root of what it sees."""
        places = lambda text: {line.split(":", 2)[2] for line in text.splitlines()}
        assert places(minirun.run(plain, "cat", "/proc/self/cgroup").ok().out) == {"/"}
        assert places(minirun.run("--cgroupns", "host", plain, "cat", "/proc/self/cgroup").ok().out) == places(
            pathlib.Path("/proc/self/cgroup").read_text())


class TestUserNamespace:
    def test_ids(self, minirun, plain):
        """Each container has 65536 ids of its own, far from those of the host."""
        firsts = set()
        for _ in range(3):
            rows = minirun.run("--userns", "private", plain, "sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map").lines
            (inside, first, size), again = (row.split() for row in rows)
            assert (inside, size) == ("0", "65536") and again == [inside, first, size] and int(first) >= 524288
            firsts.add(first)
        assert len(firsts) > 1

    @pytest.mark.parametrize("user", ["0", "1000"])
    def test_root_inside_is_nobody_outside(self, minirun, plain, user):
        with minirun.start("run", "--userns", "private", "-u", user, plain, "payload", "wait") as running:
            running.wait_for("ready")
            first = int(pathlib.Path(f"/proc/{running.pid}/uid_map").read_text().split()[1])
            assert os.stat(f"/proc/{running.pid}").st_uid == first + int(user)

    def test_files_of_the_image_have_the_images_owners(self, minirun, plain):
        show = "stat -c %u:%g /etc/passwd /home/tester; touch /x /home/tester/y; chown tester /x; stat -c %u:%g /x /home/tester/y"
        assert minirun.run("--userns", "private", plain, "sh", "-c", show).lines == ["0:0", "1000:1000", "1000:0", "0:0"]

    def test_files_of_the_hosts_root_are_not_its_own(self, minirun, plain, scratch):
        data = scratch / "data"
        data.mkdir()
        (data / "secret").write_text("x")
        os.chmod(data / "secret", 0o600)
        attempts = ["open:/data/secret:r", "chmod:/data/secret:511", "chown:/data/secret", "mkdir:/data/new"]
        found = minirun.attempts(plain, *attempts, options=["--userns", "private", "-v", f"{data}:/data"])
        assert list(found.values()) == ["EACCES", "EPERM", "EPERM", "EACCES"]

    def test_its_capabilities_do_not_count_for_the_host(self, minirun, plain):
        """Not for mounts, names, the network or devices either: those namespaces are the host's user namespace's."""
        options = ["--userns", "private", "--cap-add", "ALL", *NO_SECCOMP]
        attempts = ["sethostname", "mknod:/null:c:1:3", "pivot_root", "syslog", "settimeofday", "remount:/", "remount:/proc/sys"]
        assert minirun.attempts(plain, *attempts, options=options) == dict.fromkeys(attempts, "EPERM")
        script = "umount -l /proc; mount -t tmpfs x /tmp; umount -l /etc/hosts; grep -c . /proc/self/mountinfo"
        result = minirun.run(*options, plain, "sh", "-c", script + "; :")
        assert result.err.splitlines() == ["umount: can't unmount /proc: Operation not permitted",
                                           "mount: permission denied (are you root?)",
                                           "umount: can't unmount /etc/hosts: Operation not permitted"]


class TestCapabilities:
    def sets(self, minirun, image, *options):
        return minirun.run(*options, image, "payload", "facts", "caps").facts["caps"]

    @pytest.mark.parametrize("options", [[], ["--init"], ["--userns", "private"], ["-u", "0:1000"], ["-i"], ["--read-only"]], ids=str)
    def test_of_root(self, minirun, plain, options):
        assert self.sets(minirun, plain, *options) == {
            "effective": CAPABILITIES, "permitted": CAPABILITIES, "bounding": CAPABILITIES, "inheritable": [], "ambient": []}

    @pytest.mark.parametrize("options", [["-u", "tester"], ["-u", "4242"], ["-u", "1000", "--init"], ["-u", "1000", "--userns", "private"]], ids=str)
    def test_of_a_user(self, minirun, plain, options):
        assert self.sets(minirun, plain, *options) == {
            "effective": [], "permitted": [], "bounding": CAPABILITIES, "inheritable": [], "ambient": []}

    @pytest.mark.parametrize("options, expected", [
        (["--cap-add", "NET_ADMIN"], sorted([*CAPABILITIES, NET_ADMIN])), (["--cap-drop", "CHOWN", "--cap-drop", "CAP_KILL"],
                                                                          [one for one in CAPABILITIES if one not in (0, 5)]),
        (["--cap-drop", "ALL"], []), (["--cap-drop", "ALL", "--cap-add", "net_admin"], [NET_ADMIN]),
        (["--cap-add", "ALL"], own_capabilities()), (["--privileged", "-q"], own_capabilities()),
        (["--cap-add", "ALL", "--cap-drop", "SYS_ADMIN"], [one for one in own_capabilities() if one != SYS_ADMIN]),
    ], ids=str)
    @pytest.mark.parametrize("user", ["0", "1000"])
    def test_more_and_fewer(self, minirun, plain, options, expected, user):
        held = expected if user == "0" else []
        assert self.sets(minirun, plain, "-u", user, *options) == {
            "effective": held, "permitted": held, "bounding": expected, "inheritable": [], "ambient": []}

    def test_what_is_dropped_is_gone(self, minirun, plain):
        attempts = ["chown:/etc/passwd", "mknod:/dev/x:c:1:3", "mknod:/x:b:7:0", "socket:AF_INET:3:1"]
        assert list(minirun.attempts(plain, *attempts).values()) == ["ok", "EPERM", "EPERM", "EPERM"]
        assert minirun.attempts(plain, "chown:/etc/passwd", options=["--cap-drop", "CHOWN"]) == {"chown:/etc/passwd": "EPERM"}

    def test_one_that_minirun_does_not_have(self, minirun, plain):
        setpriv = shutil.which("setpriv")
        options = ["--cap-drop", "ALL", "--cap-add", "SYS_TIME"]
        minirun.run(*options, plain, "true", before=[setpriv, "--bounding-set", "-sys_time"]).refused(
            125, "cannot set capabilities: effective SYS_TIME; permitted the same; inheritable none; ambient none: Operation not "
            "permitted (EPERM)", hint="a set holds a capability that minirun itself does not have")


class TestPrivileged:
    def test_it_is_warned_of(self, minirun, plain):
        result = minirun.run("--privileged", plain, "true")
        assert (result.code, result.err) == (0, WARNING)
        minirun.run("--privileged", "--quiet", plain, "true").ok()

    def test_what_it_gives(self, minirun, plain):
        facts = minirun.run("--privileged", "-q", plain, "payload", "facts", "caps", "seccomp", "no_new_privs").facts
        assert (facts["caps"]["effective"], facts["seccomp"]) == (own_capabilities(), 0)
        attempts = ["open:/proc/sys/kernel/domainname:w", "unshare:mount", "open:/dev/kmsg:r"]
        assert list(minirun.attempts(plain, *attempts, options=["--privileged", "-q"]).values()) == ["ok", "ok", "ok"]
        assert list(minirun.attempts(plain, *attempts).values()) == ["EROFS", "EPERM", "ENOENT"]
        assert minirun.run("--privileged", "-q", plain, "sh", "-c", "mount -t tmpfs x /tmp && umount /tmp && echo done").lines == ["done"]

    def test_devices_of_the_host(self, minirun, plain):
        names = minirun.run("--privileged", "-q", plain, "ls", "/dev").lines
        characters = {name for name in os.listdir("/dev") if name not in ("console", "ptmx") and pathlib.Path("/dev", name).is_char_device()}
        assert characters - set(names) == set()


class TestNoNewPrivileges:
    @pytest.fixture(scope="class")
    def image(self, shared_bundles, base_layer):
        """With a program that is set-user-id root, and one with a file capability."""
        image = shared_bundles(layers=[{"bin/suid": base_layer / "bin/payload", "bin/capable": base_layer / "bin/payload"}], name="suid")
        os.chmod(image / "layers/001/bin/suid", 0o4755)
        revision, effective, bind = 0x02000000, 1, 1 << 10  # NET_BIND_SERVICE
        os.setxattr(image / "layers/001/bin/capable", "security.capability", struct.pack("<5I", revision | effective, bind, 0, 0, 0))
        return image

    def facts(self, minirun, image, program, *options):
        return minirun.run("-u", "1000", *options, image, program, "facts", "ids", "caps", "no_new_privs").facts

    @pytest.mark.parametrize("options", [[], ["--security-opt", "no-new-privileges"], ["--privileged", "-q", "--security-opt", "no-new-privileges"], ["--cap-add", "ALL"]], ids=str)
    def test_programs_gain_nothing(self, minirun, image, options):
        for program in ("suid", "capable"):
            facts = self.facts(minirun, image, program, *options)
            assert facts["no_new_privs"] == 1
            assert facts["ids"]["uid"] == [1000, 1000, 1000]
            assert facts["caps"]["effective"] == facts["caps"]["permitted"] == []

    @pytest.mark.parametrize("options", [[], ["--init"], NO_SECCOMP], ids=str)
    def test_unless_they_may(self, minirun, image, options):
        """And then no more than the bounding set has."""
        options = ["--security-opt", "no-new-privileges=false", *options]
        facts = self.facts(minirun, image, "suid", *options)
        assert facts["no_new_privs"] == 0
        assert facts["ids"]["uid"] == [1000, 0, 0]
        assert facts["caps"]["effective"] == facts["caps"]["permitted"] == CAPABILITIES
        assert self.facts(minirun, image, "capable", *options)["caps"]["effective"] == [10]


class TestTheRoot:
    """What is outside of the root cannot be reached from inside."""

    @pytest.mark.parametrize("options", [[], ["--cap-add", "SYS_ADMIN"], ["--privileged", "-q"], ["--pid", "host"], ["--userns", "private"],
                                         ["--read-only", "--tmpfs", "/tmp"], ["--init"]], ids=str)
    def test_it_cannot_be_climbed_out_of(self, minirun, plain, scratch, options):
        """As out of a chroot(2): pivot_root(2) left nothing above. The last one shows that the climb gets to the top."""
        attempts = [f"climb:{scratch}", f"climb:{scratch}:umount", "climb:/bin/payload"]
        assert list(minirun.attempts(plain, *attempts, options=options).values()) == ["ENOENT", "ENOENT", "ok"]

    def test_nothing_is_left_of_the_old_one(self, minirun, plain, scratch):
        lines = minirun.run("--privileged", "-q", plain, "cat", "/proc/self/mountinfo").lines
        assert [line for line in lines if str(scratch) in line or "pivot" in line] == []
        assert minirun.run("--privileged", "-q", plain, "sh", "-c", f"ls /proc/1/root{scratch} /proc/1/cwd{scratch} || echo no").out == "no\n"

    @pytest.mark.parametrize("options", [[], ["--cap-add", "MKNOD"], ["--cap-add", "ALL"], ["--read-only"], ["--userns", "private"]], ids=str)
    def test_device_nodes_in_the_image_are_dead(self, minirun, bundle, options):
        image = bundle(files={"my-null": Device("c", 1, 3), "my-loop": Device("b", 7, 0)})
        assert minirun.attempts(image, "open:/my-null:r", "open:/my-loop:r", options=options) == {
            "open:/my-null:r": "EACCES", "open:/my-loop:r": "EACCES"}

    def test_and_so_are_those_that_it_makes(self, minirun, plain):
        attempts = ["mknod:/tmp/null:c:1:3", "open:/tmp/null:r"]
        assert list(minirun.attempts(plain, *attempts, options=["--cap-add", "MKNOD"]).values()) == ["ok", "EACCES"]
