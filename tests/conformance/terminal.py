"""The socket that a runtime sends a container's terminal to."""
import array
import os
import select
import socket
import time


class ConsoleSocket:
    """Plays the engine: listens, and takes the pty's master."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        self.socket.settimeout(20)
        self.master, self.name, self.read = None, None, b""

    def receive(self):
        connection, _ = self.socket.accept()
        with connection:
            connection.settimeout(20)
            data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(16))
            self.name = data
            fds = [fd for level, kind, block in ancillary if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                   for fd in array.array("i", block[:len(block) // 4 * 4])]
        assert len(fds) == 1, f"{len(fds)} descriptors came"
        self.master = fds[0]
        return self

    def read_until(self, text, seconds=20):
        """All that was on the screen until then, or until its end with text None."""
        end = time.monotonic() + seconds
        while text is None or text.encode() not in self.read:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                break
            try:
                block = os.read(self.master, 65536)
            except OSError:  # EIO: nobody has the other end any more
                break
            if not block:
                break
            self.read += block
        return self.read.decode()

    def write(self, text):
        os.write(self.master, text.encode())

    def close(self):
        if self.master is not None:
            os.close(self.master)
        self.socket.close()
