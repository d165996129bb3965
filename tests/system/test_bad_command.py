"""Commands that cannot be run: exit code 127 if something is missing, 126 if it is there and cannot be executed."""
import os
import pathlib
import platform
import shutil
import struct

import pytest

from bundles import FIFO, Directory, File, Link
from harness import need, skip

ADD_INTERPRETER = "add the interpreter to the image, or link the program statically"
CHMOD = "chmod +x it in the image"
NOT_ALLOWED = "the container's user may not execute it, or may not enter a directory on the way, or it is on a noexec mount"
PATH_HINT = "check the spelling, or give the command's whole path"


@pytest.fixture(scope="module")
def program():
    """A dynamic program of this host's, as bytes; minirun only gets to read it."""
    return pathlib.Path(need(shutil.which("env") or "/usr/bin/env", "coreutils")).read_bytes()


@pytest.fixture(scope="module")
def loader(program):
    """The ELF interpreter that it names."""
    start = program.find(b"/lib")
    if start < 0 or b"ld-" not in program[start:start + 64]:
        skip("env(1) of this host is no dynamic program")
    return program[start:program.index(b"\0", start)].decode()


def script(interpreter, mode=0o755):
    return File(f"#!{interpreter}\n", mode)


def foreign(program, machine):
    """The same program for another machine, by its header's e_machine."""
    return program[:18] + struct.pack("<H", machine) + program[20:]


@pytest.fixture
def image(bundle, program):
    files = {"x/text": File("text", 0o644), "x/text-x": File("text", 0o755), "x/empty": File("", 0o755), "x/dir": None,
             "x/fifo": FIFO, "x/dangling": Link("/nowhere"), "x/loop": Link("loop"),
             "x/dynamic": program, "x/link": Link("dynamic"), "x/arm": foreign(program, 40),
             "x/odd": foreign(program, 0x1234), "x/cut": program[:70], "x/stub": program[:20],
             "x/script": script("/no/such -x"), "x/chain": script("/x/script"), "x/to-dynamic": script(" /x/dynamic"),
             "x/crlf": File("#!/bin/sh\r\n", 0o755), "x/relative": script("bin/nope"), "x/self": script("/x/self"),
             "x/to-dir": script("/x/dir"), "x/to-text": script("/x/text"), "x/to-arm": script("/x/arm"),
             "x/to-empty": script("/x/empty"), "x/nothing": script(""), "x/long": script("/" + "l" * 300),
             "x/esc\x1b[31m": script("/no\x1b[31m"), "x/private": Directory(0o700), "x/private/sh": script("/bin/sh"),
             "x/roots": script("/bin/sh", 0o700), "usr/bin/tool": File("", 0o644)}
    made = bundle(files=files)
    for name in ("dynamic", "arm", "odd", "cut", "stub"):
        os.chmod(made / "layers/001/x" / name, 0o755)
    return made


class TestNotFound:
    @pytest.mark.parametrize("command, shown", [("nope", "nope"), (" ", " "), ("a\n\x1b[31mb", r"a\n\x1b[31mb"),
                                                (b"\xff", r"\xff")])
    def test_by_name(self, minirun, plain, command, shown):
        minirun.run(plain, os.fsdecode(command)).refused(
            127, f"command '{shown}': executable file not found in $PATH (/usr/local/bin:/usr/bin:/bin)", PATH_HINT)

    @pytest.mark.parametrize("given, searched", [("PATH=/a:/b", "/a:/b"), ("PATH=", "."), ("PATH=bin:", "bin:."),
                                                 ("PATH=/\x1b[31m", r"/\x1b[31m")])
    def test_the_path_that_was_searched(self, minirun, plain, given, searched):
        minirun.run("-e", given, plain, "nope").refused(
            127, f"command 'nope': executable file not found in $PATH ({searched})", PATH_HINT)

    def test_a_long_path_is_cut(self, minirun, plain):
        minirun.run("-e", "PATH=" + "/a:" * 3000 + "/b", plain, "nope").refused(
            127, f"command 'nope': executable file not found in $PATH ({('/a:' * 1366)[:4096]}… (9002 bytes))", PATH_HINT)

    @pytest.mark.parametrize("command", ["/nope", "x/nope", "./nope", "../nope", "nope/", "/bin/sh/x", "/x/dangling",
                                         "/proc/1/root/nope"])
    def test_by_path(self, minirun, image, command):
        minirun.run(image, command).refused(127, f"command '{command}': no such file or directory in the container")

    @pytest.mark.parametrize("option", ["--read-only", "-v", "--rm"])
    def test_an_option_behind_the_image(self, minirun, plain, option):
        minirun.run(plain, option, "x").refused(
            127, f"command '{option}': executable file not found in $PATH (/usr/local/bin:/usr/bin:/bin)",
            "minirun's own options stand in front of the image")

    @pytest.mark.parametrize("options", [["-t"], ["--init"], ["--read-only"], ["--tmpfs-upper"], ["--userns", "private"],
                                         ["--security-opt", "no-new-privileges=false"], ["--network", "host"]], ids=str)
    def test_with_all_sorts_of_containers(self, minirun, plain, options):
        minirun.run(*options, plain, "/nope").refused(127, "command '/nope': no such file or directory in the container")

    @pytest.mark.parametrize("words", [["run", "--dry-run"], ["explain"]], ids=str)
    def test_what_starts_nothing_says_nothing(self, minirun, plain, words):
        """A plan is no promise: explain tells where the command was looked for."""
        minirun(*words, plain, "/nope").ok()


class TestMissingInterpreter:
    @pytest.mark.parametrize("command, runs, interpreter", [
        ("/x/script", "/x/script", "/no/such"), ("/x/relative", "/x/relative", "bin/nope"),
        ("/x/chain", "/x/script", "/no/such"), (r"/x/esc\x1b[31m", r"/x/esc\x1b[31m", r"/no\x1b[31m")])
    def test_of_a_script(self, minirun, image, command, runs, interpreter):
        minirun.run(image, command.encode().decode("unicode_escape")).refused(
            127, f"cannot run '{runs}': the interpreter '{interpreter}' that its #! line names is not in the container: "
                 "no such file or directory", ADD_INTERPRETER)

    @pytest.mark.parametrize("command, runs", [("/x/dynamic", "/x/dynamic"), ("/x/link", "/x/link"),
                                               ("/x/to-dynamic", "/x/dynamic")])
    def test_of_a_dynamic_program(self, minirun, image, loader, command, runs):
        minirun.run(image, command).refused(
            127, f"cannot run '{runs}': the interpreter '{loader}' that its ELF header names is not in the container: "
                 "no such file or directory", ADD_INTERPRETER)

    def test_windows_line_ends(self, minirun, image):
        minirun.run(image, "/x/crlf").refused(
            127, r"cannot run '/x/crlf': the interpreter '/bin/sh\x0d' that its #! line names is not in the container: "
                 "no such file or directory", "the script has Windows line ends (CRLF): convert it")

    def test_in_a_volume(self, minirun, plain, image):
        minirun.run("-v", f"{image}/layers/001/x:/v:ro", plain, "/v/script").refused(
            127, "cannot run '/v/script': the interpreter '/no/such' that its #! line names is not in the container: "
                 "no such file or directory", ADD_INTERPRETER)


class TestNotExecutable:
    @pytest.mark.parametrize("command, what, hint", [
        ("/x/text", "is not executable", CHMOD), ("/etc/passwd", "is not executable", CHMOD),
        ("/x/dir", "is a directory", None), ("/x/dir/", "is a directory", None), ("/", "is a directory", None),
        ("/x/fifo", "is no regular file", None)])
    def test_by_nobody(self, minirun, image, command, what, hint):
        minirun.run(image, command).refused(126, f"cannot run '{command}': it {what}: permission denied", hint)

    def test_in_the_path(self, minirun, image):
        minirun.run(image, "tool").refused(126, "cannot run '/usr/bin/tool': it is not executable: permission denied",
                                           CHMOD)

    @pytest.mark.parametrize("command, interpreter, what, hint", [
        ("/x/to-dir", "/x/dir", "is a directory", None), ("/x/to-text", "/x/text", "is not executable", CHMOD)])
    def test_the_interpreter(self, minirun, image, command, interpreter, what, hint):
        minirun.run(image, command).refused(
            126, f"cannot run '{command}': the interpreter '{interpreter}' that its #! line names {what}: permission "
                 "denied", hint)

    @pytest.mark.parametrize("command", ["/x/roots", "/x/private/sh"])
    def test_by_this_user(self, minirun, image, command):
        minirun.run("-u", "1000", image, command).refused(126, f"cannot run '{command}': permission denied", NOT_ALLOWED)

    def test_a_device(self, minirun, plain):
        minirun.run(plain, "/dev/null").refused(126, "cannot run '/dev/null': permission denied", NOT_ALLOWED)


class TestNoProgram:
    @pytest.mark.parametrize("command, what, hint", [
        ("/x/text-x", "is neither an ELF program nor a script", "a script begins with a line such as #!/bin/sh"),
        ("/x/stub", "is neither an ELF program nor a script", "a script begins with a line such as #!/bin/sh"),
        ("/x/empty", "is an empty file", None),
        ("/x/nothing", "has a #! line that names no interpreter in its first 255 bytes", "reads no more of it"),
        ("/x/long", "has a #! line that names no interpreter in its first 255 bytes", "reads no more of it"),
        ("/x/arm", f"is a program for arm, this host is {platform.machine()}", "use an image for this architecture"),
        ("/x/odd", f"is a program for ELF machine 4660, this host is {platform.machine()}", "for this architecture"),
        ("/x/cut", "is a damaged ELF program", "build the image again")])
    def test_what_it_is(self, minirun, image, command, what, hint):
        minirun.run(image, command).refused(126, f"cannot run '{command}': it {what}: exec format error", hint)

    def test_the_interpreter(self, minirun, image):
        minirun.run(image, "/x/to-arm").refused(
            126, f"cannot run '/x/to-arm': the interpreter '/x/arm' that its #! line names is a program for arm, this "
                 f"host is {platform.machine()}: exec format error", "use an image for this architecture")
        minirun.run(image, "/x/to-empty").refused(
            126, "cannot run '/x/to-empty': the interpreter '/x/empty' that its #! line names is an empty file: exec "
                 "format error")

    @pytest.mark.parametrize("command", ["/x/self", "/x/loop"])
    def test_circles(self, minirun, image, command):
        minirun.run(image, command).refused(
            126, f"cannot run '{command}': Too many levels of symbolic links (ELOOP)",
            "symbolic links lead in a circle, or #! lines name scripts more than four deep")

    def test_too_many_arguments(self, minirun, bundle):
        image = bundle({"Cmd": ["true"] + ["x" * 1000] * 4000})
        minirun.run(image).refused(126, "cannot run '/bin/true': Argument list too long (E2BIG)",
                                   "the arguments and the environment are too long")
