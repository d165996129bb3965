"""config.md "Process": terminal and consoleSize; and the console socket that engines use."""
import fcntl
import os
import stat
import struct
import termios

import pytest

from requirements import engines, must
from terminal import ConsoleSocket


@pytest.fixture
def console(scratch):
    made = ConsoleSocket(scratch / "console")
    yield made
    made.close()


@pytest.fixture
def screen(box, console):
    """Starts a script on a terminal, and returns what was on it until its end."""
    def run(script, **process):
        box.process.update(terminal=True, **process)
        box.sh(script)
        box.created("--console-socket", console.path)
        console.receive()
        box.start().ok()
        return console.read_until(None).replace("\r\n", "\n")
    return run


@must("config.md", "Process")
def test_the_streams_are_the_terminal(screen):
    assert screen("test -t 0 && test -t 1 && test -t 2 && echo all; tty") == "all\n/dev/pts/0\n"


@engines("--console-socket")
def test_what_comes_through_the_socket(box, console):
    box.process["terminal"] = True
    box.created("--console-socket", console.path)
    console.receive()
    assert os.isatty(console.master)
    # TIOCGPTN says the number of the other end: what came is a master.
    fcntl.ioctl(console.master, termios.TIOCGPTN if hasattr(termios, "TIOCGPTN") else 0x80045430, bytearray(4))
    assert stat.S_ISCHR(os.fstat(console.master).st_mode)


@must("config-linux.md", "Default Devices")
def test_dev_console(screen):
    lines = screen("stat -c %F /dev/console; stat -c %t:%T /dev/console; stat -c %t:%T $(tty); echo through > /dev/console").splitlines()
    assert lines[0] == "character special file" and lines[1] == lines[2] and lines[3] == "through"


@must("config.md", "Process")
def test_input(box, console):
    box.process["terminal"] = True
    box.sh("echo ready; read line; echo got $line")
    box.created("--console-socket", console.path)
    console.receive()
    box.start().ok()
    console.read_until("ready")
    console.write("typed\n")
    assert "got typed" in console.read_until("got typed")
    assert box.wait() == 0


@must("config.md", "Process")
def test_console_size(screen):
    assert screen("stty size", consoleSize={"height": 33, "width": 77}) == "33 77\n"


@must("config.md", "Process")
def test_it_is_the_controlling_terminal(box, console):
    """A session of its own: Ctrl-C at the terminal reaches the foreground process."""
    box.process["terminal"] = True
    box.sh("trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done")
    box.created("--console-socket", console.path)
    console.receive()
    box.start().ok()
    console.read_until("ready")
    console.write("\x03")
    assert "interrupted" in console.read_until("interrupted")
    assert box.wait() == 5


@must("config.md", "Process")
def test_dev_tty(screen):
    assert screen("echo through > /dev/tty") == "through\n"


@must("config.md", "Process")
def test_resizing(box, console):
    box.process["terminal"] = True
    box.sh("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done")
    box.created("--console-socket", console.path)
    console.receive()
    box.start().ok()
    console.read_until("ready")
    fcntl.ioctl(console.master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
    assert "44 99" in console.read_until("44 99")


@must("config.md", "Process")
@pytest.mark.parametrize("user", [0, 1000])
def test_the_terminal_is_the_users(screen, user):
    assert screen("stat -c %u $(tty); echo x > $(tty)", user={"uid": user, "gid": user}).split() == [str(user), "x"]


@must("config.md", "Process")
def test_the_terminal_is_the_containers(screen):
    """Of its own devpts instance, so that its name is found inside."""
    assert screen("ls /dev/pts; stat -c %t:%T $(tty)").split()[0] == "0"


@engines("--console-socket")
def test_newlines_are_left_to_the_terminal(box, console):
    """ONLCR is on, as on every fresh terminal: or off, as runc has it. Either way lines end."""
    box.process["terminal"] = True
    box.sh("echo one; echo two")
    box.created("--console-socket", console.path)
    console.receive()
    box.start().ok()
    assert console.read_until(None).split() == ["one", "two"]


@engines("--console-socket")
def test_a_terminal_without_a_socket(box):
    """A detached container has nobody to give its terminal to."""
    box.process["terminal"] = True
    result = box.create()
    result.err = box.err.read_text()
    result.failed("console", "socket", "terminal", "tty")


@engines("--console-socket")
def test_a_socket_without_a_terminal(box, console):
    box.process["terminal"] = False
    result = box.create("--console-socket", console.path)
    if result.code == 0:  # crun ignores it
        assert box.status == "created"
    else:
        result.err = box.err.read_text()
        result.failed("console", "socket", "terminal", "tty")


@engines("--console-socket")
def test_a_socket_that_is_not_there(box, scratch):
    box.process["terminal"] = True
    result = box.create("--console-socket", scratch / "not-there")
    result.err = box.err.read_text()
    result.failed("no such file", "connect")


@engines("--console-socket")
def test_a_socket_with_a_long_path(box, scratch):
    """Longer than sun_path; engines chdir for it, or use a link. An error at the least, not another socket."""
    directory = scratch / ("d" * 120)
    directory.mkdir()
    box.process["terminal"] = True
    short = ConsoleSocket(scratch / "short")
    os.rename(short.path, directory / "console")
    try:
        result = box.create("--console-socket", directory / "console")
        result.err = box.err.read_text()
        if result.code == 0:
            short.receive()
        else:
            result.failed()
    finally:
        short.close()


@engines("exec --console-socket")
def test_exec_with_a_terminal(box, console):
    box.sleeping()
    pid_file = box.path / "exec.pid"
    box.exec_process({"terminal": True, "args": ["/bin/sh", "-c", "tty; stty size; echo done"], "consoleSize": {"height": 12, "width": 34}}, "--detach",
                     "--console-socket", console.path, "--pid-file", pid_file).ok()
    console.receive()
    assert console.read_until(None).split() == ["/dev/pts/0", "12", "34", "done"]


@engines("exec --tty")
def test_exec_with_tty_option(box, console):
    box.sleeping()
    box.runtime("exec", "--tty", "--detach", "--console-socket", console.path, box.id, "/bin/tty").ok()
    console.receive()
    assert console.read_until(None).strip() == "/dev/pts/0"


@engines("run")
def test_run_in_the_foreground_with_a_terminal(box):
    """The caller has one, and the container gets one of its own that is connected with it."""
    box.process["terminal"] = True
    box.sh("tty; test -t 0 && echo terminal; exit 6")
    box.write()
    person, tty = os.openpty()
    try:
        _, process = box.runtime.popen("run", "--bundle", box.path, box.id, stdin=tty, stdout=tty, stderr=tty, start_new_session=True,
                                       preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        assert process.wait(20) == 6
        os.set_blocking(person, False)
        assert os.read(person, 4096).split() == [b"/dev/pts/0", b"terminal"]
    finally:
        os.close(person)
        os.close(tty)
