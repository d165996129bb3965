"""config-linux.md "Sysctl"."""
import pathlib

import pytest

from requirements import must


@must("config-linux.md", "Sysctl")
@pytest.mark.parametrize("name, value", [("net.ipv4.ip_forward", "1"), ("net.core.somaxconn", "256"), ("kernel.msgmax", "4321"), ("fs.mqueue.msg_max", "17"),
                                         ("net.ipv4.ping_group_range", "0\t100"), ("kernel.shm_rmid_forced", "1"), ("kernel.domainname", "example.org")])
def test_set(box, name, value):
    host = pathlib.Path("/proc/sys") / name.replace(".", "/")
    if not host.exists():
        pytest.skip(f"this kernel has no {name}")
    before = host.read_text()
    box.linux["sysctl"] = {name: value}
    assert box.output(f"cat /proc/sys/{name.replace('.', '/')}") == value
    assert host.read_text() == before


@must("config-linux.md", "Sysctl")
def test_with_slashes(box):
    """sysctl(8) takes both."""
    box.linux["sysctl"] = {"net/ipv4/ip_forward": "1"}
    assert box.output("cat /proc/sys/net/ipv4/ip_forward") == "1"


@must("config-linux.md", "Sysctl")
@pytest.mark.parametrize("name", ["net.not.there", "kernel.not_there", "", "../../etc/passwd"])
def test_what_is_not_there(box, name):
    box.linux["sysctl"] = {name: "1"}
    box.run().failed()


@must("config-linux.md", "Sysctl")
@pytest.mark.parametrize("name, namespace", [("net.ipv4.ip_forward", "network"), ("kernel.msgmax", "ipc")])
def test_where_there_is_no_namespace_of_its_own(box, name, namespace):
    """It would change the host: an error, and the host stays as it is."""
    host = pathlib.Path("/proc/sys") / name.replace(".", "/")
    before = host.read_text()
    box.without_namespace(namespace)
    box.config["mounts"] = [mount for mount in box.config["mounts"] if mount["type"] not in ("sysfs", "mqueue")]
    box.linux["sysctl"] = {name: before.strip()}  # even if it were written: nothing would change
    box.run().failed()


@must("config-linux.md", "Sysctl")
@pytest.mark.parametrize("name", ["vm.swappiness", "kernel.pid_max", "kernel.core_pattern"])
def test_what_is_the_hosts_alone(box, name):
    host = pathlib.Path("/proc/sys") / name.replace(".", "/")
    before = host.read_text()
    box.linux["sysctl"] = {name: before.strip()}
    box.run().failed()
    assert host.read_text() == before


@must("config-linux.md", "Sysctl")
def test_a_value_that_is_none(box):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "nonsense"}
    box.run().failed("invalid argument", "ip_forward")


@must("config-linux.md", "Sysctl")
def test_read_only_paths_are_no_obstacle(box):
    """They are set before these become read-only."""
    box.linux.update(sysctl={"net.ipv4.ip_forward": "1"}, readonlyPaths=["/proc/sys"])
    assert box.output("cat /proc/sys/net/ipv4/ip_forward") == "1"
