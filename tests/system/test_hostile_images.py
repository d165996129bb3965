"""Images and bundles that want more than a container has: each is a way that has worked in some runtime."""
import os
import stat
import subprocess

import pytest

from bundles import Link
from harness import PAYLOAD


LINKS = ["/", "../../..", "/sys", "sys/..", "/proc/self/root", "/tmp"]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("place", ["proc", "sys", "dev"])
class TestLinksAtMounts:
    """A procfs that is somewhere else is one without masks (CVE-2019-19921)."""

    def image(self, bundle, place, link):
        return bundle(base=False, layers=[{"bin/payload": bundle.base_layer / "bin/payload", "tmp": None, place: Link(link)}])

    @pytest.mark.parametrize("options", [[], ["--tmpfs-upper"], ["--userns", "private"], ["--pid", "host"]], ids=" ".join)
    def test_of_an_image(self, minirun, bundle, place, link, options):
        minirun.run(*options, self.image(bundle, place, link), "/bin/payload", "facts").refused(
            125, f"the mount target '/{place}' is a symbolic link, which is not followed there: Too many levels of symbolic links (ELOOP)",
            hint="make it a directory in the image")

    def test_of_a_read_only_root(self, minirun, bundle, place, link):
        minirun.run("--read-only", self.image(bundle, place, link), "/bin/payload", "facts").refused_with(125, f"the mount target '/{place}'")

    def test_of_a_runtime_bundle(self, minirun, runtime_bundle, place, link):
        _, image = runtime_bundle(["/bin/payload", "facts"])
        if (image.path / "rootfs" / place).exists():
            os.rmdir(image.path / "rootfs" / place)
        (image.path / "rootfs" / place).symlink_to(link)
        minirun.run(image.path).refused_with(125, f"the mount target '/{place}' is a symbolic link, which is not followed there")


@pytest.mark.parametrize("target", ["/", "/dev", "/proc", "/proc/sys"])
def test_volumes_cover_nothing_of_minirun_by_a_link(minirun, bundle, scratch, target):
    (scratch / "data").mkdir()
    image = bundle(files={"link": Link(target)})
    for option in (["-v", f"{scratch}/data:/link"], ["--tmpfs", "/link"], ["-v", f"{scratch}/data:/link:O"]):
        result = minirun.run(*option, image, "true")
        result.refused_with(125, "the mount target '/link'", hint="mount on another path of the container")


class TestDevicesOfABundle:
    def test_a_path_that_climbs(self, minirun, runtime_bundle, scratch):
        config, image = runtime_bundle(["/bin/payload", "facts"])
        path = "/dev/" + "../" * 12 + str(scratch / "node").lstrip("/")
        config["linux"]["devices"] = [{"path": path, "type": "c", "major": 1, "minor": 3}]
        minirun.run(image.write(config)).refused_with(125, ".linux.devices[0].path: expected a path without")
        assert not (scratch / "node").exists()

    def test_a_directory_of_devices(self, minirun, runtime_bundle):
        config, image = runtime_bundle(["/bin/busybox", "stat", "-c", "%t:%T", "/dev/net/tun"])
        config["linux"]["devices"] = [{"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200}]
        assert minirun.run("-q", image.write(config)).ok().out == "a:c8\n"


def test_a_path_that_is_too_long(minirun, bundle):
    image = bundle({"Volumes": {"/" + "a/" * 5000: {}}})
    minirun.run("--read-only", image, "true").refused_with(125, "bytes, more than the kernel takes")


def test_many_deep_mount_points(minirun, bundle):
    """Their parents are made once each, and not remembered one by one."""
    image = bundle({"Volumes": {f"/{i}" + "/a" * 1500: {} for i in range(5)}})
    limited = ["sh", "-c", "ulimit -v 400000; exec \"$@\"", "sh"]
    minirun.run("--read-only", image, "true", before=limited).ok()


class TestStreams:
    """A file that is a standard stream is a stream inside, and nothing more."""

    def test_what_was_in_it_cannot_be_read(self, minirun, plain, scratch):
        (scratch / "out").write_text("secret of the host\n")
        with open(scratch / "out", "a") as out:
            minirun.run(plain, "sh", "-c", "cat /proc/self/fd/1 </proc/self/fd/1 2>/dev/null & sleep 0.2; { kill $!; wait $!; } 2>/dev/null; echo x", stdout=out).ended(0)
        assert (scratch / "out").read_text() == "secret of the host\nx\n"

    def test_it_cannot_become_a_program(self, minirun, plain, scratch):
        with open(scratch / "out", "w") as out:
            os.chmod(scratch / "out", 0o600)
            minirun.run(plain, "sh", "-c", "chmod 4755 /proc/self/fd/1; chown 1000 /proc/self/fd/1; echo x", stdout=out)
        found = os.stat(scratch / "out")
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, 0)
        assert (scratch / "out").read_text() == "x\n"

    def test_input_is_not_written_to(self, minirun, plain, scratch):
        (scratch / "in").write_text("input\n")
        with open(scratch / "in") as file:
            result = minirun.start("run", "-i", plain, "sh", "-c", "read line; echo got $line; echo changed > /proc/self/fd/0", stdin=file).finish()
        assert result.out == "got input\n" and (scratch / "in").read_text() == "input\n"

    def test_a_directory_leads_nowhere(self, minirun, plain):
        fd = os.open("/", os.O_RDONLY)
        result = minirun.start("run", "-i", plain, "ls", "/proc/self/fd/0/etc", stdin=fd).finish()
        os.close(fd)
        assert result.code == 1 and result.out == ""

    def test_both_to_one_file_keep_their_order(self, minirun, plain, scratch):
        script = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done"
        with open(scratch / "log", "w") as log:
            minirun.run(plain, "sh", "-c", script, stdout=log, stderr=log)
        assert (scratch / "log").read_text() == "".join(f"out {i}\nerr {i}\n" for i in range(1, 10))

    def test_much_in_both_directions(self, minirun, plain, scratch):
        data = os.urandom(3_000_000)
        (scratch / "in").write_bytes(data)
        with open(scratch / "in") as file, open(scratch / "out", "w") as out:
            assert minirun.start("run", "-i", plain, "cat", stdin=file, stdout=out).finish().code == 0
        assert (scratch / "out").read_bytes() == data

    def test_a_full_disk_is_told_to_the_program(self, minirun, plain):
        with open("/dev/full", "w") as full:
            assert minirun.run(plain, "sh", "-c", "while echo x; do :; done; exit 3", stdout=full).code in (3, 141)


def test_keys_of_the_host_stay_out(minirun, plain):
    """A session keyring of its own, even where no filter forbids to look."""
    keyrings = [subprocess.run([PAYLOAD, "facts", "session_keyring"], stdout=subprocess.PIPE, text=True).stdout]
    for _ in range(2):
        keyrings.append(minirun.run("--security-opt", "seccomp=unconfined", plain, "payload", "facts", "session_keyring").ok().out)
    assert len(set(keyrings)) == 3 and "-1" not in "".join(keyrings)


def test_the_reaper_gives_nothing_to_who_may_trace_it(minirun, plain):
    options = ["--init", "--cap-add", "SYS_PTRACE"]
    # Before any program of the image runs: in every one of these.
    for _ in range(10):
        status = minirun.run(*options, plain, "cat", "/proc/1/status").ok().out
        assert "Seccomp:\t2\n" in status and "CapBnd:\t0000000000000000\n" in status and "NoNewPrivs:\t1\n" in status
