"""Limits where the host is another one: systemd and nothing but cgroup v2, in a virtual machine.

It is emulated, so everything is done in one call, by a shell script that tells what came of each case."""
import os
import shutil
import subprocess

from harness import MINIRUN, PROJECT, need, skip

VM_RUN = PROJECT.parent / "shared/tools/vm-run"
PATIENCE = 900  # seconds


def run_in_vm(workspace, script, user, *programs):
    """{"case": "what came of it"}."""
    vm_run = need(VM_RUN, "it starts the virtual machine, and stands beside the checkout")
    share = workspace / script.partition(".")[0]
    share.mkdir()
    for file in (PROJECT / "tests/system" / script, *programs):
        shutil.copy2(file.resolve(), share / file.name)
    # Not from a saved state, which an emulator under load does not always survive.
    done = subprocess.run([vm_run, "--cold", "--user", user, "--timeout", str(PATIENCE), "--share", share, "--", "sh",
                           f"/share/{script}"], capture_output=True, text=True, timeout=2 * PATIENCE,
                          env={**os.environ, "TMPDIR": "/var/tmp"})
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: result.strip() for name, _, result in (line.partition(": ") for line in done.stdout.splitlines())}


def test_cgroup_v2(workspace, base_layer):
    assert run_in_vm(workspace, "vm_cgroup.sh", "root", MINIRUN, base_layer / "bin/busybox") == {
        "plain": "[0]",
        "written": "67108864 67108864 50000 100000 174 0 20 [0]",
        "oom": "minirun: the kernel killed 1 process of the container: its memory limit of 20 MiB was reached [137]",
        "little": "[0]",
        "none-to-speak-of": "minirun: the kernel killed 1 process of the container: its memory limit of 4 KiB was "
                            "reached [137]",
        "namespace": "0::/ [0]",
        "read-only": "sh: can't create /sys/fs/cgroup/pids.max: Read-only file system [1]",
        "own-view": "20 [0]",
        "user-namespace": "20 [0]",
        "init": "20 [0]",
        "device-rules": "cat: can't open '/dev/kmsg2': Operation not permitted 1",
        "notice": "minirun: .linux.resources.memory.swappiness is not known to cgroup v2, where the host's "
                  "vm.swappiness counts [0]",
        "exec": "./minirun exec , 0, /",
        "swept": "",
    }


def oci_programs():
    helper = MINIRUN.resolve().parent / "minirun-systemd"
    if not helper.exists():
        skip("minirun-systemd was not built: apt-get install libsystemd-dev")
    return helper, helper.parent / "minirun-oci"


def test_systemd(workspace, base_layer):
    """Scopes of the system's own systemd, for root."""
    assert run_in_vm(workspace, "vm_systemd.sh", "root", *oci_programs(), base_layer / "bin/busybox") == {
        "run": "0",
        "scope": "/system.slice/box-a.scope active",
        "files": "67108864 20 50000 100000",
        "properties": "Delegate=yes CPUQuotaPerSecUSec=500ms MemoryMax=67108864 TasksMax=20",
        "updated": "33554432 30 20000 100000",
        "reloaded": "33554432 30 20000 100000",
        "devices": "cat: can't open '/dev/other': Operation not permitted",
        "paused": "1 paused",
        "exec": "0::/",
        "deleted": "inactive",
        "handed over": "0 100000 100000 0",
        "wrong": "minirun-oci: .linux.cgroupsPath: expected three words with ':' between them, found 'nonsense' hint: with "
                 "the systemd manager it is SLICE:PREFIX:NAME, like system.slice:minirun:web",
    }


def test_as_a_user(workspace, base_layer):
    results = run_in_vm(workspace, "vm_user.sh", "tester", *oci_programs(), base_layer / "bin/busybox")
    assert results == {
        "start": "0",
        "cgroup": "/user.slice/user-1000.slice/user@1000.service/user.slice/box.scope",
        "limits": "67108864 5 50000 100000 0",
        "delegated": "yes",
        "set": "0 33554432 max",
        "again": "minirun-systemd: cannot start the unit 'box.scope': Unit box.scope was already loaded or has a "
                 "fragment file.",
        "stop": "0",
        "wrong": "minirun-systemd: 'x' is no number",
        "rootless": "0 0 1000 1",
        "rootless-limit": "minirun-oci: the limits need a cgroup, and this user cannot make '/minirun-a'",
        "rootless-session": "minirun-oci: there is no systemd of this user's own above minirun",
        "rootless-scope": "/user.slice/user-1000.slice/user@1000.service/user.slice/minirun-a.scope",
        "rootless-limits": "67108864 20",
        "rootless-update": "30",
        "rootless-pause": "1 paused",
        "rootless-exec": "0",
        "rootless-deleted": "",
        "rootless-ids": "1 100000 1000 0 1000 1 1 100000 1000 0 1000 1",
    }
