"""A network of the tests' own: a host with a router behind it, each a network namespace. What listens there disturbs
nobody, and its ports are known to be free."""
import concurrent.futures
import contextlib
import ctypes
import errno
import os
import socket
import subprocess
import threading
import time

from harness import DEADLINE, skip

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

HOST4, HOST6 = "198.51.100.2", "2001:db8::2"
ROUTER4, ROUTER6 = "198.51.100.1", "2001:db8::1"


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Namespace:
    """A network namespace. `path` names it as long as this process lives."""

    def __init__(self, fd):
        self.fd = fd
        self.path = f"/proc/{os.getpid()}/fd/{fd}"
        self.enter = ["nsenter", f"--net={self.path}"]

    @classmethod
    def new(cls):
        def make():
            check(LIBC.unshare(CLONE_NEWNET), "unshare")
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        return cls(in_thread(make))

    @classmethod
    def of(cls, pid):
        return cls(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY))

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, function, *args):
        """In a thread that is in it: a socket that is made there stays there."""
        def inside():
            check(LIBC.setns(self.fd, CLONE_NEWNET), "setns")
            return function(*args)
        return in_thread(inside)

    def ip(self, *words):
        return subprocess.run([*self.enter, "ip", *words], check=True, capture_output=True, text=True).stdout


def in_thread(function):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


class World:
    def __init__(self):
        self.host, self.router = Namespace.new(), Namespace.new()
        try:
            self.host.ip("link", "add", "up0", "type", "veth", "peer", "name", "down0")
        except subprocess.CalledProcessError as error:
            skip(f"this kernel makes no veth devices: {error.stderr}")
        self.host.ip("link", "set", "down0", "netns", self.router.path)
        for one, device, v4, v6 in ((self.host, "up0", HOST4, HOST6), (self.router, "down0", ROUTER4, ROUTER6)):
            one.ip("link", "set", "lo", "up")
            one.ip("address", "add", f"{v4}/24", "dev", device)
            one.ip("address", "add", f"{v6}/64", "dev", device, "nodad")
            one.ip("link", "set", device, "up")
        self.host.ip("route", "add", "default", "via", ROUTER4)
        self.host.ip("-6", "route", "add", "default", "via", ROUTER6)

    def close(self):
        self.host.close()
        self.router.close()


class Server:
    """Says its name to whoever sends something. Not before: the pasta of Debian 12 (2023) keeps what a server says from a
    client that has said nothing, unless that came by the host's loopback."""

    def __init__(self, namespace, port, name, address="::", udp=False):
        self.name, self.udp = name.encode(), udp
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = namespace.call(socket.socket, family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        if not udp:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        if not udp:
            self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):  # it was closed
            while True:
                if self.udp:
                    _, sender = self.socket.recvfrom(1024)
                    if sender is None:  # it was shut down
                        return
                    self.socket.sendto(self.name, sender)
                else:
                    with self.socket.accept()[0] as connection, contextlib.suppress(OSError):
                        connection.recv(1024)
                        connection.sendall(self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def ask(namespace, address, port, udp=False, patience=5):
    """What answers there, or the name of the error: "timeout" where nothing does."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespace.call(socket.socket, family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as client:
        client.settimeout(patience)
        try:
            client.connect((address, port))
            client.send(b"who")
            return client.recv(1024).decode()
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return errno.errorcode[error.errno]


def fetch(namespace, address, port, path):
    """A page by HTTP, from a server that may not be up yet."""
    host = f"[{address}]" if ":" in address else address
    end = time.monotonic() + DEADLINE
    while True:
        done = subprocess.run([*namespace.enter, "curl", "-sf", "--noproxy", "*", "-m", "5", f"http://{host}:{port}{path}"],
                              capture_output=True, text=True)
        if done.returncode == 0 or time.monotonic() > end:
            return done.stdout
        time.sleep(0.05)
