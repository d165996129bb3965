"""The tests of cgroups again where the host is another one: systemd and nothing but cgroup v2, in a virtual machine."""
import os
import re
import shutil
import subprocess

import pytest

from harness import MINIRUN, PAYLOAD, PROJECT, need

VM_RUN = PROJECT.parent / "shared/tools/vm-run"
FILES = ("test_cgroup.py",)
# It is emulated: what takes a second here may take half a minute there.
PATIENCE = 900


@pytest.fixture(scope="module")
def share(workspace):
    """What the machine gets: the programs and the tests, without the tree of the build."""
    stage = workspace / "vm"
    shutil.copytree(PROJECT / "tests/system", stage / "tests/system", ignore=shutil.ignore_patterns("__pycache__"))
    for program in (MINIRUN, PAYLOAD):
        shutil.copy2(program.resolve(), stage / program.name)
    return stage


def test_cgroup_v2(share):
    vm_run = need(VM_RUN, "it starts the virtual machine, and stands beside the checkout")
    command = [vm_run, "--timeout", str(PATIENCE), "--with", "python3-pytest", "--with", "busybox-static",
               "--share", share, "--", "env", f"MINIRUN_BIN=/share/{MINIRUN.name}",
               f"MINIRUN_PAYLOAD=/share/{PAYLOAD.name}", "/usr/bin/python3", "-B", "-m", "pytest", "-q", "-rs",
               "-p", "no:cacheprovider", *(f"tests/system/{file}" for file in FILES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE,
                          env={**os.environ, "TMPDIR": "/var/tmp"})
    assert done.returncode == 0, f"{done.stdout[-20000:]}\n{done.stderr[-5000:]}"
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 20, done.stdout
