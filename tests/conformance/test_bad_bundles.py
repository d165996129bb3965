"""The table of bad bundles: what people get wrong most, and whether the answer helps. Runtimes have to refuse; what the words have
to be is what minirun asks of itself."""
import os
import struct

import pytest

import machine
from requirements import engines, must, ours


def outcome(box):
    """Of create and start, whichever refuses."""
    result = box.create()
    if result.code == 0:
        result = box.start()
        box.last_exit = box.wait()
    else:
        result.err = box.err.read_text()
    return result


def program(box, path, content, mode=0o755):
    target = box.rootfs / path.strip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.chmod(target, mode)
    box.process["args"] = [path]


def dynamic_elf(interpreter, machine_number=62, bits=2):
    """The least of a 64-bit ELF file that names its interpreter: headers, no code."""
    text = interpreter.encode() + b"\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF" + bytes([bits, 1, 1]), 2, machine_number, 1, 0x400000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segment = lambda kind, at, size: struct.pack("<IIQQQQQQ", kind, 5, at, 0x400000 + at, 0x400000 + at, size, size, 0x1000)
    return (header + segment(1, 0, 0x1000) + segment(3, 0x200, len(text))).ljust(0x200, b"\0") + text.ljust(0xe00, b"\0")


NATIVE = {"x86_64": 62, "aarch64": 183}.get(machine.ARCHITECTURE, 62)
COMMANDS = {
    "an absolute command that is not there": (lambda box: box.process.update(args=["/not/there"]), ["/not/there", "no such file"], ["$path"]),
    "a command that is not in PATH": (lambda box: box.process.update(args=["notthere"]), ["notthere", "executable file not found in $path"], []),
    "a command that cannot be executed": (lambda box: program(box, "/opt/tool", "#!/bin/sh\n", 0o644), ["/opt/tool", "permission denied"], []),
    "a directory": (lambda box: box.process.update(args=["/etc"]), ["/etc", "directory"], []),
    "an interpreter that is not there": (lambda box: program(box, "/opt/tool", "#!/usr/bin/python9\n"), ["/opt/tool", "/usr/bin/python9", "no such file"], []),
    "an interpreter with a carriage return": (lambda box: program(box, "/opt/tool", "#!/bin/sh\r\necho\r\n"), ["/opt/tool", "/bin/sh", "no such file"], []),
    "a dynamic program without its loader": (lambda box: program(box, "/opt/tool", dynamic_elf("/lib64/ld-nothing.so.9", NATIVE)), ["/opt/tool", "/lib64/ld-nothing.so.9", "no such file"], []),
    "a program of another architecture": (lambda box: program(box, "/opt/tool", dynamic_elf("/lib/ld.so", 22)), ["/opt/tool", "exec format error"], []),
    "a text without #!": (lambda box: program(box, "/opt/tool", "echo here\n"), ["/opt/tool", "exec format error"], []),
    "an empty program": (lambda box: program(box, "/opt/tool", ""), ["/opt/tool", "exec format error"], []),
}


@must("runtime.md", "Start")
@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_is_an_error(box, what):
    """Of create or start; or at the least the container ends with one, and with words on its standard error."""
    COMMANDS[what][0](box)
    result = outcome(box)
    if result.code == 0:
        assert box.err.read_text().strip()
        result.code = 1 if box.last_exit else 0
    assert result.code not in (0, None)


@ours("errors")
@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_is_explained(box, what):
    change, words, never = COMMANDS[what]
    change(box)
    said = outcome(box).failed().err.lower()
    assert [word for word in words if word not in said] == [] and [word for word in never if word in said] == [], said


@engines("error words")
@pytest.mark.parametrize("args, words", [(["/not/there"], ["no such file or directory"]), (["notthere"], ["executable file not found in"]), (["/etc/passwd"], ["permission denied"])], ids=str)
def test_words_that_engines_look_for(box, args, words):
    """In lower case: dockerd makes 126 and 127 of them, conmon as well."""
    box.process["args"] = args
    said = outcome(box).failed().err
    assert any(word in said for word in words), said


CONFIGS = {
    "maskedPaths of the wrong type": (lambda box: box.linux.update(maskedPaths="/proc/kcore"), ["maskedPaths"]),
    "an unknown capability": (lambda box: box.process["capabilities"].update(bounding=["CAP_SYS_NONSENSE"]), ["CAP_SYS_NONSENSE"]),
    "a limit above the hard one": (lambda box: box.process.update(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 5}]), ["RLIMIT_NOFILE"]),
    "an unknown limit": (lambda box: box.process.update(rlimits=[{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}]), ["RLIMIT_NONSENSE"]),
    "a bind of what is not there": (lambda box: box.bind("/not/there/on/the/host", "/mnt"), ["/not/there/on/the/host", "o such file"]),
    "a file system that does not exist": (lambda box: box.mount("/mnt", "x", "nonsensefs"), ["nonsensefs", "/mnt"]),
    "an option that does not exist": (lambda box: box.mount("/mnt", options=["nonsense=1"]), ["nonsense", "/mnt"]),
    "an unknown namespace": (lambda box: box.linux["namespaces"].append({"type": "nonsense"}), ["nonsense"]),
    "a namespace that is not there": (lambda box: box.namespace("network", "/run/netns/not-there"), ["/run/netns/not-there"]),
    "a sysctl that is not there": (lambda box: box.linux.update(sysctl={"net.not.there": "1"}), ["net.not.there"]),
    "a sysctl of the host": (lambda box: box.linux.update(sysctl={"kernel.pid_max": "100"}), ["kernel.pid_max"]),
    "an unknown seccomp action": (lambda box: box.linux.update(seccomp={"defaultAction": "SCMP_ACT_NONSENSE"}), ["SCMP_ACT_NONSENSE"]),
    "an unknown architecture": (lambda box: box.linux.update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NONSENSE"]}), ["SCMP_ARCH_NONSENSE"]),
    "a root that is not there": (lambda box: box.config["root"].update(path="no-root"), ["no-root"]),
    "a hook that is not there": (lambda box: box.config.update(hooks={"createRuntime": [{"path": "/not/a/hook"}]}), ["/not/a/hook", "o such file"]),
    "a user that is not mapped": (lambda box: (box.namespace("user"), box.linux.update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}],
                                  gidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}]), box.process["user"].update(uid=5000)), ["5000"]),
    "a relative working directory": (lambda box: box.process.update(cwd="relative"), ["cwd", "relative"]),
    "a device of an unknown type": (lambda box: box.linux.update(devices=[{"path": "/dev/mine", "type": "x", "major": 1, "minor": 1}]), ["devices"]),
    "a version that is none": (lambda box: box.config.update(ociVersion="nonsense"), ["ociVersion", "nonsense"]),
    "a hostname without a namespace for it": (lambda box: box.without_namespace("uts"), ["hostname", "uts"]),
}


@must("runtime.md", "Errors")
@pytest.mark.parametrize("what", [what for what in CONFIGS if what not in ("maskedPaths of the wrong type", "an unknown capability")])
def test_a_config_is_an_error(box, what):
    CONFIGS[what][0](box)
    box.sh("touch /was-here")
    outcome(box).failed()
    assert not (box.rootfs / "was-here").exists()


@ours("errors")
@pytest.mark.parametrize("what", CONFIGS)
def test_a_config_is_explained(box, what):
    change, words = CONFIGS[what]
    change(box)
    said = outcome(box).failed().err
    assert [word for word in words if word.lower() not in said.lower()] == [], said


@ours("errors")
@pytest.mark.parametrize("what", ["an absolute command that is not there", "a dynamic program without its loader"])
def test_a_command_leaves_nothing(box, what):
    COMMANDS[what][0](box)
    assert box.run().code not in (0, None)
    assert box.id not in os.listdir(box.runtime.root)


@engines("run")
@pytest.mark.parametrize("args, codes", [(["/not/there"], (1, 127, 255)), (["/etc/passwd"], (1, 126, 255))], ids=str)
def test_exit_codes_of_run(box, args, codes):
    box.process["args"] = args
    assert box.run().code in codes


@ours("errors")
def test_a_name_with_control_characters_does_no_harm(box):
    """What is printed is quoted: an escape sequence of a hostile bundle does not reach the terminal."""
    box.process["args"] = ["/not/\x1b[31mred\nline"]
    said = outcome(box).failed().err
    assert "\x1b" not in said
