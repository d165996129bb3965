"""What of minirun and of its caller does not get into a container: open files, environment, its program."""
import json
import os
import pathlib
import socket

import pytest

from bundles import Directory, File, Link, elf_with_interpreter
from harness import MINIRUN
from terminal import Terminal

SECRETS = {"OF_THE_HOST": "hunter2", "LD_PRELOAD_": "x", "HOME": "/home/of-the-host", "HOSTNAME": "of-the-host", "TERM": "of-the-host"}
FORMS = pytest.mark.parametrize("options", [[], ["-i"], ["--init"], ["--init", "-i"], ["--userns", "private"], ["--privileged", "-q"],
                                            ["--pid", "host"]], ids=str)


@pytest.fixture
def leaked(scratch):
    """Descriptors that minirun's caller has open and lets it inherit, as careless programs do."""
    opened = [os.open("/", os.O_RDONLY | os.O_DIRECTORY), os.open(scratch, os.O_PATH), os.open(__file__, os.O_RDONLY)]
    opened += [os.dup2(opened[0], 40), os.dup2(opened[0], 999), *os.pipe()]
    server = socket.create_server(("127.0.0.1", 0))
    yield [*opened, server.fileno()]
    server.close()
    for fd in opened:
        os.close(fd)


class TestDescriptors:
    @FORMS
    def test_only_the_streams(self, minirun, plain, leaked, options):
        result = minirun.run(*options, plain, "payload", "facts", "fds", pass_fds=leaked)
        assert set(result.facts["fds"]) == {"0", "1", "2"}

    @pytest.mark.parametrize("options", [["-it"], ["-t"], ["-i"], []], ids=str)
    def test_only_the_streams_with_a_terminal(self, minirun, plain, leaked, options):
        screen = Terminal()
        try:
            screen.start(minirun, "run", *options, plain, "payload", "facts", "fds", pass_fds=leaked)
            links = json.loads(screen.finish().ok().out)["fds"]
        finally:
            screen.close()
        assert set(links) == {"0", "1", "2"}
        assert screen.name not in links.values() or links["0"] == "/dev/pts/0"

    def test_the_init_has_none(self, minirun, plain, leaked):
        with minirun.start("run", "--init", plain, "payload", "wait", pass_fds=leaked) as running:
            running.wait_for("ready")
            assert os.listdir(f"/proc/{running.pid}/fd") == []

    @pytest.mark.parametrize("options", [[], ["--init"], ["--privileged", "-q"]], ids=str)
    def test_no_command_is_found_through_one(self, minirun, plain, leaked, options):
        """CVE-2024-21626: execve(2) looks its path up before it closes anything."""
        for fd in [*range(3, 20), *leaked]:
            command = f"/proc/self/fd/{fd}/bin/busybox"
            result = minirun.run(*options, plain, command, "true", pass_fds=leaked)
            # 126: it is the descriptor through which the command is looked at, a directory of the container.
            assert (result.code, result.out) in ((127, ""), (126, "")), fd
            assert result.code == 127 or fd < 5

    @pytest.mark.parametrize("tail", ["", "/etc", "/../../.."])
    def test_no_working_directory_is(self, minirun, bundle, leaked, tail):
        for fd in (leaked[0], leaked[1], 40, 999):
            path = f"/proc/self/fd/{fd}{tail}"
            result = minirun.run(bundle({"WorkingDir": path}), "true", pass_fds=leaked)
            result.refused_with(125, f"the working directory '{path}' ")

    def test_no_mount_is(self, minirun, plain, leaked, scratch):
        result = minirun.run("-v", f"{scratch}:/proc/self/fd/40/mnt", plain, "true", pass_fds=leaked)
        assert result.code == 125 and not pathlib.Path("/mnt/bundles").exists()

    @pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
    @pytest.mark.parametrize("options", [[], ["-i"], ["--init"]], ids=str)
    def test_streams_that_are_closed(self, minirun, plain, scratch, closed, options):
        """Nothing of minirun's takes their numbers; inside they are /dev/null."""
        def close():
            for fd in closed:
                os.close(fd)
        script = "all=$(for n in 0 1 2; do readlink /proc/$$/fd/$n; done); echo \"$all\" > /out/streams"
        minirun.run(*options, "-v", f"{scratch}:/out", plain, "sh", "-c", script, preexec_fn=close, stdin=None).ok()
        links = (scratch / "streams").read_text().splitlines()
        assert [links[fd] for fd in closed] == ["/dev/null"] * len(closed)

    @pytest.mark.parametrize("options", [[], ["-i"], ["--init"], ["-u", "1000"]], ids=str)
    def test_the_null_device_of_the_streams_is_its_own(self, minirun, plain, options):
        """Through the host's its root could change the mode of the host's node, for all on the host."""
        before = os.stat("/dev/null")
        with open("/dev/null", "r+") as null:
            result = minirun.run(*options, "-v", "/dev/null:/of-the-host:ro", plain, "sh", "-c",
                                 "stat -L -c %d /of-the-host /proc/self/fd/0 /proc/self/fd/2 >/dev/shm/x; cat /dev/shm/x", stderr=null)
        host, *streams = result.lines
        assert host not in streams
        # To the mode that it has: the time of change would tell.
        minirun.attempts(plain, "chmod:/proc/self/fd/0:438", options=options)
        after = os.stat("/dev/null")
        assert (after.st_mode, after.st_ctime_ns) == (before.st_mode, before.st_ctime_ns)


class TestEnvironment:
    @FORMS
    def test_nothing_of_the_hosts(self, minirun, plain, options):
        facts = minirun.run("-h", "inside", *options, plain, "payload", "facts", "env", env=SECRETS).facts
        assert sorted(facts["env"]) == ["HOME=/root", "HOSTNAME=inside", "PATH=/usr/local/bin:/usr/bin:/bin"]

    def test_the_dynamic_linker_of_the_host_does_not_listen_to_it_either(self, minirun, plain, scratch):
        minirun.run(plain, "true", env={"LD_PRELOAD": str(scratch / "none.so"), "LD_DEBUG": "all"}).ok()

    @pytest.mark.parametrize("extra", [[], ["x" * 100000] * 3], ids=["short", "long"])
    def test_nor_through_the_init(self, minirun, plain, extra):
        """/proc/1 is a process of minirun's, and CAP_SYS_PTRACE opens all of it."""
        show = ["sh", "-c", "cat /proc/1/cmdline /proc/1/environ", *extra]
        out = minirun.run("--init", "--cap-add", "SYS_PTRACE", plain, *show, env=SECRETS).ok().out
        assert out.strip("\0") == "minirun-init"


class TestItsProgram:
    """CVE-2019-5736: minirun's own program, reached and written to through /proc."""
    DENIED = {"read": "EACCES", "path": "EACCES", "write": "EACCES", "memory": "EACCES"}

    @pytest.mark.parametrize("options", [[], ["--cap-add", "DAC_OVERRIDE"], ["--cap-add", "SYS_ADMIN"], ["-u", "1000"], ["--userns", "private"]], ids=str)
    def test_through_the_init(self, minirun, plain, options):
        assert minirun.run("--init", *options, plain, "payload", "overwrite-exe", "1").facts == self.DENIED

    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    def test_through_minirun_itself(self, minirun, plain, options):
        """With the host's processes in sight. The shell's parent is minirun, or the init that it left."""
        found = minirun.run("--pid", "host", *options, plain, "sh", "-c", "payload overwrite-exe $PPID").facts
        assert found == self.DENIED

    def test_not_even_with_all_capabilities(self, minirun, plain):
        before = MINIRUN.stat()
        facts = minirun.run("--init", "--privileged", "-q", plain, "payload", "overwrite-exe", "1").facts
        assert {facts["write"], facts["write by descriptor"]} == {"ETXTBSY"}
        after = MINIRUN.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


class TestNoCommand:
    """Until the image's program takes its place, /proc/self/exe is minirun's."""
    SENTENCE = """command '{}': it, or its "#!" line, leads through a link of /proc"""
    HINT = "name a program of the image"

    @pytest.mark.parametrize("options", [[], ["--init"], ["--userns", "private"], ["-u", "1000"], ["--security-opt", "no-new-privileges=false"]], ids=str)
    @pytest.mark.parametrize("command", ["/proc/self/exe", "/proc/thread-self/exe", "/proc/1/exe", "/x/link", "/x/link-to-link", "/x/script", "/x/chain",
                                         "/x/unreadable", "/proc/self/root/bin/sh"])
    def test_of_an_image(self, minirun, bundle, command, options):
        image = bundle(files={"x/link": Link("/proc/self/exe"), "x/link-to-link": Link("link"), "x/script": File("#!/proc/self/exe run\n", 0o755),
                              "x/chain": File("#! /x/script\n", 0o755), "x/unreadable": File("#!/proc/self/exe\n", 0o711)})
        minirun.run(*options, image, command).refused(126, self.SENTENCE.format(command), self.HINT)

    @pytest.mark.parametrize("bits", [64, 32])
    @pytest.mark.parametrize("name", ["elf", "script"])
    def test_as_an_elf_files_interpreter(self, minirun, bundle, bits, name):
        """The kernel would map it beside the image's program, and start there."""
        image = bundle(files={"x/script": File("#!/x/elf\n", 0o755), "x/elf": File(elf_with_interpreter("/proc/self/exe", bits), 0o755)})
        minirun.run(image, f"/x/{name}").refused(126, self.SENTENCE.format(f"/x/{name}"), self.HINT)

    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    def test_that_only_the_kernel_reads(self, minirun, plain, scratch, options):
        """The container's root may run the host's file, and not read it: the look before execve sees nothing, and so
        the one after it has to. What has ended by then is nothing to look at any more: a few tries."""
        (scratch / "script").write_text("#!/proc/self/exe\n")
        (scratch / "script").chmod(0o711)
        volume = ["-v", f"{scratch}/script:/bin/script:ro"]
        for _ in range(5):
            said = minirun.run("--userns", "private", *options, *volume, plain, "script")
            if said.code == 126:
                break
        # It may have come to say something itself before it was ended.
        said.check(said.code == 126 and "minirun: " + self.SENTENCE.format("script") in said.err.splitlines(), "that sentence")
        said.check(said.out == "" and self.HINT in said.err, f"nothing on stdout, and the hint {self.HINT}")
        assert minirun.containers() == []

    def test_a_volume_with_minirun_in_it_is_another_matter(self, minirun, plain):
        assert minirun.run("-v", f"{MINIRUN.resolve()}:/bin/minirun:ro", plain, "minirun", "--version").ok().out.startswith("minirun ")

    @pytest.mark.parametrize("options, command", [(["-w", "/proc/self"], "./exe"), (["-w", "/proc"], "/x/relative"), (["-e", "PATH=/proc/self"], "exe"),
                                                  (["-e", "PATH=/bin:/x", "-w", "/proc"], "relative")])
    def test_by_relative_paths(self, minirun, bundle, options, command):
        image = bundle(files={"x/relative": File("#!self/exe\n", 0o755)})
        found = {"exe": "/proc/self/exe", "relative": "/x/relative"}.get(command, command)
        minirun.run(*options, image, command).refused(126, self.SENTENCE.format(found), self.HINT)

    def test_other_scripts_run(self, minirun, bundle):
        image = bundle(files={"x/script": File("#!/bin/sh\necho $0\n", 0o755), "x/chain": File("#! /x/script \n", 0o755)})
        assert minirun.run(image, "/x/chain").ok().out == "/x/script\n"
