"""--network bridge and the networks that containers share: who reaches whom, by which name, and what is left."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from harness import reap_orphans, skip, until
from network_world import HOST4, HOST6, ROUTER4, ROUTER6, Namespace, Server, World, ask, fetch

HELPERS = "/usr/lib/podman"
SERVER = ["busybox", "httpd", "-f", "-p", "80", "-h", "/etc"]
NAME = "b.example"
# It leaves these, which lead to no container, for the next one.
NETAVARKS_OWN = ["-j NETAVARK_FORWARD", "-j NETAVARK-HOSTPORT-DNAT", "-j NETAVARK-HOSTPORT-MASQ",
                 "-A NETAVARK-HOSTPORT-MASQ", "-A NETAVARK-HOSTPORT-SETMARK"]


@pytest.fixture(scope="module")
def world():
    for program in (f"{HELPERS}/netavark", f"{HELPERS}/aardvark-dns", "/usr/sbin/iptables"):
        if not os.path.exists(program):
            skip(f"there is no {program}: apt-get install netavark aardvark-dns iptables")
    world = World()
    yield world
    world.close()


@pytest.fixture
def host(minirun, world):
    """minirun on the host of that world. After each test nothing of a network is left there."""
    minirun.outermost = [*minirun.outermost, *world.host.enter]
    yield minirun
    minirun.stop_all()
    for one in minirun("ps", "-aq").lines:
        minirun("rm", "-f", one)
    assert left(world) == []
    state = minirun.root / "run/.networks"
    assert not state.exists() or os.listdir(state) == ["lock"]
    reap_orphans()  # aardvark-dns becomes ours when netavark has ended


def left(world):
    """Bridges, their ports, and rules that lead to an address of theirs, once those who end have ended."""
    end = time.monotonic() + 10
    while True:
        links = [link["ifname"] for link in json.loads(world.host.ip("-j", "link")) if link["ifname"] not in ("lo", "up0")]
        rules = [line for line in rules_of(world) if not any(word in line for word in NETAVARKS_OWN)]
        daemons = [pid for pid in pathlib.Path("/proc").glob("[0-9]*") if is_aardvark_of(pid, world)]
        found = links + rules + [str(pid) for pid in daemons]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def rules_of(world):
    lines = []
    for program in ("iptables-save", "ip6tables-save"):
        lines += subprocess.run([*world.host.enter, program], capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line.startswith("-A")]


def is_aardvark_of(process, world):
    with contextlib.suppress(OSError):
        if (process / "comm").read_text() == "aardvark-dns\n" and "Z" not in (process / "stat").read_text().split()[2]:
            return os.stat(process / "ns/net").st_ino == os.fstat(world.host.fd).st_ino
    return False


@contextlib.contextmanager
def waiting(host, bundle, *options):
    """A container that waits, when it is ready, and its network namespace."""
    with host.start("run", *options, bundle, "payload", "wait") as running:
        running.wait_for("ready")
        with Namespace.of(running.pid) as inside:
            yield running, inside


def details(host, name):
    return json.loads(host("inspect", name).ok().out)[0]


def addresses(host, name):
    one = next(iter(details(host, name)["NetworkSettings"]["Networks"].values()))
    return one["IPAddress"], one["GlobalIPv6Address"]


def fetched(host, network, plain, url):
    return host.run("--network", network, plain, "busybox", "timeout", "8", "wget", "-q", "-O", "-", url)


class TestReached:
    def test_a_server_by_a_published_port(self, world, host, plain):
        host.run("-d", "--name", "web", "--network", "bridge", "-p", "8080:80", plain, *SERVER).ok()
        for address in ("127.0.0.1", HOST4, HOST6):
            assert "a tester" in fetch(world.host, address, 8080, "/passwd"), address
        for address in (HOST4, HOST6):
            assert "a tester" in fetch(world.router, address, 8080, "/passwd"), address
        assert ask(world.host, "::1", 8080, patience=1) in ("timeout", "ECONNREFUSED")  # not by that loopback
        assert ask(world.host, HOST4, 80) == "ECONNREFUSED"
        host("rm", "-f", "web").ok()
        assert ask(world.host, HOST4, 8080) == "ECONNREFUSED"

    def test_udp(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "5353:53/udp", "-p", "8080:80") as (_, inside):
            with Server(inside, 53, "names", udp=True), Server(inside, 80, "web"):
                for address in (HOST4, HOST6):
                    assert ask(world.router, address, 5353, udp=True) == "names"
                    assert ask(world.router, address, 8080) == "web"

    @pytest.mark.parametrize("options", [["--userns", "private"], ["--init"], ["--read-only"], ["--pid", "host"]], ids=" ".join)
    def test_with_other_options(self, world, host, plain, options):
        with waiting(host, plain, *options, "--network", "bridge", "-p", "127.0.0.1:8080:80") as (_, inside):
            with Server(inside, 80, "web"):
                assert ask(world.host, "127.0.0.1", 8080) == "web"
                assert ask(world.router, HOST4, 8080, patience=1) != "web"

    def test_a_range_of_ports(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "8000-8003:9000-9003") as (_, inside):
            with Server(inside, 9000, "first"), Server(inside, 9003, "last"):
                assert [ask(world.router, HOST4, port) for port in (8000, 8003)] == ["first", "last"]

    def test_two_containers_by_name(self, host, plain):
        host.run("-d", "--name", "web", "--network", "bridge", "--network-alias", NAME, plain, *SERVER).ok()
        id = details(host, "web")["Id"]
        four, six = addresses(host, "web")
        for name in ("web", NAME, id[:12], four, f"[{six}]"):
            assert "a tester" in fetched(host, "bridge", plain, f"http://{name}/passwd").ok().out, name
        assert fetched(host, "bridge", plain, "http://other/passwd").code != 0
        assert fetched(host, "container:web", plain, "http://127.0.0.1/hostname").ok().lines == [id[:12]]

    def test_the_outside_but_not_the_hosts_loopback(self, world, host, plain):
        with Server(world.router, 9000, "router"), Server(world.host, 7777, "v4", "127.0.0.1"), waiting(
                host, plain, "--network", "bridge") as (_, inside):
            assert ask(inside, ROUTER4, 9000) == ask(inside, ROUTER6, 9000) == "router"
            gateway = json.loads(inside.ip("-j", "route", "show", "default"))[0]["gateway"]
            for address in ("127.0.0.1", "::1", HOST4, gateway):
                assert ask(inside, address, 7777, patience=1) == "ECONNREFUSED", address

    def test_nothing_from_an_internal_network(self, world, host, plain):
        host("network", "create", "--internal", "inner").ok()
        with Server(world.router, 9000, "router"), waiting(host, plain, "--network", "bridge:inner") as (_, inside):
            assert ask(inside, ROUTER4, 9000, patience=1) == "ENETUNREACH"
        host("network", "rm", "inner").ok()

    def test_its_files(self, host, plain):
        lines = host.run("--network", "bridge", "-h", "box", "--ip", "10.90.0.9", plain, "cat", "/etc/hosts", "/etc/resolv.conf").lines
        assert "10.90.0.9\tbox" in lines and "nameserver 10.90.0.1" in lines
        lines = host.run("--network", "bridge", "--dns", "192.0.2.9", plain, "cat", "/etc/resolv.conf").lines
        assert lines == ["nameserver 192.0.2.9"]
        address = "cat /sys/class/net/eth0/address"
        assert host.run("--network", "bridge", "--ip", "10.90.0.9", plain, "sh", "-c", address).lines == ["02:42:0a:5a:00:09"]
        assert host.run("--network", "bridge", "--mac-address", "02:00:00:00:00:07", plain, "sh", "-c",
                        address).lines == ["02:00:00:00:00:07"]


    def test_this_host_by_a_name(self, world, host, plain):
        host("network", "create", "lan").ok()
        options = ["--add-host", "this.example:host-gateway", "--network", "bridge:lan", "--network", "bridge"]
        with Server(world.host, 7777, "this host"):
            address = host.run(*options, plain, "sh", "-c", "grep this.example /etc/hosts").lines[0].split("\t")[0]
            with waiting(host, plain, *options) as (_, inside):
                assert ask(inside, address, 7777) == "this host"
        assert address == json.loads(host("network", "inspect", "lan").ok().out)[0]["IPAM"]["Config"][0]["Gateway"]
        host("network", "rm", "lan").ok()


class TestRefused:
    def test_a_port_that_is_taken(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "8080:80"):
            for network in ("bridge", "pasta"):
                host.run("--network", network, "-p", "8080:81", plain, "true").refused_with(125, "cannot publish port 8080/tcp")
            host.run("--network", "bridge", "-p", "8080:81/udp", plain, "true").ok()
        with Server(world.host, 8080, "other"):
            host.run("--network", "bridge", "-p", "8080:81", plain, "true").refused_with(125, "cannot publish port 8080/tcp")

    def test_a_name_server_of_the_hosts_own(self, world, host, plain):
        with Server(world.host, 53, "own", udp=True):
            host.run("--network", "bridge", plain, "true").refused_with(
                125, "aardvark-dns cannot answer at 10.90.0.1: something on this host uses port 53/udp", hint="--disable-dns")
            host("network", "create", "--disable-dns", "lan").ok()
            assert fetched(host, "bridge:lan", plain, "http://127.0.0.1/").code == 1
        with Server(world.host, 53, "own", "127.0.0.1", udp=True):
            host.run("--network", "bridge", plain, "true").ok()

    def test_an_address(self, host, plain):
        with waiting(host, plain, "--name", "first", "--rm", "--network", "bridge", "--ip", "10.90.0.7"):
            for address, told in (("10.90.0.7", "is in use by the container 'first'"), ("10.90.0.1", "is in use by this host"),
                                  ("10.90.1.7", "is none of a container in the network 'bridge'"),
                                  ("10.90.0.255", "is none of a container in the network 'bridge'")):
                host.run("--network", "bridge", "--ip", address, plain, "true").refused_with(125, told)
        host("network", "create", "--subnet", "10.1.2.0/30", "tiny").ok()
        with waiting(host, plain, "--network", "bridge:tiny"):
            host.run("--network", "bridge:tiny", plain, "true").refused(
                125, "no address of the network 'tiny' is free: its range is 10.1.2.0/30", hint="network create --subnet")
        host.run("--network", "bridge:tiny", "--ip6", "fd00::7", plain, "true").refused_with(125, "which has no IPv6")

    def test_a_network_that_is_not_there(self, host, plain):
        host.run("--network", "bridge:none", plain, "true").refused(125, "there is no network 'none'", hint="minirun network ls")
        host.run("--network", "container:none", plain, "true").refused_with(125, "there is no container 'none'")

    def test_a_range_that_the_host_uses(self, host, plain, world):
        host("network", "create", "--subnet", "198.51.100.0/25", "taken").refused_with(125, "is in use on this host")
        host("network", "create", "--subnet", "10.1.2.0/24", "lan").ok()
        world.host.ip("address", "add", "10.1.2.9/24", "dev", "up0")
        try:
            host.run("--network", "bridge:lan", plain, "true").refused_with(
                125, "the addresses 10.1.2.0/24 of the network 'lan' are in use on this host, by the interface 'up0'")
        finally:
            world.host.ip("address", "del", "10.1.2.9/24", "dev", "up0")

    @pytest.mark.parametrize("hidden, told, hint", [
        ([HELPERS], "--network bridge needs the program netavark", "apt install netavark"),
        ([f"{HELPERS}/aardvark-dns"], "--network bridge needs the program aardvark-dns", "apt install aardvark-dns"),
        (["/usr/sbin/iptables"], "--network bridge needs the program iptables or nft", "apt install iptables")], ids=["netavark", "aardvark-dns", "iptables"])
    def test_a_missing_helper(self, host, plain, scratch, hidden, told, hint):
        if shutil.which("nft") and "iptables" in told:
            skip("nft is there, which will do")
        (scratch / "empty").mkdir()
        mounts = "; ".join(f"mount --bind {scratch / 'empty' if os.path.isdir(path) else '/dev/null'} {path}" for path in hidden)
        before = ["unshare", "--mount", "sh", "-c", f'{mounts}; exec "$@"', "sh"]
        host.run("--network", "bridge", plain, "true", before=before).refused_with(125, told, hint=hint)
        assert host.containers() == []

    def test_options_that_do_not_go_together(self, minirun, plain):
        minirun.run("--ip", "10.90.0.7", plain, "true").refused(125, "--ip is for networks that containers share", hint="--network bridge")
        minirun.run("--network", "bridge:a", "--network", "bridge:a", plain, "true").refused_with(125, "is given twice")

    @pytest.mark.parametrize("command, code", [(["no-such-program"], 127), (["/etc/passwd"], 126)], ids=str)
    def test_a_launch_that_fails(self, world, host, plain, command, code):
        host.run("--network", "bridge", "-p", "8080:80", plain, *command).refused_with(code)
        assert left(world) == [] and host.containers() == []


class TestNetworks:
    def test_made_listed_told_and_removed(self, host, plain):
        host("network", "create", "--subnet", "10.1.2.0/24", "--ipv6", "--label", "a=b", "lan").ok()
        assert host("network", "ls", "--format", "{{.Name}} {{.IPv6}} {{.Labels}}").lines == ["lan true a=b"]
        host.run("-d", "--name", "web", "--network", "bridge:lan", plain, *SERVER).ok()
        told = json.loads(host("network", "inspect", "lan").ok().out)[0]
        assert (told["Name"], told["Driver"], told["EnableIPv6"], told["Internal"]) == ("lan", "bridge", True, False)
        assert told["IPAM"]["Config"][0] == {"Subnet": "10.1.2.0/24", "Gateway": "10.1.2.1"}
        assert [one["IPv4Address"] for one in told["Containers"].values()] == ["10.1.2.2/24"]
        assert addresses(host, "web")[0] == "10.1.2.2"
        host("network", "rm", "lan").refused(125, "cannot remove the network 'lan': container 'web' uses it", hint="network disconnect lan web")
        host("network", "create", "lan").refused_with(125, "there is a network 'lan' already")
        host("rm", "-f", "web").ok()
        assert host("network", "rm", "lan").ok().lines == ["lan"]
        gone = host("network", "inspect", "lan")
        assert (gone.code, gone.out) == (125, "[]\n") and "there is no network 'lan'" in gone.err

    @pytest.mark.parametrize("words, told", [
        (["--subnet", "10.1.2.1/24", "a"], "this is no range of addresses"), (["--subnet", "10.1.2.0/31", "a"], "this is too small"),
        (["--subnet", "10.0.0.0/7", "a"], "this is too large"), (["--subnet", "10.1.2.0/24", "--gateway", "10.1.3.1", "a"], "this is no address of a machine in 10.1.2.0/24"),
        (["--gateway", "10.1.2.1", "a"], "--gateway says which address of a range is the host's"), (["-d", "macvlan", "a"], "there is no driver but bridge"),
        (["-o", "mtu=1000", "a"], "the MTU is a number of bytes from 1280 to 65535"), (["-o", "mtu", "a"], "the MTU is a number of bytes from 1280 to 65535"),
        (["-o", "isolate=yes", "a"], "isolate is true or false"), (["-o", "com.docker.network.bridge.name=x", "a"], "there is no such option"),
        (["a/b"], "the network name 'a/b' is not valid"), (["aardvark.pid"], "the network name 'aardvark.pid' is not valid"), ([], "takes other arguments")], ids=" ".join)
    def test_what_none_can_be(self, host, words, told):
        host("network", "create", *words).refused_with(125, told)
        assert host("network", "ls", "-q").out == ""

    def test_options(self, host, plain):
        host("network", "create", "-o", "com.docker.network.driver.mtu=1400", "-o", "isolate=true", "lan").ok()
        host("network", "create", "--opt", "isolate=true", "other").ok()
        options = json.loads(host("network", "inspect", "lan").ok().out)[0]["Options"]
        assert (options["com.docker.network.driver.mtu"], options["isolate"]) == ("1400", "true")
        with waiting(host, plain, "--network", "bridge:lan") as (_, one), waiting(host, plain, "--network", "bridge:other") as (_, two), \
                waiting(host, plain, "--network", "bridge") as (_, three), Server(one, 80, "one"):
            address = json.loads(one.ip("-j", "-4", "address", "show", "eth0"))[0]
            assert address["mtu"] == 1400
            address = address["addr_info"][0]["local"]
            assert ask(three, address, 80) == "one" and ask(two, address, 80, patience=1) == "timeout"
        host("network", "rm", "lan", "other").ok()

    def test_connect_and_disconnect(self, host, plain):
        for name in ("one", "two"):
            host("network", "create", name).ok()
        host.run("-d", "--name", "web", "--network", "bridge:one", plain, *SERVER).ok()
        url = "http://w2/passwd"
        assert fetched(host, "bridge:two", plain, url).code != 0
        host("network", "connect", "--alias", "w2", "--ip", "10.90.1.77", "two", "web").ok()
        assert "a tester" in fetched(host, "bridge:two", plain, url).ok().out
        host("network", "connect", "two", "web").refused_with(125, "is on the network 'two' already")
        assert details(host, "web")["NetworkSettings"]["Networks"]["two"]["IPAddress"] == "10.90.1.77"
        host("restart", "-t", "0", "web").ok()
        assert "a tester" in fetched(host, "bridge:two", plain, url).ok().out
        host("network", "disconnect", "two", "web").ok()
        assert fetched(host, "bridge:two", plain, url).code != 0
        assert "a tester" in fetched(host, "bridge:one", plain, "http://web/passwd").ok().out
        host("network", "disconnect", "two", "web").refused_with(125, "is not on the network 'two'")
        host("stop", "-t", "0", "web").ok()
        host("network", "connect", "two", "web").ok()
        host("network", "disconnect", "one", "web").ok()
        host("start", "web").ok()
        assert list(details(host, "web")["NetworkSettings"]["Networks"]) == ["two"]
        host.run("-d", "--name", "alone", plain, *SERVER).ok()
        host("network", "connect", "two", "alone").refused_with(125, "has no network of those that containers share")

    def test_several_at_once(self, host, plain):
        for name in ("one", "two"):
            host("network", "create", name).ok()
        lines = host.run("--network", "bridge:one", "--network", "bridge:two", plain, "ls", "/sys/class/net").lines
        assert lines == ["eth0", "eth1", "lo"]

    def test_the_network_of_another_container(self, world, host, plain):
        host.run("-d", "--name", "web", "--network", "bridge", "-h", "box", plain, *SERVER).ok()
        lines = host.run("--network", "container:web", plain, "sh", "-c", "busybox hostname; cat /etc/hosts").lines
        assert lines[0] == "box" and f"{addresses(host, 'web')[0]}\tbox" in lines
        host.run("-d", "--name", "beside", "--network", "container:web", plain, *SERVER[:-3], "81", "-h", "/etc").ok()
        assert "a tester" in fetched(host, "bridge", plain, "http://web:81/passwd").ok().out
        host("restart", "-t", "0", "beside").ok()
        assert details(host, "beside")["HostConfig"]["NetworkMode"] == "container:" + details(host, "web")["Id"]
        host("stop", "-t", "0", "beside").ok()
        host("stop", "-t", "0", "web").ok()
        host("start", "beside").refused_with(125, "container 'web' is not running")


class TestAfterwards:
    def test_killed_with_its_supervisor(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "8080:80") as (running, _):
            running.send(signal.SIGKILL)
            running.popen.wait()
        host.run(plain, "true").ok()
        assert left(world) == [] and host.containers() == []

    def test_killed_beside_another_one(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "8081:80") as (_, inside), Server(inside, 80, "stays"):
            with waiting(host, plain, "--network", "bridge", "-p", "8080:80") as (running, _):
                running.send(signal.SIGKILL)
                running.popen.wait()
            # Its port can be had at once.
            with waiting(host, plain, "--network", "bridge", "-p", "8080:80") as (_, other), Server(other, 80, "new"):
                assert [ask(world.router, HOST4, port) for port in (8080, 8081)] == ["new", "stays"]
        assert left(world) == []

    def test_kill_9_at_any_moment(self, world, host, plain):
        for moment in range(0, 1200, 150):
            with host.start("run", "--network", "bridge", "-p", "8080:80", plain, "true") as running:
                time.sleep(moment / 1000)
                running.send(signal.SIGKILL)
                running.popen.wait()
        host.run("--network", "bridge", "-p", "8080:80", plain, "true").ok()
        assert left(world) == [] and host.containers() == []

    def test_its_supervisor_is_killed(self, world, host, plain):
        host.run("-d", "--name", "web", "--network", "bridge", "-p", "8080:80", plain, *SERVER).ok()
        pid = details(host, "web")["State"]["Pid"]
        supervisor = int(pathlib.Path(f"/proc/{pid}/status").read_text().partition("PPid:\t")[2].split()[0])
        os.kill(supervisor, signal.SIGKILL)
        end = time.monotonic() + 10
        while details(host, "web")["State"]["Running"] and time.monotonic() < end:
            time.sleep(0.01)
        assert details(host, "web")["State"]["ExitCode"] == 137 and left(world) == []
        host("start", "web").ok()
        assert "a tester" in fetch(world.host, HOST4, 8080, "/passwd")

    def test_swept_from_another_network_namespace(self, world, host, plain):
        with waiting(host, plain, "--network", "bridge", "-p", "8080:80") as (running, _):
            running.send(signal.SIGKILL)
            running.popen.wait()
        with Namespace.new() as elsewhere:
            host.run(plain, "true", before=elsewhere.enter).ok()
        assert left(world) == [] and host.containers() == []

    def test_a_hundred_on_one_bridge(self, world, host, plain):
        host("network", "create", "lan").ok()
        begin = time.monotonic()
        with contextlib.ExitStack() as running:
            names = [f"c{number}" for number in range(100)]
            for name in names:
                words = ["run", "--rm", "--name", name, "--network", "bridge:lan", plain, "payload", "wait"]
                running.enter_context(host.start(*words)).wait_for("ready")
            up = time.monotonic() - begin
            told = {one["Name"]: one["IPv4Address"].partition("/")[0]
                    for one in json.loads(host("network", "inspect", "lan").ok().out)[0]["Containers"].values()}
            assert sorted(told) == sorted(names) and len(set(told.values())) == len(names)
            for name in (names[0], names[50], names[-1]):
                # aardvark-dns, told of a hundred one after the other, does not answer each question of that moment.
                look = lambda: host.run("--network", "bridge:lan", plain, "busybox", "nslookup", name).out
                until(lambda: told[name] in look(), f"the address of {name}: {look()}")
            begin = time.monotonic()
        print(f"100 containers on one bridge: up in {up:.1f} s, gone in {time.monotonic() - begin:.1f} s")
        assert left(world) == []


class TestTold:
    def test_the_plan(self, minirun, plain):
        words = ["--dry-run", "--network", "bridge", "--ip", "10.90.0.7", "-p", "8080:80"]
        lines = [line for line in minirun.run(*words, plain).lines if "connect the container" in line]
        assert len(lines) == 1 and lines[0].startswith("host    connect the container to the network bridge as eth0 at 10.9")
        assert lines[0].endswith(": 8080->80/tcp")
        assert not (minirun.root / "networks").exists()
