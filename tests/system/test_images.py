"""The images in the store: looked at, named, removed."""
import json
import subprocess

import pytest

from archives import config_of, docker_archive, entry, layer, oci_layout
from harness import FIXTURES, need
from test_load import SAMPLE, base  # noqa: F401

BASE_ENTRIES = [layer(entry("a", "x" * 1000)), layer(entry("b", "y" * 20))]


def load(minirun, scratch, name, layers):
    minirun("load", "-q", docker_archive(scratch / "made.tar", layers, names=[name] if name else [])).ok()


def layers_in(minirun):
    return len(list((minirun.root / "layers").iterdir()))


class TestInspect:
    def test_it_says_what_docker_says(self, minirun):
        """But for the store's own paths, the time of tagging, and the parent, which Docker knows of what it has built itself."""
        need(SAMPLE, "the fixtures belong into ../shared/fixtures, beside the checkout")
        minirun("load", "-q", SAMPLE).ok()
        ours = minirun("image", "inspect", "sample:1.0").ok().out
        theirs = (FIXTURES / "sample.inspect.json").read_text()
        own = ('"Parent"', '"LowerDir"', '"MergedDir"', '"UpperDir"', '"WorkDir"', '"LastTagTime"')
        rest = lambda text: [line for line in text.splitlines() if not line.strip().startswith(own)]
        assert rest(ours) == rest(theirs)

    def test_it_can_be_run(self, minirun, scratch, base):
        load(minirun, scratch, "x", [base, *BASE_ENTRIES])
        (scratch / "x.inspect.json").write_text(minirun("image", "inspect", "x").ok().out)
        assert minirun.run(scratch / "x.inspect.json", "cat", "/b").ok().out == "y" * 20

    def test_of_an_oci_image(self, minirun, scratch):
        minirun("load", "-q", oci_layout(scratch / "oci", BASE_ENTRIES, name="x:1")).ok()
        (facts,) = json.loads(minirun("image", "inspect", "x:1").ok().out)
        assert (facts["RepoTags"], facts["Size"], facts["Config"]["Cmd"], facts["Config"]["Env"]) == (["x:1"], 1020, ["sh"], None)

    def test_several_and_none(self, minirun, scratch):
        load(minirun, scratch, "x", BASE_ENTRIES)
        result = minirun("image", "inspect", "x", "nope", "x")
        assert (result.code, len(json.loads(result.out))) == (125, 2)
        assert result.err.startswith("minirun: there is no image 'nope' in the store\n")


class TestHistory:
    def test_of_the_sample(self, minirun):
        minirun("load", "-q", SAMPLE).ok()
        head, *lines = minirun("history", "--no-trunc", "--human=false", "sample:1.0").ok().lines
        assert head.split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
        assert lines[0].startswith("sha256:69807dce788d8ebe1445e4d3e60d919e18f04f085d29ffbc46ebf1187b3074eb   2026-11-23T20:04:28.411762743Z")
        assert len(lines) == 15 and all(line.startswith("<missing>") for line in lines[1:])
        sizes = [json.loads(line)["Size"] for line in minirun("history", "--human=false", "--format", "json", "sample:1.0").ok().lines]
        assert sum(map(int, sizes)) == json.loads((FIXTURES / "sample.inspect.json").read_text())[0]["Size"]

    def test_commands_cannot_steer_the_terminal(self, minirun, scratch):
        config = config_of(BASE_ENTRIES) | {"history": [{"created_by": "a\x1b[31mb\nc"}, {"created_by": "d"}]}
        minirun("load", "-q", docker_archive(scratch / "h.tar", BASE_ENTRIES, names=["h"], config=config)).ok()
        out = minirun("history", "h").ok().out
        assert "\x1b" not in out and len(out.splitlines()) == 3


class TestNames:
    def test_tag_and_untag(self, minirun, scratch):
        load(minirun, scratch, "x:1", BASE_ENTRIES)
        minirun("tag", "x:1", "team/y").ok()
        assert minirun("rmi", "x:1").ok().out == "Untagged: x:1\n"
        assert [line.split()[:2] for line in minirun("images").ok().lines[1:]] == [["team/y", "latest"]]
        assert layers_in(minirun) == 2

    def test_a_name_moves(self, minirun, scratch):
        load(minirun, scratch, "x", BASE_ENTRIES[:1])
        load(minirun, scratch, "y", BASE_ENTRIES)
        minirun("tag", "y", "x").ok()
        ids = dict(line.split()[0:3:2] for line in minirun("images").ok().lines[1:])
        assert ids["x"] == ids["y"] and "<none>" in ids

    @pytest.mark.parametrize("args, message", [
        (["tag", "nope", "x"], "there is no image 'nope' in the store"), (["tag", "x", "X"], "the image reference 'X' is not valid"),
        (["rmi", "nope"], "there is no image 'nope' in the store"), (["rmi"], "minirun rmi takes the images that are to go"),
        (["tag", "x"], "minirun tag takes an image and its new name"), (["history", "nope"], "there is no image 'nope'"),
        (["image"], "minirun image needs a command"), (["image", "inspct"], "unknown command 'image inspct'"),
        (["images", "--format", "x"], "--format 'x'")])
    def test_bad_input(self, minirun, scratch, args, message):
        load(minirun, scratch, "x", BASE_ENTRIES)
        minirun(*args).refused_with(125, message)
        assert len(minirun("images").ok().lines) == 2


class TestRemoval:
    def test_shared_layers_stay(self, minirun, scratch):
        load(minirun, scratch, "x", BASE_ENTRIES[:1])
        load(minirun, scratch, "y", BASE_ENTRIES)
        out = minirun("rmi", "y").ok().lines
        assert out[0] == "Untagged: y:latest" and out[1].startswith("Deleted: sha256:") and len(out) == 3
        assert layers_in(minirun) == 1
        minirun("rmi", "x").ok()
        assert layers_in(minirun) == 0 and list((minirun.root / "staging").iterdir()) == []

    def test_by_id_with_several_names(self, minirun, scratch):
        load(minirun, scratch, "x", BASE_ENTRIES)
        minirun("tag", "x", "y").ok()
        (image,) = (minirun.root / "images").iterdir()
        minirun("rmi", image.name[:12]).refused_with(125, "has 2 names", hint="--force")
        minirun("rmi", "-f", image.name[:12]).ok()
        assert minirun("images", "-q").ok().out == ""

    def test_in_use(self, minirun, scratch, base):
        load(minirun, scratch, "x", [base])
        with minirun.start("run", "x", "sh", "-c", "echo up; exec sleep 1000") as container:
            container.wait_for("up")
            minirun("rmi", "x").refused(125, "the image 'x' is in use by a container that runs", "stop the container first")
            minirun("tag", "x", "y").ok()
            minirun("rmi", "x").ok()
            assert minirun("image", "prune", "-a").ok().out == "Total reclaimed space: 0B\n"
        minirun("rmi", "y").ok()
        assert layers_in(minirun) == 0

    def test_a_store_that_may_not_be_read_is_not_empty(self, minirun, scratch, base):
        load(minirun, scratch, "made", [base])
        minirun.root.chmod(0o755)
        user = ["setpriv", "--reuid", "65534", "--clear-groups"]
        for words in (["images"], ["image", "prune", "-a"], ["rmi", "made"], ["tag", "made", "x"], ["run", "--dry-run", "made"], ["explain", "made"]):
            minirun(*words, before=user).refused_with(125, "cannot look into the store: ", hint="sudo")

    def test_a_directory_of_the_same_name(self, minirun, scratch, base):
        load(minirun, scratch, "made", [base])
        (scratch / "here/made").mkdir(parents=True)
        assert minirun.run("made", "echo", "of the store", cwd=scratch / "here").ok().out == "of the store\n"

    def test_prune(self, minirun, scratch):
        load(minirun, scratch, None, BASE_ENTRIES)
        load(minirun, scratch, "x", BASE_ENTRIES[:1])
        out = minirun("image", "prune").ok().lines
        assert out[-1] == "Total reclaimed space: 20B" and layers_in(minirun) == 1
        assert minirun("image", "prune", "-a").ok().lines[-1] == "Total reclaimed space: 1kB"
        assert layers_in(minirun) == 0

    def test_beside_loads(self, minirun, scratch, base):
        """Whatever the order: in the end there is an image that runs, or none."""
        archive = docker_archive(scratch / "a.tar", [base, *BASE_ENTRIES], names=["x"])
        for _ in range(15):
            running = [minirun.start("load", "-q", archive), minirun.start("rmi", "x"), minirun.start("load", "-q", archive), minirun.start("rmi", "x")]
            for one in running:
                one.finish()
            if minirun("images", "-q").ok().out:
                assert minirun.run("x", "cat", "/b").ok().out == "y" * 20
        minirun("load", "-q", archive).ok()
        assert minirun.run("x", "cat", "/b").ok().out == "y" * 20

    def test_many_images_are_listed(self, minirun, scratch):
        load(minirun, scratch, "x", BASE_ENTRIES)
        (image,) = (minirun.root / "images").iterdir()
        for number in range(300):
            copy = image.with_name(f"{number:064x}")
            subprocess.run(["cp", "-a", image, copy], check=True)
        assert len(minirun("images").ok().lines) == 302
