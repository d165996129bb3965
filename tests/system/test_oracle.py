"""The same runtime bundle under runc: the container it makes is what an OCI runtime has to make."""
import json
import shutil
import subprocess

import pytest

from harness import skip
from test_mounts import mounts_of


@pytest.fixture
def runc(scratch):
    program = shutil.which("runc", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not program:
        skip("there is no runc to compare with: apt-get install runc")

    def run(bundle):
        done = subprocess.run([program, "--root", scratch / "runc", "run", "--bundle", bundle, "minirun-test"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            skip(f"runc does not run here: {done.stderr.strip()}")
        return done.stdout
    return run


def change_nothing(config):
    pass


def other_user(config):
    config["process"]["user"] = {"uid": 1000, "gid": 1000, "umask": 0o27, "additionalGids": [29, 44]}
    config["process"]["cwd"] = "/tmp"


def no_new_privileges_off(config):
    config["process"]["noNewPrivileges"] = False
    config["process"]["oomScoreAdj"] = 321


def no_capabilities(config):
    del config["process"]["capabilities"]


def inheritable_capabilities(config):
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    for name in ("inheritable", "ambient"):
        config["process"]["capabilities"][name] = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]


def limits_and_names(config):
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    config["hostname"] = "oracle"
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}


def writable_root(config):
    config["root"]["readonly"] = False


def more_mounts(config):
    config["mounts"] += [
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "noexec", "size=1m", "mode=1777"]},
        {"destination": "/host-etc", "type": "bind", "source": "/etc", "options": ["rbind", "ro", "nosuid"]},
        {"destination": "/etc/passwd", "type": "bind", "source": "/etc/hostname", "options": ["bind", "ro"]},
    ]


def fewer_namespaces(config):
    config["linux"]["namespaces"] = [{"type": name} for name in ("mount", "pid", "ipc")]
    config.pop("hostname")
    config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] not in ("/sys", "/sys/fs/cgroup")]


VARIANTS = [change_nothing, other_user, no_new_privileges_off, no_capabilities, inheritable_capabilities, limits_and_names,
            writable_root, more_mounts, fewer_namespaces]


@pytest.mark.parametrize("change", VARIANTS, ids=lambda change: change.__name__)
class TestLikeRunc:
    def test_the_process(self, minirun, runc, runtime_bundle, change):
        """Ids, capabilities, limits, environment, names, signals, directory, umask, namespaces shared with the host."""
        config, bundle = runtime_bundle(["/bin/payload", "facts"])
        change(config)
        bundle.write(config)
        ours, theirs = minirun.run("-q", bundle.path).facts, json.loads(runc(bundle.path))
        own = json.loads(subprocess.run([bundle.path / "rootfs/bin/payload", "facts"], stdout=subprocess.PIPE, text=True).stdout)
        for facts in (ours, theirs):
            facts["shared"] = {name for name, link in facts.pop("namespaces").items() if link == own["namespaces"][name]}
            facts.pop("fds")
            facts.pop("session_keyring")  # each its own
            facts.pop("seccomp")  # runc's spec has no profile; neither has one here
            facts["env"] = sorted(entry for entry in facts["env"] if not entry.startswith("HOME="))  # see below
        assert ours == theirs

    def test_the_mounts(self, minirun, runc, runtime_bundle, change):
        config, bundle = runtime_bundle(["/bin/busybox", "cat", "/proc/self/mountinfo"])
        change(config)
        bundle.write(config)
        ours, theirs = mounts_of(minirun.run("-q", bundle.path).ok().out), mounts_of(runc(bundle.path))
        masked = set(config["linux"]["maskedPaths"])
        cgroups = {place for place in {*ours, *theirs} if place.startswith("/sys/fs/cgroup")}
        # Ours are read-only through and through: the covers of masked files, and the tmpfs that holds cgroup v1's
        # hierarchies. runc's are not.
        of_interest = lambda mounts: {place: (kind, flags) for place, (kind, flags, _) in mounts.items()
                                      if place not in masked and place != "/sys/fs/cgroup"}
        assert of_interest(ours) == of_interest(theirs)
        assert set(ours) == set(theirs)
        assert all("ro" in ours[place][1] for place in (masked | cgroups) & set(ours))


def test_home_is_set(minirun, runc, runtime_bundle):
    """Engines leave HOME to the runtime: where the environment has none, it is the user's of /etc/passwd."""
    _, bundle = runtime_bundle(["/bin/payload", "facts", "env"])
    theirs = json.loads(runc(bundle.path))["env"]
    assert sorted(minirun.run("-q", bundle.path).facts["env"]) == sorted(theirs)
    assert "HOME=/root" in theirs
