"""What minirun itself mounts: /proc, /dev, /sys and their masks, /etc/hosts and its like."""
import os
import socket
import stat
import subprocess
import time

import pytest

from bundles import Link
from harness import children


def mounts_of(text):
    """{"/proc": ("proc", {"rw", "nosuid"}, {options of the file system})}; of several at one place the topmost."""
    found = {}
    for line in text.splitlines():
        fields, _, filesystem = line.partition(" - ")
        place, flags = fields.split()[4:6]
        kind, _, options = filesystem.split(maxsplit=2)
        found[place] = (kind, set(flags.split(",")), set(options.split(",")))
    return found


@pytest.fixture
def mounts(minirun, plain):
    return lambda *options, image=plain: mounts_of(minirun.run(*options, image, "cat", "/proc/self/mountinfo").ok().out)


class TestDefaults:
    def test_file_systems_and_their_flags(self, mounts):
        """As the OCI engines mount them: see the runtime specification's config-linux.md, "Default Filesystems"."""
        expected = {
            "/": ("overlay", {"rw", "nodev", "relatime"}),
            "/proc": ("proc", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
            "/dev": ("tmpfs", {"rw", "nosuid"}),
            "/dev/pts": ("devpts", {"rw", "nosuid", "noexec", "relatime"}),
            "/dev/shm": ("tmpfs", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
            "/dev/mqueue": ("mqueue", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
            "/sys": ("sysfs", {"ro", "nosuid", "nodev", "noexec", "relatime"}),
            "/proc/sys": ("proc", {"ro", "nosuid", "nodev", "noexec", "relatime"}),
            "/proc/bus": ("proc", {"ro", "nosuid", "nodev", "noexec", "relatime"}),
        }
        if not os.path.exists("/proc/sys/fs/mqueue"):
            del expected["/dev/mqueue"]
        found = mounts()
        assert {place: found[place][:2] for place in expected} == expected
        assert found["/sys/fs/cgroup"][1] >= {"ro", "nosuid", "nodev", "noexec"}

    def test_nothing_of_the_host_is_mounted(self, mounts):
        """All is the container's own: the sources are file systems without a device."""
        known = {"overlay", "proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup", "cgroup2"}
        assert {kind for kind, _, _ in mounts().values()} <= known

    def test_devices(self, minirun, plain):
        script = "cd /dev; for d in *; do stat -c '%n %F %a %u:%g %t:%T' $d; done; for l in fd stdin stdout stderr ptmx core; do readlink $l; done"
        assert minirun.run(plain, "sh", "-c", script).lines == [
            "core symbolic link 777 0:0 0:0", "fd symbolic link 777 0:0 0:0",
            "full character special file 666 0:0 1:7", "mqueue directory 1777 0:0 0:0",
            "null character special file 666 0:0 1:3", "ptmx symbolic link 777 0:0 0:0",
            "pts directory 755 0:0 0:0", "random character special file 666 0:0 1:8",
            "shm directory 1777 0:0 0:0", "stderr symbolic link 777 0:0 0:0", "stdin symbolic link 777 0:0 0:0",
            "stdout symbolic link 777 0:0 0:0", "tty character special file 666 0:0 5:0",
            "urandom character special file 666 0:0 1:9", "zero character special file 666 0:0 1:5",
            "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx", "/proc/kcore"]

    def test_ptys_are_its_own(self, minirun, plain):
        """A devpts of its own, with the group tty, where any user can open a new pty."""
        assert mounts_of(minirun.run(plain, "cat", "/proc/self/mountinfo").out)["/dev/pts"][2] >= {
            "gid=5", "mode=620", "ptmxmode=666"}
        assert minirun.run("-u", "1000", plain, "payload", "try", "open:/dev/ptmx:rw").facts == {"open:/dev/ptmx:rw": "ok"}
        assert minirun.run(plain, "ls", "/dev/pts").lines == ["ptmx"]

    def test_shared_memory(self, mounts):
        assert "size=65536k" in mounts()["/dev/shm"][2]
        assert "size=4096k" in mounts("--shm-size", "4m")["/dev/shm"][2]

    def test_processes_of_its_own_only(self, minirun, plain):
        assert minirun.run(plain, "sh", "-c", "echo /proc/[0-9]*").lines == ["/proc/1"]


class TestMasks:
    MASKED_FILES = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/sched_debug", "/proc/latency_stats"]
    MASKED_DIRECTORIES = ["/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/asound"]

    def test_masked_files_are_empty(self, minirun, plain):
        there = [path for path in self.MASKED_FILES if os.path.exists(path)]
        assert "/proc/keys" in there or "/proc/kcore" in there
        assert minirun.run(plain, "cat", *there).ok().out == ""
        assert minirun.run(plain, "stat", "-c", "%t:%T", *there).lines == ["1:3"] * len(there)

    def test_masked_directories_are_empty(self, minirun, plain):
        there = [path for path in self.MASKED_DIRECTORIES if os.path.exists(path)]
        for path in there:
            assert minirun.run(plain, "ls", "-A", path).ok().out == "", path
        made = [f"open:{path}/x:create" for path in there]
        assert set(minirun.attempts(plain, *made).values()) <= {"EROFS"}

    def test_read_only_paths(self, minirun, plain):
        attempts = ["write:/proc/sys/kernel/domainname:x", "write:/proc/sys/vm/drop_caches:3", "write:/proc/sysrq-trigger:h",
                    "write:/proc/sys/kernel/core_pattern:|/x", "chmod:/proc/bus:0777", "open:/proc/fs/x:create"]
        # /proc refuses new files on its own.
        assert set(minirun.attempts(plain, *attempts).values()) <= {"EROFS", "ENOENT"}

    def test_the_cover_is_not_the_hosts_null(self, minirun, plain):
        """chmod through a mask must not reach the host's /dev/null (CVE-2025-31133), nor the container's."""
        before = os.stat("/dev/null")
        attempts = [f"{what}:/proc/{file}" for file in ("keys", "timer_list", "kcore") for what in ("chmod", "chown")]
        found = minirun.attempts(plain, *attempts, options=["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"])
        assert set(found.values()) <= {"EROFS", "ENOENT"}
        after = os.stat("/dev/null")
        assert (after.st_mode, after.st_uid, after.st_ctime_ns) == (before.st_mode, before.st_uid, before.st_ctime_ns)
        assert stat.S_IMODE(after.st_mode) == 0o666

    def test_an_image_cannot_bring_its_own_null(self, minirun, bundle):
        """/dev is a fresh tmpfs whatever the image has there."""
        image = bundle(layers=[{"dev/null": Link("/etc/passwd"), "dev/shm": Link("/etc"), "dev/console": Link("/etc/group")}])
        assert minirun.run(image, "sh", "-c", "stat -c %t:%T /dev/null; stat -c %F /dev/shm; ls /dev/console 2>/dev/null; true"
                           ).lines == ["1:3", "directory"]

    def test_they_cannot_be_taken_off(self, minirun, plain):
        attempts = ["umount2:0:2", "mount", "pivot_root", "open_tree", "fsopen", "mount_setattr", "remount:/proc/sys"]
        assert minirun.attempts(plain, *attempts) == dict.fromkeys(attempts, "EPERM")

    def test_more_and_fewer_of_them(self, minirun, bundle):
        image = bundle(files={"secret/file": "x", "key": "y"})
        show = ["sh", "-c", "ls -A /secret; cat /key; head -c 1 /proc/timer_list | wc -c"]
        assert minirun.run(image, *show).ok().out == "file\ny0\n"
        assert minirun.run("--security-opt", "mask=/secret:/key", image, *show).ok().out == "0\n"
        assert minirun.run("--security-opt", "unmask=/proc/timer_list", image, *show).ok().out == "file\ny1\n"
        assert minirun.attempts(image, "open:/proc/sys/kernel/domainname:w", options=["--security-opt", "unmask=ALL"]) == {
            "open:/proc/sys/kernel/domainname:w": "ok"}

    def test_unmasking_what_is_not_masked(self, minirun, plain):
        minirun.run("--security-opt", "unmask=/proc/version", plain, "true").refused(
            125, "--security-opt 'unmask=/proc/version': this path is neither masked nor read-only")


class TestEtcFiles:
    """/etc/hostname, /etc/hosts and /etc/resolv.conf: provided, and not written into the image."""

    def read(self, minirun, image, path, *options):
        return minirun.run(*options, image, "cat", path).ok().out

    def test_hostname(self, minirun, plain):
        out = minirun.run(plain, "sh", "-c", "cat /etc/hostname; hostname; echo $HOSTNAME").lines
        assert len(set(out)) == 1 and len(out[0]) == 12 and set(out[0]) <= set("0123456789abcdef")
        assert minirun.run("-h", "web-1", plain, "sh", "-c", "cat /etc/hostname; hostname; echo $HOSTNAME").lines == ["web-1"] * 3

    def test_hosts(self, minirun, plain):
        assert self.read(minirun, plain, "/etc/hosts", "--hostname=web", "--domainname=example.org", "--add-host", "db:10.0.0.5",
                         "--add-host=v6=[fd00::1]").splitlines() == [
            "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::\tip6-localnet",
            "ff00::\tip6-mcastprefix", "ff02::1\tip6-allnodes", "ff02::2\tip6-allrouters", "10.0.0.5\tdb", "fd00::1\tv6",
            "127.0.1.1\tweb.example.org web"]

    def test_with_the_hosts_network_it_has_the_hosts_names(self, minirun, plain):
        with open("/etc/hosts") as file:
            lines = file.read().splitlines()
        found = self.read(minirun, plain, "/etc/hosts", "--network", "host").splitlines()
        assert found[:len(lines)] == lines
        assert self.read(minirun, plain, "/etc/hostname", "--network", "host") == socket.gethostname() + "\n"

    def test_resolver(self, minirun, plain):
        assert self.read(minirun, plain, "/etc/resolv.conf") == "# This container has no network.\n"
        assert self.read(minirun, plain, "/etc/resolv.conf", "--dns", "9.9.9.9", "--dns=fd00::53", "--dns-search", "example.org",
                         "--dns-search=example.com", "--dns-option", "ndots:2", "--dns-opt=rotate") == (
            "nameserver 9.9.9.9\nnameserver fd00::53\nsearch example.org example.com\noptions ndots:2 rotate\n")

    @pytest.mark.skipif(not os.path.exists("/etc/resolv.conf"), reason="this host has no /etc/resolv.conf")
    def test_resolver_of_the_host(self, minirun, plain):
        with open("/etc/resolv.conf") as file:
            assert self.read(minirun, plain, "/etc/resolv.conf", "--network", "host") == file.read()

    @pytest.mark.parametrize("options", [[], ["--tmpfs-upper"], ["--read-only"]], ids=str)
    def test_the_images_own_are_hidden_and_stay(self, minirun, bundle, options):
        image = bundle(files={"etc/hosts": "of the image", "etc/hostname": "of the image", "etc/resolv.conf": "of the image"})
        out = minirun.run(*options, image, "cat", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf").ok().out
        assert "of the image" not in out and "127.0.0.1\tlocalhost" in out
        assert (image / "layers/001/etc/hosts").read_text() == "of the image"

    def test_they_can_be_written(self, minirun, plain):
        """As under Docker, for the container's life; not to the image and not in a read-only root."""
        assert minirun.run(plain, "sh", "-c", "echo added >> /etc/hosts && tail -n 1 /etc/hosts").ok().out == "added\n"
        assert "added" not in self.read(minirun, plain, "/etc/hosts")
        assert minirun.attempts(plain, "open:/etc/hosts:w", "open:/etc/hosts:r", options=["--read-only"]) == {
            "open:/etc/hosts:w": "EROFS", "open:/etc/hosts:r": "ok"}

    def test_a_volume_takes_their_place(self, minirun, plain, scratch):
        (scratch / "hosts").write_text("mine\n")
        assert self.read(minirun, plain, "/etc/hosts", "-v", f"{scratch}/hosts:/etc/hosts:ro") == "mine\n"

    def test_links_of_the_image_lead_nowhere_else(self, minirun, bundle):
        """/etc/resolv.conf is a link on many systems; where it leads is inside of the image."""
        image = bundle(files={"etc/resolv.conf": Link("../run/systemd/resolve/stub-resolv.conf"),
                              "run/systemd/resolve/stub-resolv.conf": "of the image",
                              "etc/hosts": Link("/../../../../../../../tmp/minirun-test-hosts")})
        result = minirun.run(image, "cat", "/etc/resolv.conf")
        assert not os.path.exists("/tmp/minirun-test-hosts")
        if result.code == 125:
            result.refused_with(125, "the mount target '/etc/hosts' is a symbolic link that leads nowhere")
        else:
            assert result.ok().out == "# This container has no network.\n"


class TestRuntimeBundle:
    """What an OCI config.json lists, and nothing else."""

    def test_a_time_namespace_that_it_joins(self, minirun, runtime_bundle):
        config, image = runtime_bundle(["/bin/busybox", "cat", "/proc/uptime"])
        with subprocess.Popen(["unshare", "--time", "--fork", "--kill-child", "--boottime", "1000000000", "sleep", "1000"]) as other:
            try:
                while not children(other.pid):
                    time.sleep(0.01)
                config["linux"]["namespaces"].append({"type": "time", "path": f"/proc/{children(other.pid)[0]}/ns/time"})
                assert float(minirun.run(image.write(config)).ok().out.split()[0]) > 1e9
            finally:
                other.kill()

    def test_only_what_it_lists(self, minirun, runtime_bundle):
        config, image = runtime_bundle(["/bin/busybox", "cat", "/proc/self/mountinfo"])
        config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] == "/proc"]
        config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
        image.write(config)
        assert set(mounts_of(minirun.run("-q", image.path).ok().out)) == {"/", "/proc"}
