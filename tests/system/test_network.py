"""--network, -p and -P: what reaches a container, what it reaches, and what is left of pasta when it has ended."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import children, descendants, reap_orphans, skip
from network_world import HOST4, HOST6, ROUTER4, ROUTER6, Namespace, Server, World, ask, fetch

HOSTS_OWN = ["127.0.0.1", "::1", HOST4, HOST6]
TAKEN = "something on this host uses it already"


@pytest.fixture(scope="module")
def world():
    if not shutil.which("pasta", path="/usr/bin:/bin"):
        skip("there is no pasta: apt-get install passt")
    if not os.path.exists("/dev/net/tun"):
        skip("there is no /dev/net/tun, which pasta needs: modprobe tun")
    world = World()
    yield world
    world.close()


@pytest.fixture
def host(minirun, world):
    """minirun on the host of that world."""
    minirun.outermost = [*minirun.outermost, *world.host.enter]
    return minirun


@contextlib.contextmanager
def waiting(host, bundle, *options, **popen):
    """A container that waits, when it is ready, and its network namespace."""
    with host.start("run", *options, bundle, "payload", "wait", **popen) as running:
        running.wait_for("ready")
        with Namespace.of(running.pid) as inside:
            yield running, inside


def pasta_below(parent):
    command = lambda pid: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    found = [pid for pid in children(parent) if command(pid) == b"pasta"]
    assert len(found) == 1, found
    return found[0]


def pasta_of(running):
    """The number of the pasta that minirun has started."""
    return pasta_below(running.popen.pid)


def parent_of(pid):
    return int(re.search(r"PPid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def is_gone(pid):
    return not os.path.exists(f"/proc/{pid}")


def answers(world, port):
    return [ask(world.host, address, port) for address in HOSTS_OWN]


def udp_answers(world, port):
    """From another machine. The pasta of Debian 12 (2023) takes nothing from the host itself, but on a port of its
    loopback that has the same number in the container."""
    return [ask(world.router, address, port, udp=True, patience=1) for address in (HOST4, HOST6)]


class TestPublished:
    @pytest.mark.parametrize("options", [[], ["--userns", "private"], ["--init"], ["--read-only"], ["--pid", "host"],
                                         ["-u", "1000"], ["--tmpfs-upper", "--userns", "private", "--init"]], ids=" ".join)
    def test_a_server_is_reached_on_all_addresses(self, world, host, plain, options):
        with host.start("run", *options, "-p", "8080:8000", plain, "busybox", "httpd", "-f", "-p", "8000", "-h", "/etc"):
            for address in HOSTS_OWN:
                assert "a tester" in fetch(world.host, address, 8080, "/passwd"), address
        assert answers(world, 8080) == ["ECONNREFUSED"] * 4

    def test_from_another_machine(self, world, host, plain):
        with waiting(host, plain, "-p", "8080:80", "-p", "5353:53/udp") as (_, inside):
            with Server(inside, 80, "web"), Server(inside, 53, "names", udp=True):
                for address in (HOST4, HOST6):
                    assert ask(world.router, address, 8080) == "web"
                    assert ask(world.router, address, 5353, udp=True) == "names"

    def test_nothing_else_is(self, world, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (_, inside):
            with Server(inside, 80, "web"), Server(inside, 81, "other"), Server(inside, 8080, "same", udp=True):
                assert answers(world, 8080) == ["web"] * 4
                assert answers(world, 81) == ["ECONNREFUSED"] * 4
                assert udp_answers(world, 8080) == ["ECONNREFUSED"] * 2

    @pytest.mark.parametrize("address, reached", [
        ("127.0.0.1", [True, False, False, False]), ("[::1]", [False, True, False, False]),
        (HOST4, [False, False, True, False]), ("0.0.0.0", [True, False, True, False])])
    def test_on_one_address(self, world, host, plain, address, reached):
        with waiting(host, plain, "-p", f"{address}:8080:80", "-p", f"{address}:5353:53/udp") as (_, inside):
            with Server(inside, 80, "web"), Server(inside, 53, "names", udp=True):
                assert [answer == "web" for answer in answers(world, 8080)] == reached
                assert [answer == "names" for answer in udp_answers(world, 5353)] == [reached[2], False]

    def test_udp(self, world, host, plain):
        with waiting(host, plain, "-p", "5353:53/udp", "-p", "54:54/udp") as (_, inside):
            with Server(inside, 53, "names", udp=True), Server(inside, 54, "same", udp=True), Server(inside, 5353, "tcp"):
                assert udp_answers(world, 5353) == ["names"] * 2
                assert [ask(world.host, address, 54, udp=True) for address in ("127.0.0.1", "::1")] == ["same"] * 2
                assert answers(world, 5353) == ["ECONNREFUSED"] * 4

    def test_a_range(self, world, host, plain):
        with waiting(host, plain, "-p", "8000-8010:9000-9010") as (_, inside):
            with Server(inside, 9000, "first"), Server(inside, 9004, "fifth"), Server(inside, 9010, "last"):
                for port, name in ((8000, "first"), (8004, "fifth"), (8010, "last"), (8011, "ECONNREFUSED")):
                    assert answers(world, port) == [name] * 4

    def test_several(self, world, host, plain):
        with waiting(host, plain, "-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "8082:81") as (_, inside):
            with Server(inside, 80, "web"), Server(inside, 81, "other"):
                assert [ask(world.host, "127.0.0.1", port) for port in (8080, 8081, 8082)] == ["web", "web", "other"]

    def test_a_port_of_the_host_that_is_free(self, world, host, plain):
        with waiting(host, plain, "-p", "80", "-p", f"{HOST4}::53/udp") as (running, inside):
            with Server(inside, 80, "web"), Server(inside, 53, "names", udp=True):
                said = os.read(running.popen.stderr.fileno(), 4096).decode()
                web, names = re.fullmatch(r"minirun: port 80/tcp of the container is port (\d+) of this host\n"
                                          r"minirun: port 53/udp of the container is port (\d+) of this host\n", said).groups()
                assert answers(world, int(web)) == ["web"] * 4
                assert udp_answers(world, int(names)) == ["names", "ECONNREFUSED"]

    def test_those_that_the_image_exposes(self, world, host, bundle):
        image = bundle(config={"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "7/sctp": {}}})
        with waiting(host, image, "-P") as (running, inside):
            with Server(inside, 80, "web"), Server(inside, 53, "names", udp=True):
                said = os.read(running.popen.stderr.fileno(), 4096).decode()
                assert "minirun: -P does not publish 7/sctp: only tcp and udp can be\n" in said
                ports = dict(re.findall(r"port (\S+) of the container is port (\d+) of this host\n", said))
                assert answers(world, int(ports["80/tcp"])) == ["web"] * 4
                assert udp_answers(world, int(ports["53/udp"])) == ["names"] * 2

    def test_an_image_that_exposes_nothing(self, host, plain):
        result = host.run("-P", plain, "true")
        assert (result.code, result.err) == (0, "minirun: the image exposes no ports that -P could publish\n")
        host.run("-q", "-P", plain, "true").ok()

    def test_two_containers(self, world, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (_, one), waiting(host, plain, "-p", "8081:80") as (_, other):
            with Server(one, 80, "one"), Server(other, 80, "other"):
                assert answers(world, 8080) == ["one"] * 4
                assert answers(world, 8081) == ["other"] * 4
            host.run("-p", "8081:80", plain, "true").refused(125, f"cannot publish port 8081/tcp: {TAKEN}")


class TestRefused:
    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", HOST4, "::", "0.0.0.0"])
    @pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
    def test_a_port_that_is_taken(self, world, host, plain, address, udp):
        protocol = "udp" if udp else "tcp"
        with Server(world.host, 8003, "first", address, udp=udp):
            for ports in (f"8003:80/{protocol}", f"8000-8005:80-85/{protocol}"):
                host.run("-p", ports, plain, "true").refused(125, f"cannot publish port 8003/{protocol}: {TAKEN}",
                                                             hint="choose another one: -p HOST:CONTAINER")
            assert host.containers() == []

    def test_an_address_that_is_not_there(self, host, plain):
        host.run("-p", "203.0.113.1:8080:80", plain, "true").refused(
            125, "cannot publish port 8080/tcp at '203.0.113.1': this host has no such address")

    def test_twice(self, host, plain):
        host.run("-p", "8080:80", "-p", "127.0.0.1:8080:81", plain, "true").refused(
            125, "--publish: port 8080/tcp of the host is given twice", hint="each port of the host leads to one")

    @pytest.mark.parametrize("network, reason", [
        ("none", "--network none has no way in"), ("host", "with --network host the container's ports are the host's already"),
        ("ns:/proc/self/ns/net", "the network namespace of --network ns: is set up by whoever made it")])
    def test_with_another_network(self, minirun, plain, network, reason):
        for option, name in (("-p80:80", "--publish"), ("-P", "--publish-all")):
            minirun.run("--network", network, option, plain, "true").refused(
                125, f"{name} publishes ports with --network pasta or bridge only: {reason}", hint="leave out --network")
        minirun.run("--network", network, "--mac-address", "02:00:00:00:00:01", plain, "true").refused(
            125, "--mac-address is for the interface that --network pasta or bridge makes", hint="add --network pasta")

    def test_where_there_is_no_pasta(self, minirun, plain, scratch):
        for options in (["-p", "8080:80"], ["-P"], ["--network", "pasta"]):
            result = minirun.run("-q", *options, plain, "true", env={"PATH": str(scratch)})
            result.refused(125, "--network pasta, --publish and --publish-all need the program pasta", hint="apt install passt")

    def test_a_host_without_a_default_route(self, world, minirun, plain):
        with Namespace.new() as lonely:
            minirun.run("-p", "8080:80", plain, "true", before=lonely.enter).refused_with(
                125, "pasta could not set up the container's network: ", hint="--network host does without")

    def test_a_pasta_that_fails(self, host, plain, scratch):
        fake = scratch / "pasta"
        environment = {"PATH": f"{scratch}:/usr/bin:/bin"}
        for script, told in (("exit 3", "exit code 3"), ("kill -TERM $$", "ended by signal 15"),
                             ("echo 'no \033[1m luck' >&2; exit 1", r"no \x1b[1m luck"), ("exec sleep 60 >&-", "ended by signal 9")):
            fake.write_text(f"#!/bin/sh\n{script}\n")
            fake.chmod(0o755)
            host.run("-p", "8080:80", plain, "true", env=environment).refused(
                125, f"pasta could not set up the container's network: {told}")
        fake.write_text("not a program")
        host.run("-p", "8080:80", plain, "true", env=environment).refused(
            125, "pasta could not set up the container's network: exit code 127")
        assert host.containers() == []

    def test_a_runtime_bundle(self, host, runtime_bundle):
        _, bundle = runtime_bundle(["/bin/true"])
        host.run("-p", "8080:80", bundle.path).refused_with(125, "--publish does not apply to a runtime bundle")


class TestReach:
    """What a container with a network reaches, and what not."""

    def test_other_machines(self, world, host, plain):
        with Server(world.router, 9000, "router"), Server(world.router, 9001, "router", udp=True):
            with waiting(host, plain, "--network", "pasta") as (_, inside):
                for address in (ROUTER4, ROUTER6):
                    assert ask(inside, address, 9000) == "router"
                    assert ask(inside, address, 9001, udp=True) == "router"
            assert host.run("--network", "pasta", plain, "sh", "-c",
                            f"(echo who; sleep 1) | busybox nc {ROUTER4} 9000").ok().out == "router"

    @pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
    def test_not_the_hosts_loopback(self, world, host, plain, udp):
        with Server(world.host, 7777, "v4", "127.0.0.1", udp), Server(world.host, 7777, "v6", "::1", udp), \
                Server(world.host, 7778, "all", "::", udp):
            assert ask(world.host, "127.0.0.1", 7777, udp) == "v4"
            with waiting(host, plain, "-p", "8080:80") as (_, inside), Server(inside, 80, "web"):
                assert ask(world.host, "127.0.0.1", 8080) == "web"  # a connection from there opens no way back
                for address in (*HOSTS_OWN, ROUTER4, ROUTER6, "169.254.1.1"):
                    for port in (7777, 7778):
                        assert ask(inside, address, port, udp, patience=1) in ("ECONNREFUSED", "timeout", "EHOSTUNREACH")

    def test_nothing_without_a_network(self, world, host, plain):
        with waiting(host, plain) as (_, inside):
            assert ask(inside, ROUTER4, 9000) == "ENETUNREACH"

    def test_its_interface(self, host, plain):
        lines = host.run("--network", "pasta", "--mac-address", "02:42:AC:11:00:02", plain, "cat",
                         "/sys/class/net/eth0/address", "/sys/class/net/eth0/operstate").lines
        assert lines[0] == "02:42:ac:11:00:02"
        assert host.run("--network", "pasta", plain, "ls", "/sys/class/net").lines == ["eth0", "lo"]

    def resolver(self, host, plain, scratch, text, *options):
        """/etc/resolv.conf in a container, where the host's has this text."""
        (scratch / "resolv.conf").write_text(text)
        before = ["unshare", "--mount", "sh", "-c", f'mount --bind {scratch}/resolv.conf /etc/resolv.conf && exec "$@"', "sh"]
        return host.run("--network", "pasta", *options, plain, "cat", "/etc/resolv.conf", before=before).ok().out

    def test_name_servers(self, host, plain, scratch):
        assert self.resolver(host, plain, scratch, f"nameserver 127.0.0.53\nnameserver {ROUTER4}\n") == f"nameserver {ROUTER4}\n"
        assert self.resolver(host, plain, scratch, "nameserver ::1\n").startswith("# No name server of the host can be reached")
        assert self.resolver(host, plain, scratch, "nameserver ::1\n", "--dns", ROUTER4) == f"nameserver {ROUTER4}\n"

    def test_a_name_server_on_the_hosts_loopback(self, world, host, plain, scratch):
        (scratch / "resolv.conf").write_text("nameserver 127.0.0.53\n")
        before = ["unshare", "--mount", "sh", "-c", f'mount --bind {scratch}/resolv.conf /etc/resolv.conf && exec "$@"', "sh"]
        with Server(world.host, 53, "names", "127.0.0.53", udp=True), Server(world.host, 54, "other", "127.0.0.53", udp=True):
            with waiting(host, plain, "--network", "pasta", before=before) as (running, inside):
                resolver = pathlib.Path(f"/proc/{running.pid}/root/etc/resolv.conf").read_text()
                assert resolver == "nameserver 169.254.1.1\n"
                assert ask(inside, "169.254.1.1", 53, udp=True) == "names"
                assert ask(inside, "169.254.1.1", 54, udp=True, patience=1) == "timeout"


class TestJoined:
    """--network ns:PATH."""

    def test_it_is_that_namespace(self, world, minirun, plain):
        link = os.readlink(world.router.path)
        assert minirun.run("--network", f"ns:{world.router.path}", plain, "readlink", "/proc/self/ns/net").lines == [link]
        lines = minirun.run("--net", f"ns:{world.router.path}", plain, "ls", "/sys/class/net").lines
        assert lines == ["down0", "lo"]
        assert os.readlink(world.router.path) == link and "down0" in world.router.ip("link")

    @pytest.mark.parametrize("options", [["--userns", "private"], ["--init"], ["--read-only"]], ids=" ".join)
    def test_with_other_options(self, world, minirun, plain, options):
        with minirun.start("run", *options, "--network", f"ns:{world.router.path}", plain,
                           "busybox", "httpd", "-f", "-p", "8080", "-h", "/etc"):
            assert "a tester" in fetch(world.router, "127.0.0.1", 8080, "/passwd")

    def test_what_it_may_not_change(self, world, minirun, plain):
        minirun.run("--network", f"ns:{world.router.path}", "--sysctl", "net.ipv4.ip_forward=1", plain, "true").refused(
            125, "--sysctl 'net.ipv4.ip_forward': the container joins that namespace, so it would change it for others")

    def test_one_that_is_not_there(self, minirun, plain, scratch):
        minirun.run("--network", f"ns:{scratch}/none", plain, "true").refused_with(
            125, "cannot open it: No such file or directory", hint="ip netns add NAME")
        minirun.run("--network", "ns:/proc/self/ns/uts", plain, "true").refused(
            125, "--network 'ns:/proc/self/ns/uts': this is no network namespace", hint="write ns:/run/netns/NAME")


class TestEnd:
    """pasta ends with its container, whatever way that ends."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=str)
    def test_when_the_container_has_ended(self, world, host, plain, number):
        with waiting(host, plain, "-p", "8080:80") as (running, _):
            pasta = pasta_of(running)
            os.kill(running.pid, signal.SIGKILL) if number == signal.SIGKILL else running.send(number)
            running.finish()
            assert is_gone(pasta)
        assert answers(world, 8080) == ["ECONNREFUSED"] * 4

    def test_while_it_runs_it_is_one_process_with_nothing_of_ours(self, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (running, _):
            pasta = pasta_of(running)
            assert descendants(pasta) == []
            assert os.getsid(pasta) == pasta  # Ctrl-C is the container's
            links = [os.readlink(path) for path in pathlib.Path(f"/proc/{pasta}/fd").iterdir()]
            ours = [os.readlink(f"/proc/{running.popen.pid}/fd/{fd}") for fd in (1, 2)]
            assert not set(ours) & set(links)
            assert [link for link in links if link.startswith(str(host.root))] == []
            assert os.listdir(f"/proc/{pasta}/root") == []
            assert pathlib.Path(f"/proc/{pasta}/environ").read_bytes().strip(b"\0") == b""

    def test_after_kill_9_of_minirun(self, world, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (running, _):
            pasta = os.pidfd_open(pasta_of(running))
            running.send(signal.SIGKILL)
            running.popen.wait()
            assert os.waitid(os.P_PIDFD, pasta, os.WEXITED)
            os.close(pasta)
        # Its port can be had at once, before anything is swept.
        with waiting(host, plain, "-p", "8080:80") as (_, inside), Server(inside, 80, "web"):
            assert answers(world, 8080) == ["web"] * 4

    def test_kill_9_at_any_moment(self, world, host, plain):
        for moment in range(40):  # a start takes some 30 ms
            with host.start("run", "-p", "8080:80", plain, "true") as running:
                time.sleep(moment / 1000)
                running.send(signal.SIGKILL)
                running.popen.wait()
            assert reap_orphans() == {}
        assert answers(world, 8080) == ["ECONNREFUSED"] * 4
        host.run("-p", "8080:80", plain, "true").ok()
        host.run(plain, "true").ok()

    def test_the_next_command_ends_what_even_that_did_not_reach(self, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (running, _):
            record = host.root / "containers" / host.containers()[0] / "pasta"
            pid, _, boot, _ = os.readlink(record).split(" ")
            assert int(pid) == pasta_of(running)
            running.send(signal.SIGKILL)
            running.popen.wait()
        other = subprocess.Popen(["sleep", "60"])
        started = pathlib.Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        record.unlink()
        record.symlink_to(f"{other.pid} {started} {boot} 0")
        host.run(plain, "true").ok()
        assert other.wait(10) == -signal.SIGKILL

    @pytest.mark.parametrize("options, command, code", [
        ([], ["no-such-program"], 127), ([], ["/etc/passwd"], 126), (["--sysctl", "net.ipv4.no_such=1"], ["true"], 125),
        (["-w", "/proc/1/root/x"], ["true"], 125)], ids=str)
    def test_when_the_launch_fails(self, world, host, plain, options, command, code):
        host.run("-p", "8080:80", *options, plain, *command).refused_with(code)
        assert host.containers() == []
        assert answers(world, 8080) == ["ECONNREFUSED"] * 4

    def test_when_pasta_is_killed_the_container_goes_on(self, host, plain):
        with waiting(host, plain, "-p", "8080:80") as (running, _):
            os.kill(pasta_of(running), signal.SIGKILL)
            running.send(signal.SIGTERM)
            assert running.finish().code != 125


class TestTold:
    """Without rights, and without pasta."""

    def test_the_plan(self, minirun, plain, scratch):
        words = ["--dry-run", "-p", "8080:80", "-p", "[::1]:8000-8010:9000-9010/udp"]
        lines = minirun.run(*words, plain, env={"PATH": str(scratch)}).lines
        assert "host    start pasta on the container's network: 8080->80/tcp, [::1]:8000-8010->9000-9010/udp" in lines
        plan = json.loads(minirun.run(*words, "--format", "json", plain, env={"PATH": str(scratch)}).ok().out)
        step = next(step for step in plan if step["step"] == "start_pasta")
        assert step["ports"] == ["8080->80/tcp", "[::1]:8000-8010->9000-9010/udp"]
        assert step["argv"][:2] == ["pasta", "--foreground"] and "--no-map-gw" in step["argv"]

    def test_explain(self, minirun, plain, scratch):
        words = ["explain", "-p", "8080:80", "--section", "isolation"]
        text = minirun(*words, plain, env={"PATH": str(scratch)}).ok().out
        assert "with pasta between it and the host's" in text and "8080->80/tcp" in text
        facts = json.loads(minirun(*words, "--format", "json", plain).ok().out)
        assert (facts["isolation"]["network"], facts["isolation"]["publishedPorts"]) == ("pasta", ["8080->80/tcp"])


class TestInTheBackground:
    SERVER = ["busybox", "httpd", "-f", "-p", "8000", "-h", "/etc"]

    @pytest.fixture
    def web(self, world, host, plain):
        host.run("-d", "--name", "web", "-p", "8080:8000", plain, *self.SERVER).ok()
        yield host
        host("rm", "-f", "web")
        assert answers(world, 8080) == ["ECONNREFUSED"] * 4

    def reached(self, world):
        return ["a tester" in fetch(world.host, address, 8080, "/passwd") for address in HOSTS_OWN] == [True] * 4

    def details(self, host):
        return json.loads(host("inspect", "web").ok().out)[0]

    def pasta(self, host):
        return pasta_below(parent_of(self.details(host)["State"]["Pid"]))

    def test_it_is_reached_and_told(self, world, web):
        assert self.reached(world)
        assert web("port", "web").lines == ["8000/tcp -> 0.0.0.0:8080", "8000/tcp -> [::]:8080"]
        assert web("port", "web", "8000").lines == web("port", "web", "8000/tcp").lines == ["0.0.0.0:8080", "[::]:8080"]
        web("port", "web", "9").refused(125, "container 'web' does not publish '9/tcp'")
        assert web("ps", "--format", "{{.Ports}}").lines == ["0.0.0.0:8080->8000/tcp, [::]:8080->8000/tcp"]
        details = self.details(web)
        assert details["HostConfig"]["NetworkMode"] == "pasta"
        assert details["NetworkSettings"]["Ports"] == {"8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}]}

    def test_started_again(self, world, web):
        first = self.pasta(web)
        for _ in range(3):
            web("restart", "-t", "0", "web").ok()
            assert self.reached(world)
        second = self.pasta(web)
        assert first != second and is_gone(first)
        web("stop", "-t", "0", "web").ok()
        assert is_gone(second) and answers(world, 8080) == ["ECONNREFUSED"] * 4
        assert web("ps", "-a", "--format", "{{.Ports}}").out == "\n"

    def test_its_supervisor_is_killed(self, world, web):
        os.kill(parent_of(self.pasta(web)), signal.SIGKILL)
        end = time.monotonic() + 10
        while self.details(web)["State"]["Running"] and time.monotonic() < end:
            time.sleep(0.01)
        assert self.details(web)["State"]["ExitCode"] == 137 and answers(world, 8080) == ["ECONNREFUSED"] * 4
        web("start", "web").ok()
        assert self.reached(world)

    def test_the_port_is_taken_at_the_start(self, world, web):
        web("stop", "-t", "0", "web").ok()
        with Server(world.host, 8080, "other"):
            web("start", "web").refused_with(125, "8080", TAKEN)
            assert self.details(web)["State"]["Status"] == "exited" and "8080" in self.details(web)["State"]["Error"]
        web("start", "web").ok()
        assert self.reached(world)

    def test_exec_is_in_its_network(self, web):
        assert web("exec", "web", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8000/passwd").ok().out.startswith("root:")

    def test_a_free_port(self, world, host, plain):
        host.run("-d", "--name", "any", "-p", "8000", plain, *self.SERVER).check(True, "")
        port = int(host("port", "any", "8000").lines[0].rpartition(":")[2])
        assert "a tester" in fetch(world.host, "127.0.0.1", port, "/passwd")
        host("rm", "-f", "any").ok()
