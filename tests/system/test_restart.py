"""minirun restart under load: what the server has taken on is answered, and what comes while it is down is refused."""
import concurrent.futures
import contextlib
import errno
import itertools
import os
import re
import socket
import threading
import time

import pytest

from harness import DEADLINE, PROJECT, need, until
from network_world import World, fetch

PORT = 8080
PROGRAMS = {"pasta": ["/usr/bin/pasta"],
            "bridge": ["/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns", "/usr/sbin/iptables"]}
# What a request may get that no server has taken on. pasta takes a connection before it knows that nobody is there.
REFUSED = ("ECONNREFUSED", "ECONNRESET", "closed")


@pytest.fixture(scope="module")
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture(params=PROGRAMS)
def web(request, minirun, world, scratch):
    """nginx in the background, its port published."""
    for program in PROGRAMS[request.param]:
        need(program, "apt-get install passt netavark aardvark-dns iptables")
    image = need(PROJECT / "rootfs-examples/nginx-bundle", "rootfs-examples/build nginx-bundle")
    minirun.outermost = [*minirun.outermost, *world.host.enter]
    site = scratch / "site"
    site.mkdir()
    (site / "small").write_text("all of it\n")
    (site / "large").write_bytes(os.urandom(12 << 20))
    minirun.run("-d", "--name", "web", "--network", request.param, "-p", f"{PORT}:80", "-v", f"{site}:/var/www/html:ro", image).ok()
    assert fetch(world.host, "127.0.0.1", PORT, "/small") == "all of it\n"
    yield minirun
    minirun("rm", "-f", "web").ok()


class Request:
    """One by a connection of its own: what came of it, from when to when. `receive` is what reads a part of the answer."""

    def __init__(self, path, receive=lambda client: client.recv(65536)):
        self.path, self.begun, answer, self.error = path, time.monotonic(), b"", "closed"
        try:
            with socket.socket() as client:
                client.settimeout(DEADLINE / 2)
                # What is on its way stays on the other side, where it can be lost.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                client.connect(("127.0.0.1", PORT))
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                while part := receive(client):
                    answer += part
        except TimeoutError:
            self.error = "timeout"
        except OSError as error:
            self.error = errno.errorcode[error.errno]
        self.ended, self.received = time.monotonic(), len(answer)
        head, _, self.body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        self.complete = length is not None and len(self.body) == int(length[1])

    def __repr__(self):
        how = "complete" if self.complete else f"{self.error} after {self.received} bytes"
        return f"{self.path}: {how}, from {self.begun:.3f} to {self.ended:.3f}"


class Load:
    """Requests from a few threads, all with a path of their own, until it is left."""

    def __init__(self, world, threads=4):
        self.requests, self._numbers, self._over = [], itertools.count(), threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._threads = [self._pool.submit(world.host.call, self._ask) for _ in range(threads)]

    def _ask(self):
        while not self._over.wait(0.005):
            self.requests.append(Request(f"/small?{next(self._numbers)}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        with self._pool:
            for thread in self._threads:
                thread.result()

    def await_complete(self, number):
        """Until that many that are begun from now on have been answered."""
        begin = time.monotonic()
        until(lambda: sum(one.complete for one in list(self.requests) if one.begun > begin) >= number, "an answer")


def test_many_small_ones(web, world):
    with Load(world) as load:
        load.await_complete(50)
        down = time.monotonic()
        web("restart", "web").ok()
        load.await_complete(1)
        up = time.monotonic()
        load.await_complete(50)
    lost = [one for one in load.requests if not one.complete]
    assert [one for one in lost if one.error not in REFUSED or one.received > 0] == []
    assert [one for one in lost if one.ended < down or one.begun > up] == []
    # Of what nginx says it has answered all has arrived.
    answered = set(re.findall(r'"GET (\S+) HTTP/1.1" 200', web("logs", "web").out))
    assert len(answered) > 100 and [one for one in lost if one.path in answered] == []


def test_a_large_one(web, world):
    """Its server has ended long before its reader has read all."""
    begun, stopped = threading.Event(), threading.Event()

    def receive(client):
        begun.set()
        stopped.wait()
        time.sleep(0.001)
        return client.recv(16384)

    with concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as at_the_end:
        at_the_end.callback(stopped.set)
        request = pool.submit(world.host.call, Request, "/large", receive)
        begun.wait()
        restart = web.start("restart", "web")
        until(lambda: "gracefully shutting down" in web("logs", "web").err, "the stop signal")
        stopped.set()
        one = request.result()
        restart.finish().ok()
    assert one.complete, one
