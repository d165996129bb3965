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
