"""What an archive may make of this machine: each limit has an option, and a sentence that names it."""
import json
import os

import pytest

from archives import config_of, docker_archive, entry, layer, oci_layout

FILES = [entry("a", "x" * 100_000), entry("d"), entry("d/e"), entry("d/e/f", "y")]


@pytest.fixture
def archive(scratch):
    return docker_archive(scratch / "a.tar", [layer(*FILES), layer(entry("top", ""))])


class TestLoad:
    @pytest.mark.parametrize("option, too_little, enough, sentence", [
        ("--max-size", "50k", "100001", "unpacks to more than 50 KiB"), ("--max-entries", "3", "4", "has more than 3 "),
        ("--max-depth", "2", "3", "the entry 'd/e/f' lies more than 2 directories deep"), ("--max-path", "4", "5", "the entry 'd/e/f' has a path of more than 4 bytes"),
        ("--max-layers", "1", "2", "the image has 2 layers, more than 1"), ("--max-json", "100", "1k", " has more than 100 B"),
        ("--max-json-depth", "1", "3", ": more than 1 levels of nesting")])
    def test_each(self, minirun, archive, option, too_little, enough, sentence):
        minirun("load", "-q", option, too_little, archive).refused_with(125, sentence, hint=f"{option} raises the limit")
        assert minirun("images", "-q").ok().out == "" and os.listdir(minirun.root / "staging") == []
        minirun("load", "-q", option, enough, archive).ok()

    def test_files_beside_the_layers(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [layer(FILES[0])], change=lambda files: files | {f"junk{n}": b"" for n in range(50)})
        minirun("load", "-q", "--max-entries", "50", archive).refused_with(125, "a.tar' has more than 50 files", hint="--max-entries")
        minirun("load", "-q", "--max-entries", "53", archive).ok()

    @pytest.mark.parametrize("option, most, why", [("--max-path", 4095, "no path on Linux is longer"), ("--max-layers", 500, "overlayfs takes no more"),
                                                   ("--max-json", 16 << 20, "the store takes no more"), ("--max-json-depth", 1000, "the store takes no more")])
    def test_what_no_option_raises(self, minirun, archive, option, most, why):
        minirun("load", option, str(most), archive)
        minirun("load", option, str(most + 1), archive).refused(125, f"{option} '{most + 1}': at most {most}: {why}")

    @pytest.mark.parametrize("value", ["0", "-1", "x", "", "1x", "99999999999999999999"])
    @pytest.mark.parametrize("option", ["size", "ratio", "entries", "depth", "path", "layers", "json", "json-depth"])
    def test_values(self, minirun, archive, option, value):
        minirun("load", f"--max-{option}={value}", archive).refused_with(125, f"--max-{option} '{value}': expected a number above 0")

    def test_a_long_path_is_as_long_as_it_is(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [layer(entry("/".join(["d" * 200] * 21), "x"))])
        minirun("load", "-q", archive).refused_with(125, "has a path of more than 4095 bytes", hint="no path on Linux is longer")

    def test_deeper_than_usual(self, minirun, scratch):
        made = layer(entry("/".join(["d"] * 2040), "deep"))
        archive = docker_archive(scratch / "a.tar", [made])
        minirun("load", "-q", archive).refused_with(125, "lies more than 2000 directories deep", hint="--max-depth")
        minirun("load", "-q", "--max-depth", "3000", archive).ok()
        minirun("save", "-o", "/dev/null", "made:1").ok()

    def test_a_large_config(self, minirun, scratch):
        """What was taken in with the option is good for everything else."""
        made = [layer(FILES[0])]
        config = config_of(made) | {"history": [{"comment": "x" * (5 << 20)}]}
        archive = docker_archive(scratch / "a.tar", made, config=config)
        minirun("load", "-q", archive).refused_with(125, "'config.json' in", "has more than 4 MiB", hint="--max-json")
        minirun("load", "-q", "--max-json", "8m", archive).ok()
        assert json.loads(minirun("image", "inspect", "made:1").ok().out)[0]["Size"] == 100_000
        minirun("save", "-o", "/dev/null", "made:1").ok()
        minirun("image", "unpack", "made:1", scratch / "bundle").ok()
        minirun("run", "--dry-run", "made:1").ok()
        assert minirun("image", "verify").ok().out == "1 image, 1 layer: no difference\n"

    def test_a_deep_config(self, minirun, scratch):
        """The same."""
        made, nested = [layer(FILES[0])], "x"
        for _ in range(500):
            nested = [nested]
        archive = docker_archive(scratch / "a.tar", made, config=config_of(made) | {"history": [{"comment": nested}]})
        minirun("load", "-q", archive).refused_with(125, "'config.json' in", "more than 64 levels of nesting", hint="--max-json-depth")
        minirun("load", "-q", "--max-json-depth", "1000", archive).ok()
        minirun("image", "inspect", "made:1").ok()
        minirun("save", "-o", "/dev/null", "made:1").ok()
        minirun("image", "unpack", "made:1", scratch / "bundle").ok()
        minirun("run", "--dry-run", "made:1").ok()

    def test_layers_of_a_bundle(self, minirun, scratch, archive):
        minirun("load", "-q", archive).ok()
        minirun("image", "unpack", "made:1", scratch / "bundle").ok()
        minirun("load", "-q", "--max-layers", "1", scratch / "bundle").refused_with(125, "the image has 2 layers, more than 1", hint="--max-layers")
        minirun("load", "-q", "--max-layers", "2", scratch / "bundle").ok()

    def test_of_an_oci_layout(self, minirun, scratch):
        layout = oci_layout(scratch / "oci", [layer(FILES[0])])
        minirun("load", "-q", "--max-json", "64", layout).refused_with(125, "'index.json' in", "has more than 64 B", hint="--max-json")


class TestImport:
    @pytest.mark.parametrize("option, value, sentence", [("--max-size", "50k", "unpacks to more than 50 KiB"), ("--max-entries", "3", "has more than 3 entries"),
                                                         ("--max-depth", "2", "directories deep"), ("--max-path", "4", "has a path of more than 4 bytes")])
    def test_each(self, minirun, scratch, option, value, sentence):
        (scratch / "root.tar").write_bytes(layer(*FILES))
        minirun("import", option, value, scratch / "root.tar").refused_with(125, sentence, hint=option)
        assert minirun("images", "-q").ok().out == ""
