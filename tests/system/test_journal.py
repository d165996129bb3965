"""--log-driver journald: what a container writes, as entries of the host's journal. The journal here is a socket of the test's,
in a mount namespace that has it at the journal's place."""
import json
import socket
import struct

import pytest

from harness import DEADLINE, until

HERE = 'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal && exec "$@"'


def parse(datagram):
    """The fields of an entry."""
    fields = {}
    while datagram:
        name, newline, rest = datagram.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
        else:
            size, = struct.unpack_from("<Q", rest)
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        fields[name.decode()] = value.decode("utf-8", "surrogateescape")
        datagram = rest
    return fields


class Journal:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE)
        self.socket.bind(str(self.directory / "socket"))

    def close(self):
        self.socket.close()
        (self.directory / "socket").unlink()

    def entry(self):
        return parse(self.socket.recv(1 << 20))

    @property
    def before(self):
        """Words in front of minirun, so that it finds this one."""
        return ["unshare", "-m", "sh", "-c", HERE, self.directory]


@pytest.fixture
def journal(scratch):
    opened = Journal(scratch / "journal")
    yield opened
    opened.socket.close()


@pytest.fixture
def logged(box, journal, plain):
    """Runs a container that writes into the journal; its id."""
    def run(*words, name="web", options=()):
        return box.run("-d", "--name", name, "--log-driver", "journald", *options, plain, *words, before=journal.before).ok().out.strip()
    return run


def test_entries(box, logged, journal, plain):
    id = logged("sh", "-c", "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf end; exit 3")
    entries = [journal.entry() for _ in range(3)]
    assert [(one["MESSAGE"], one["PRIORITY"]) for one in entries] == [("one", "6"), ("two", "3"), ("end", "6")]
    for one in entries:
        assert (one["CONTAINER_NAME"], one["CONTAINER_ID"], one["CONTAINER_ID_FULL"]) == ("web", id[:12], id)
        assert (one["CONTAINER_TAG"], one["SYSLOG_IDENTIFIER"], one["IMAGE_NAME"]) == (id[:12], id[:12], str(plain))
        assert "CONTAINER_PARTIAL_MESSAGE" not in one
    assert box("wait", "web").ok().out == "3\n"
    box("logs", "web").refused(125, "container 'web' writes into the host's journal", "journalctl CONTAINER_NAME=web reads it")
    told = json.loads(box("inspect", "web").ok().out)[0]
    assert told["HostConfig"]["LogConfig"]["Type"] == "journald" and told["LogPath"] == ""


def test_a_tag(logged, journal):
    logged("echo", "x", options=["--log-opt", "tag=shop"])
    assert {key: value for key, value in journal.entry().items() if key in ("CONTAINER_TAG", "SYSLOG_IDENTIFIER")} == {
        "CONTAINER_TAG": "shop", "SYSLOG_IDENTIFIER": "shop"}


def test_what_is_no_line(logged, journal):
    """A long one is several entries, and bytes are as they are."""
    logged("sh", "-c", r"head -c 20000 /dev/zero | tr '\0' x; printf '\na\377\033b\n\n'")
    entries = [journal.entry() for _ in range(4)]
    assert [(len(one["MESSAGE"]), one.get("CONTAINER_PARTIAL_MESSAGE")) for one in entries[:2]] == [(16384, "true"), (20000 - 16384, None)]
    assert [one["MESSAGE"] for one in entries[2:]] == ["a\udcff\x1bb", ""]


def test_in_the_foreground(box, journal, plain):
    result = box.run("--name", "fg", "--log-driver", "journald", plain, "echo", "x", before=journal.before).ok()
    assert result.out == "x\n" and journal.entry()["MESSAGE"] == "x"


def test_a_slow_journal_holds_nobody_up(box, logged, journal):
    """What it does not take is lost, and that is told when it goes on."""
    logged("sh", "-c", "i=0; while test $i -lt 20000; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done; touch /done; "
                       "while ! test -f /on; do sleep 0.05; done; while true; do echo last; sleep 0.05; done")
    until(lambda: box("exec", "web", "test", "-f", "/done").code == 0, "the end of its output")
    box("exec", "web", "touch", "/on").ok()
    entries = []
    while not entries or entries[-1]["MESSAGE"] != "last":
        entries.append(journal.entry())
        if entries[-1]["MESSAGE"].startswith("minirun: "):
            assert entries[-1]["PRIORITY"] == "4"
    messages = [one["MESSAGE"] for one in entries]
    lost = sum(int(text.split()[1]) for text in messages if text.startswith("minirun: "))
    # A few of those behind them may be among the lost.
    assert lost > 0 and lost + sum(text.startswith("xxx") for text in messages) >= 20000
    box("stop", "-t", "0", "web").ok()


def test_a_journal_that_is_started_anew(box, logged, journal):
    logged("sh", "-c", "echo one; while ! test -f /on; do sleep 0.05; done; echo two; exec sleep 1000")
    assert journal.entry()["MESSAGE"] == "one"
    journal.close()
    journal.listen()
    box("exec", "web", "touch", "/on").ok()
    assert journal.entry()["MESSAGE"] == "two"


def test_without_a_journal(box, scratch, plain):
    """Nothing runs, and nothing is left."""
    empty = scratch / "empty"
    empty.mkdir()
    message = "--log-driver journald: nobody listens at /run/systemd/journal/socket: No such file or directory"
    for options in ["-d"], ["--name", "fg"]:
        box.run(*options, "--log-driver", "journald", plain, "true", before=["unshare", "-m", "sh", "-c", HERE, empty]).refused(
            125, message, "start systemd-journald, or leave the option out: the log is a file then")
    assert box.containers() == [] and box.names() == []


@pytest.mark.parametrize("options, message", [
    (["--log-driver", "syslog"], "--log-driver 'syslog': only json-file and none and journald are supported"),
    (["--log-opt", "tag=x"], "--log-opt tag is for --log-driver journald only"),
    (["--log-driver", "journald", "--log-opt", "max-size=1m"], "--log-opt max-size and max-file are for --log-driver json-file only"),
    (["--log-driver", "journald", "--log-opt", "tag={{.ID}}"], "--log-opt 'tag={{.ID}}': expected a text, a line without fields in it")], ids=str)
def test_refusals(box, plain, options, message):
    box.run("-d", *options, plain).refused(125, message)
