"""What minirun itself prints on standard output arrives, or is told to be lost."""
import pytest


@pytest.mark.parametrize("words", [("version",), ("help", "run"), ("run", "--dry-run"), ("explain",),
                                   ("explain", "--format", "json")], ids=" ".join)
def test_a_full_disk(minirun, plain, words):
    image = [plain] if words[0] in ("run", "explain") else []
    with open("/dev/full", "w") as full:
        result = minirun.start(*words, *image, stdout=full).finish()
    result.refused(125, "cannot write to standard output: No space left on device")


def test_a_container_needs_no_output(minirun, plain):
    """What the container prints is its own affair: minirun does not tell of it."""
    with open("/dev/full", "w") as full:
        minirun.start("run", plain, "payload", "facts", stdout=full).finish().ended(0)


@pytest.mark.parametrize("options", [[], ["-u", "1000"], ["--userns", "private"]], ids=str)
def test_the_streams_can_be_opened_by_name(minirun, plain, scratch, options):
    """Programs log to /dev/stdout, whoever they run as."""
    result = minirun.run("--stdout", scratch / "out", "--stderr", scratch / "err", *options, plain, "sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr")
    assert result.ok() and (scratch / "out").read_text() == "out\n" and (scratch / "err").read_text() == "err\n"
