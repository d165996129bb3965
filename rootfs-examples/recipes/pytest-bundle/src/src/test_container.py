"""What a test can rely on in this bundle."""

import os
import tempfile


def test_runs_as_an_ordinary_user():
    assert os.getuid() != 0


def test_starts_in_its_sources():
    assert os.getcwd() == os.path.dirname(os.path.abspath(__file__))


def test_has_a_place_to_write():
    with tempfile.TemporaryFile() as file:
        file.write(b"scratch")
