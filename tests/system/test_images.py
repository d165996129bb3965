"""The images in the store: looked at, named, removed."""
import json
import os
import shutil
import subprocess

import pytest

from archives import config_of, docker_archive, entry, hardlink, layer, oci_layout, symlink
from harness import FIXTURES, need
from test_load import SAMPLE

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

    def test_fields(self, minirun, scratch):
        config = config_of(BASE_ENTRIES, User="5:6", Env=["A=b"])
        minirun("load", "-q", docker_archive(scratch / "x.tar", BASE_ENTRIES, names=["x", "y"], config=config)).ok()
        (image,) = (minirun.root / "images").iterdir()
        inspect = lambda form, *names: minirun("image", "inspect", "-f", form, *names).ok().out
        assert inspect("{{.Id}}", "x", "y") == f"sha256:{image.name}\n" * 2
        assert inspect("{{ .Config.User }}:{{.Size}} {{.Config.Env}} {{.Config.OnBuild}}", "x") == '5:6:1020 ["A=b"] null\n'
        assert json.loads(inspect("{{json .RootFS}}", "x"))["Type"] == "layers" and inspect("{{json .Os}}", "x") == '"linux"\n'
        assert inspect("json", "x") == minirun("image", "inspect", "x").ok().out
        for form in ("{{.No}}", "{{.Config.}}", "{{.Id.x}}", "{{.Id", "{{range .Config}}", "text"):
            minirun("image", "inspect", "-f", form, "x").refused_with(125, f"--format '{form}': no field", hint="json, or a text with {{…}} of .Architecture")

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


class TestVerify:
    def test_all_is_well(self, minirun, scratch, base):
        load(minirun, scratch, "one", [base, layer(entry("x", "x"))])
        load(minirun, scratch, "two", [base, layer(entry("var/deep/new", "n"), entry("z", "z", mode=0o4755, uid=5), entry(".wh.bin", ""))])
        assert minirun("image", "verify").ok().out == "2 images, 3 layers: no difference\n"
        assert minirun("image", "verify", "one", "one").ok().out == "2 images, 2 layers: no difference\n"
        assert list((minirun.root / "staging").iterdir()) == []

    @pytest.mark.parametrize("change, says", [
        (lambda tree: (tree / "d/f").write_text("CONTENT"), ["'d/f' has another content"]),
        (lambda tree: (tree / "d/f").write_text("x"), ["'d/f' has 1 bytes, not 7"]),
        (lambda tree: (tree / "d/f").unlink(), ["'d/f' is gone"]), (lambda tree: (tree / "l").unlink(), ["'l' is gone"]),
        (lambda tree: (tree / "d/more").mkdir(), ["'d/more' was added"]),
        (lambda tree: (tree / "d/f").chmod(0o600), ["'d/f' has the mode 0600, not 0644"]),
        (lambda tree: os.chown(tree / "d", 7, 8), ["'d' belongs to 7:8, not 0:0"]),
        (lambda tree: os.utime(tree / "d/f", (1, 1)), ["'d/f' has another time"]),
        (lambda tree: os.setxattr(tree / "d/f", "user.x", b"y"), ["'d/f' has other attributes"]),
        (lambda tree: os.setxattr(tree / "d", "trusted.overlay.opaque", b"y"), ["'d' has other attributes"]),
        (lambda tree: ((tree / "l").unlink(), (tree / "l").symlink_to("elsewhere")), ["'l' leads to 'elsewhere', not to 'd/f'"]),
        (lambda tree: ((tree / "l").unlink(), (tree / "l").mkdir()), ["'l' is of another type"]),
        (lambda tree: ((tree / "d/f").unlink(), os.mkfifo(tree / "d/f")), ["'d/f' is no regular file any more"])])
    def test_what_is_not_as_it_was(self, minirun, scratch, change, says):
        load(minirun, scratch, "x", [layer(entry("d"), entry("d/f", "content"), symlink("l", "d/f"))])
        (tree,) = minirun.root.glob("layers/*/tree")
        change(tree)
        result = minirun("image", "verify", "x")
        assert result.code == 1 and result.err == ""
        for sentence in says:
            assert any(line.startswith("layer ") and line.endswith(sentence) for line in result.out.splitlines()), result.out

    @pytest.mark.parametrize("change, says", [
        (lambda tree: (tree / "empty").unlink(), "'empty' is gone"),
        (lambda tree: ((tree / "empty").unlink(), (tree / "empty").mkdir()), "'empty' is of another type"),
        (lambda tree: ((tree / "hard").unlink(), (tree / "hard").symlink_to("/etc/shadow")), "'hard' is of another type"),
        (lambda tree: ((tree / "hard").unlink(), (tree / "hard").write_text("content")), "'hard' is another file than 'file'"),
        (lambda tree: ((tree / "hard").unlink(), (tree / "hard").write_text("CONTENT")), "'hard' has another content"),
        (lambda tree: (tree / "empty").write_text("x"), "'empty' has 1 bytes, not 0")])
    def test_files_that_are_not_in_the_record(self, minirun, scratch, change, says):
        load(minirun, scratch, "x", [layer(entry("file", "content"), hardlink("hard", "file"), entry("empty", ""))])
        (tree,) = minirun.root.glob("layers/*/tree")
        change(tree)
        assert says in minirun("image", "verify", "x").out

    def test_links_to_layers_below(self, minirun, scratch, base):
        """The later entry counts, and times stay as they are."""
        below = layer(entry("d", pax={"mtime": "5"}), entry("d/lower", "lower"))
        upper = layer(entry("./", pax={"mtime": "7"}), entry("d", pax={"mtime": "6"}), entry("d/x", "x" * 600), hardlink("d/x", "d/lower"),
                      hardlink("d/y", "d/lower"), entry("d/y", "mine"), hardlink("d/z", "d/lower"))
        load(minirun, scratch, "x", [base, below, upper])
        assert minirun.run("x", "sh", "-c", "cat /d/x /d/y /d/z; stat -c %Y /d").ok().out == "lowerminelower6\n"
        assert minirun("image", "verify", "x").ok().out == "1 image, 3 layers: no difference\n"
        minirun("save", "-o", "/dev/null", "x").ok()

    def test_what_belongs_to_the_image(self, minirun, scratch):
        load(minirun, scratch, "x", [layer(entry("a", "a")), layer(entry("b", "b"))])
        (image,) = (minirun.root / "images").iterdir()
        before = (image / "config.json").read_text()
        (image / "config.json").write_text(before + " ")
        assert minirun("image", "verify").out.startswith(f"image {image.name[:12]}: its config is not the one that was loaded\n")
        (image / "config.json").write_text(before)
        record = next((minirun.root / "layers").iterdir()) / "tar-record"
        record.write_bytes(record.read_bytes()[:20])
        assert "the record of the archive of layer" in minirun("image", "verify").out
        shutil.rmtree(record.parent)
        assert minirun("image", "verify").out.splitlines()[0].endswith(" is gone")
        minirun("image", "verify", "nope").refused_with(125, "there is no image 'nope' in the store")


class TestSpace:
    def test_it_is_what_du_says(self, minirun, scratch, base):
        load(minirun, scratch, "one:1", [base, layer(entry("x", "x" * 100000), hardlink("y", "x"))])
        load(minirun, scratch, "two", [base])
        load(minirun, scratch, None, [layer(entry("z", "z" * 50000))])
        usage = json.loads(minirun("system", "df", "--format", "json").ok().out)
        places = [minirun.root / place for place in ("images", "layers", "tags", "staging")]
        du = subprocess.run(["du", "-s", "-c", "--block-size=1", *places], check=True, capture_output=True, text=True).stdout
        assert usage["Size"] == int(du.splitlines()[-1].split()[0]) == usage["Reclaimable"] + usage["Other"]
        shared = [one["Size"] for one in usage["Layers"] if one["Images"] == 2]
        assert len(shared) == 1 and [one["SharedSize"] for one in usage["Images"] if one["RepoTags"]] == 2 * shared
        assert usage["Size"] == usage["Other"] + shared[0] + sum(one["UniqueSize"] for one in usage["Images"])
        lines = minirun("system", "df", "-v").ok().lines
        assert lines[2].split()[:3] == ["REPOSITORY", "TAG", "IMAGE"] and any(line.startswith("one ") for line in lines)

    def test_what_is_in_use_is_not_reclaimable(self, minirun, scratch, base):
        load(minirun, scratch, "one", [base])
        with minirun.start("run", "one", "payload", "wait") as running:
            running.wait_for("ready")
            usage = json.loads(minirun("system", "df", "--format", "json").ok().out)
            assert (usage["Reclaimable"], usage["Images"][0]["Active"], usage["Containers"]["Active"]) == (0, True, 1)
            assert minirun("system", "df").ok().lines[1].split()[:3] == ["Images", "1", "1"]
        assert minirun("system", "df").ok().lines[1].split()[:3] == ["Images", "1", "0"]


def test_space_with_a_damaged_image(minirun, scratch):
    load(minirun, scratch, "x", BASE_ENTRIES)
    (image,) = (minirun.root / "images").iterdir()
    (image / "config.json").write_text("{")
    assert minirun("system", "df", "-v").ok().lines


class TestTreeAndUnpack:
    def test_the_tree(self, minirun, scratch):
        load(minirun, scratch, "one", BASE_ENTRIES)
        load(minirun, scratch, "two", [BASE_ENTRIES[0], layer(entry("other", "o"))])
        load(minirun, scratch, "base", BASE_ENTRIES[:1])
        lines = minirun("image", "tree").ok().lines
        assert lines[0].startswith("└─ layer ") and lines[0].endswith("shared by 3 images") and lines[1].startswith("   ├─ base:latest (")
        assert sum("one:latest (" in line for line in lines) == sum("two:latest (" in line for line in lines) == 1 and len(lines) == 6
        assert len(minirun("image", "tree", "one").ok().lines) == 3
        minirun("image", "tree", "nope").refused_with(125, "there is no image 'nope' in the store")

    def test_a_bundle_of_it(self, minirun, scratch, base):
        load(minirun, scratch, "one", [base, layer(entry("x"), entry("x/old", "o")), layer(entry("x/.wh.old", ""), entry("x/new", "n"))])
        minirun("image", "unpack", "one", scratch / "bundle").ok()
        assert minirun.run(scratch / "bundle", "ls", "/x").ok().out == "new\n"
        minirun("rmi", "one").ok()
        minirun("load", "-t", "two", scratch / "bundle").ok()
        assert minirun.run("two", "ls", "/x").ok().out == "new\n"
        minirun("image", "unpack", "two", scratch / "bundle").refused_with(125, "cannot make the directory", "File exists", hint="not there yet")
        minirun("image", "unpack", "nope", scratch / "other").refused_with(125, "there is no image 'nope'")
        assert not (scratch / "other").exists()


def test_options_behind_arguments(minirun, scratch):
    """As with Docker."""
    load(minirun, scratch, "one:1", BASE_ENTRIES)
    minirun("tag", "one:1", "two:1").ok()
    assert minirun("images", "one", "-q", "--no-trunc").ok().out.startswith("sha256:")
    assert minirun("image", "tree", "one:1", "--no-trunc").ok().out.count("sha256:") == 2
    minirun("images", "--", "-q").refused_with(125, "'-q'")
    image = minirun("images", "-q").ok().out.strip()
    minirun("rmi", image, "-f").ok()


def test_formats_of_the_list(minirun, scratch):
    load(minirun, scratch, "one:1", BASE_ENTRIES)
    image = minirun("images", "-q").ok().out.strip()
    assert minirun("images", "--format", r"{{.Repository}}:{{ .Tag }}\t{{.ID}}").ok().out == f"one:1\t{image}\n"
    assert minirun("images", "--digests").ok().lines[0].split()[:3] == ["REPOSITORY", "TAG", "DIGEST"]
    for wrong in ("{{.Nope}}", "{{ID}}", "{{.ID", "{{}}"):
        minirun("images", "--format", wrong).refused_with(125, "--format", "no field", hint=".Repository")


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
            container = minirun.containers()[0][:12]
            minirun("rmi", "x").refused(125, f"the image 'x' is in use by the container {container}", "stop it first")
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
