"""What the host looks like: mounts, interfaces, cgroups, directories. Two looks, before and after, tell what was left."""
import fcntl
import os
import pathlib
import re

SYSTEMD_UNIT = re.compile(r"\.(scope|service|slice|mount|socket|swap)$")


def mounts():
    """Without the first two fields, which number the mounts, and without optional ones."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return sorted(re.sub(r"^\d+ \d+ \S+ ", "", line) for line in lines)


def interfaces():
    return sorted(os.listdir("/sys/class/net"))


def cgroups():
    """systemd makes and removes its own all the time, also while tests run."""
    found = []
    for directory, below, _ in os.walk("/sys/fs/cgroup"):
        found += [f"{directory}/{name}" for name in below if "minirun" in name or not SYSTEMD_UNIT.search(name)]
    return sorted(found)


def state_directories():
    """Of the default root, which no test uses; a container that runs there now is somebody else's, and locked."""
    found = []
    for root in ("/run/minirun", "/var/lib/minirun"):
        found += [path for path in pathlib.Path(root).glob("*/*") if not is_locked(path)]
    return sorted(map(str, found))


def is_locked(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def temporary_files():
    return sorted(str(path) for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run")
                  for path in pathlib.Path(folder).glob("*minirun*"))


def look():
    return {"mounts": mounts(), "interfaces": interfaces(), "cgroups": cgroups(),
            "state directories": state_directories(), "temporary files": temporary_files()}


def left_since(before):
    """{"mounts": ["/x …"]} of what is there now and was not there before."""
    after = look()
    new = {kind: sorted(set(after[kind]) - set(before[kind])) for kind in after}
    return {kind: entries for kind, entries in new.items() if entries}
