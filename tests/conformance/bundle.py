"""A bundle: a root file system of busybox, and a config.json that tests change."""
import copy
import json
import os
import pathlib
import shutil

APPLETS = """ash cat chgrp chmod chown chroot chrt cp cut date dd df echo env expr false find getopt grep head hostname id ionice
             ip kill ln ls mkdir mkfifo mknod mktemp mount mv nproc nc od printf ps pwd readlink realpath renice rm
             rmdir seq sh sleep sort stat stty sync sysctl tail tee test timeout top touch tr true tty umount uname unlink uptime
             usleep vi wc which whoami xargs yes""".split()
DIRECTORIES = "bin dev etc home/tester opt proc root run sys tmp usr/bin var/tmp".split()
PASSWD = """root:x:0:0:root:/root:/bin/sh
tester:x:1000:1000::/home/tester:/bin/sh
other:x:1001:100::/:/bin/sh
"""
GROUP = """root:x:0:
audio:x:29:tester
users:x:100:
tester:x:1000:
"""
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
                "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]
CONFIG = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/true"],
        "env": ["PATH=/bin:/usr/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {which: CAPABILITIES for which in ("bounding", "effective", "permitted")},
    },
    "root": {"path": "rootfs"},
    "hostname": "conformance",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ],
    "linux": {
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
    },
}


def find_busybox():
    return shutil.which("busybox", path="/bin:/usr/bin:/sbin:/usr/sbin")


def make_rootfs(root, busybox):
    """Files are hard links to `busybox`: cheap, so each bundle gets one of its own."""
    for directory in DIRECTORIES:
        (root / directory).mkdir(parents=True, exist_ok=True)
    os.chmod(root / "tmp", 0o1777)
    os.chown(root / "home/tester", 1000, 1000)
    os.link(busybox, root / "bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", root / "bin" / applet)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)


class Bundle:
    def __init__(self, path, busybox):
        self.path = pathlib.Path(path)
        self.rootfs = self.path / "rootfs"
        self.config = copy.deepcopy(CONFIG)
        self.rootfs.mkdir(parents=True)
        for directory in (self.path, self.rootfs):
            os.chmod(directory, 0o755)
        make_rootfs(self.rootfs, busybox)

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def sh(self, script):
        """What the container is to run: a script for its shell."""
        self.process["args"] = ["/bin/sh", "-c", script]

    def namespace(self, kind, path=None):
        """Asks for it, new or joined by path."""
        self.without_namespace(kind)
        self.linux["namespaces"].append({"type": kind, "path": str(path)} if path else {"type": kind})

    def without_namespace(self, kind):
        self.linux["namespaces"] = [entry for entry in self.linux["namespaces"] if entry["type"] != kind]

    def mount(self, destination, source="tmpfs", kind="tmpfs", options=(), **more):
        entry = {"destination": str(destination), "type": kind, "source": str(source), "options": list(options), **more}
        self.config["mounts"].append(entry)
        return entry

    def bind(self, source, destination, *options):
        return self.mount(destination, source, "bind", ["bind", *options])

    def script(self, name, text, mode=0o755):
        """An executable script beside the root file system: a hook, for example."""
        path = self.path / name
        path.write_text("#!/bin/sh\n" + text + "\n")
        os.chmod(path, mode)
        return path

    def write(self, text=None):
        (self.path / "config.json").write_text(json.dumps(self.config) if text is None else text)
        return self.path
