"""Making trees, layers and bundles for the tests: small ones, of busybox and the payload."""
import json
import os
import pathlib
import platform
import shutil
import stat
import struct
from dataclasses import dataclass

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}.get(platform.machine(), platform.machine())
PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
APPLETS = """ash cat chmod chown cp cut date dd df echo env false find grep head hostname id kill ln ls mkdir mount mv
             od printf ps pwd readlink rm sh sleep sort stat stty tail test touch true tty umount uname wc""".split()

PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/:/bin/false
tester:x:1000:1000:a tester:/home/tester:/bin/sh
other:x:1001:100::/:/bin/sh
"""
GROUP = """root:x:0:
daemon:x:1:
audio:x:29:tester
video:x:44:other,tester
users:x:100:
tester:x:1000:
"""


# What a tree can hold beside text (a file) and None (a directory).
@dataclass
class Link:
    target: str


@dataclass
class Hardlink:
    """To another path of the same tree, which comes before."""
    target: str


@dataclass
class File:
    text: str | bytes = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass
class Directory:
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    opaque: bool = False


@dataclass
class Device:
    type: str
    major: int
    minor: int
    mode: int = 0o666


def elf_with_interpreter(path, bits=64):
    """The least of an ELF file that names its interpreter: headers, no code."""
    text = path.encode() + b"\0"
    if bits == 64:
        header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
        segment = lambda type, at, size: struct.pack("<IIQQQQQQ", type, 5, at, 0x400000 + at, 0x400000 + at, size, size, 0x1000)
    else:
        header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0x400000, 52, 0, 0, 52, 32, 2, 0, 0, 0)
        segment = lambda type, at, size: struct.pack("<IIIIIIII", type, at, 0x400000 + at, 0x400000 + at, size, size, 5, 0x1000)
    return (header + segment(1, 0, 0x1000) + segment(3, 0x200, len(text))).ljust(0x200, b"\0") + text.ljust(0xe00, b"\0")


WHITEOUT = Device("c", 0, 0, 0o600)
OPAQUE = Directory(opaque=True)
FIFO = Device("p", 0, 0)


def make_tree(root, entries):
    """{"etc/motd": "hello", "srv": None, "bin/sh": Link("busybox")}; parents are made as they are needed."""
    root = pathlib.Path(root)
    root.mkdir(parents=True, exist_ok=True)
    for name, entry in entries.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_entry(root, path, entry)
    return root


def make_entry(root, path, entry):
    if entry is None:
        path.mkdir(exist_ok=True)
    elif isinstance(entry, (str, bytes)):
        path.write_bytes(entry if isinstance(entry, bytes) else entry.encode())
    elif isinstance(entry, Link):
        path.symlink_to(entry.target)
    elif isinstance(entry, Hardlink):
        os.link(root / entry.target, path)
    elif isinstance(entry, pathlib.Path):
        shutil.copy2(entry, path)
    elif isinstance(entry, Device):
        kind = {"c": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}[entry.type]
        os.mknod(path, kind | entry.mode, os.makedev(entry.major, entry.minor))
        os.chmod(path, entry.mode)
    elif isinstance(entry, File):
        path.write_bytes(entry.text if isinstance(entry.text, bytes) else entry.text.encode())
        own(path, entry)
    elif isinstance(entry, Directory):
        path.mkdir(exist_ok=True)
        own(path, entry)
        if entry.opaque:
            os.setxattr(path, "trusted.overlay.opaque", b"y")


def own(path, entry):
    os.chown(path, entry.uid, entry.gid)
    os.chmod(path, entry.mode)  # after the owner: chown(2) takes the set-user-id bit away


def base_tree(busybox, payload):
    """The layer below nearly every bundle of the tests."""
    tree = {"bin/busybox": busybox, "bin/payload": payload}
    tree |= {f"bin/{name}": Link("busybox") for name in APPLETS}
    tree |= {"etc/passwd": PASSWD, "etc/group": GROUP, "root": Directory(0o700), "tmp": Directory(0o1777),
             "home/tester": Directory(0o755, 1000, 1000)}
    return tree | dict.fromkeys(("dev", "proc", "sys", "var", "etc"))


def image_config(config=None, diff_ids=None, **more):
    """An OCI image config; `config` is its part about execution."""
    document = {"architecture": ARCHITECTURE, "os": "linux",
                "config": {"Env": [PATH], "Cmd": ["payload", "facts"], **(config or {})}, **more}
    if diff_ids is not None:
        document["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    return document


def digest(number):
    """A DiffID that stands for a layer; minirun does not compute them."""
    return f"sha256:{number:064x}"


class Bundles:
    """Makes bundles in a directory, upon the session's base layer."""

    def __init__(self, directory, base_layer):
        self.directory, self.base_layer, self._count = pathlib.Path(directory), base_layer, 0

    def directory_for(self, name=None):
        self._count += 1
        path = self.directory / (name or f"bundle{self._count}")
        path.mkdir(parents=True)
        return path

    def tree(self, entries, name=None):
        """A directory outside of any bundle: for volumes, and for roots."""
        return make_tree(self.directory_for(name), entries)

    def __call__(self, config=None, files=None, *, layers=(), base=True, document=None, name=None, **more):
        """A bundle: the base layer, then one layer for each tree in `layers` and one for `files`.

        `config` goes into the image config's "config"; `document` is a whole other config.json, or its text."""
        path = self.directory_for(name)
        (path / "layers").mkdir()
        if base:
            (path / "layers/00-base").symlink_to(self.base_layer)
        for number, entries in enumerate([*layers, *([files] if files else [])], 1):
            make_tree(path / f"layers/{number:03}", entries)
        document = image_config(config, **more) if document is None else document
        (path / "config.json").write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
        return path
