"""Two Docker daemons, each in a network namespace of its own, joined as a Swarm: a service outlives one of them."""
import os
import subprocess

import pytest

import machine
import processes
from conftest import docker_client, need, start_docker

REPLICAS = 4


class Namespace:
    """A network namespace, held by a process."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "100000"])
        own = os.readlink("/proc/self/ns/net")
        assert processes.wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own)
        self.before = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def ip(self, *words):
        subprocess.run([*self.before, "ip", *map(str, words)], check=True, timeout=20)

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def two_networks():
    need(("ip", "iproute2"), ("nsenter", "util-linux"))
    spaces = [Namespace(), Namespace()]
    try:
        made = subprocess.run([*spaces[0].before, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(spaces[1].holder.pid)], check=False,
                              stderr=subprocess.PIPE, text=True, timeout=20)
        if made.returncode:
            machine.skip(f"this kernel makes no veth pairs: {made.stderr.strip()}")
        for number, space in enumerate(spaces, 1):
            space.ip("addr", "add", f"10.99.0.{number}/24", "dev", "eth0")
            space.ip("link", "set", "eth0", "up")
            space.ip("link", "set", "lo", "up")
            space.ip("route", "add", "default", "via", f"10.99.0.{3 - number}")
        yield spaces
    finally:
        for space in spaces:
            space.close()


@pytest.fixture
def two_daemons(two_networks, workspace, runtime_path, runtime_program, image_archive, cgroup_parent):
    name = os.path.basename(runtime_path)
    daemons = []
    try:
        clients = []
        for number, space in enumerate(two_networks, 1):
            home = workspace / f"sw{number}-{name}"
            # Each with a containerd of its own, as on two machines.
            daemons.append(start_docker(home, f"tested-{name}", runtime_program, None, f"{cgroup_parent}/node{number}", before=space.before))
            clients.append(docker_client(home, workspace, image_archive))
        yield daemons, clients
    finally:
        for daemon in daemons:
            daemon.stop()


def running(client, node=None):
    """How many replicas run, on one node or on all."""
    words = ["--filter", f"node={node}"] if node else []
    lines = client("service", "ps", "--filter", "desired-state=running", *words, "--format", "{{.CurrentState}}", "web").lines
    return sum(line.startswith("Running") for line in lines)


def test_a_service_outlives_a_daemon(two_daemons, runtime_path):
    daemons, (manager, worker) = two_daemons
    manager("swarm", "init", "--advertise-addr", "10.99.0.1", "--listen-addr", "10.99.0.1:2377", "--data-path-addr", "10.99.0.1").ok()
    token = manager("swarm", "join-token", "-q", "worker").ok().text
    worker("swarm", "join", "--token", token, "--advertise-addr", "10.99.0.2", "--listen-addr", "10.99.0.2:2377", "10.99.0.1:2377").ok()
    manager.until(lambda text: text.split() == ["Ready", "Ready"], "node", "ls", "--format", "{{.Status}}")
    nodes = {client: client("info", "--format", "{{.Swarm.NodeID}}").ok().text for client in (manager, worker)}

    manager("service", "create", "--detach", "--name", "web", "--replicas", REPLICAS, "--network", "host", "--no-resolve-image", "--restart-delay", "1s", "tiny", "sleep", "100000").ok()
    assert processes.wait_until(lambda: running(manager) == REPLICAS, 60, 0.5), manager("service", "ps", "--no-trunc", "web").out
    assert running(manager, nodes[worker]) and running(manager, nodes[manager]), "both nodes have a share"
    one = worker("ps", "-q").lines[0]
    assert worker("inspect", "--format", "{{.HostConfig.Runtime}}", one).ok().text == f"tested-{os.path.basename(runtime_path)}"
    assert worker("exec", one, "cat", "/proc/1/comm").ok().text == "sleep"

    daemons[1].stop()
    assert processes.wait_until(lambda: running(manager, nodes[manager]) == REPLICAS, 90, 0.5), manager("service", "ps", "--no-trunc", "web").out
    assert len(manager("ps", "-q").ok().lines) == REPLICAS

    manager("service", "scale", "--detach", "web=2").ok()
    manager.until(lambda text: len(text.splitlines()) == 2, "ps", "-q", seconds=60)
    manager("service", "rm", "web").ok()
    manager.until(lambda text: text == "", "ps", "-q", seconds=60)
