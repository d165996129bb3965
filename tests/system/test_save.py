"""minirun save: what is loaded comes out again, byte by byte, in a form that other tools read."""
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from archives import digest, docker_archive, entry, hardlink, layer, symlink
from harness import FIXTURES, need, skip

SAMPLE = FIXTURES / "sample.docker.tar"


def files_of(archive):
    with tarfile.open(archive) if not isinstance(archive, bytes) else tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}


def layers_in(files):
    """The layers' archives, lowest first, of each image."""
    return [[files[name] for name in image["Layers"]] for image in json.loads(files["manifest.json"])]


class TestRoundTrip:
    def test_the_sample(self, minirun, other, scratch):
        need(SAMPLE, "the fixtures belong into ../shared/fixtures, beside the checkout")
        minirun("load", "-q", SAMPLE).ok()
        assert minirun("save", "-o", scratch / "saved.tar", "sample:1.0").ok().out == ""
        saved, original = files_of(scratch / "saved.tar"), files_of(SAMPLE)
        assert layers_in(saved) == layers_in(original)
        assert saved[json.loads(saved["manifest.json"])[0]["Config"]] == original[json.loads(original["manifest.json"])[0]["Config"]]
        assert other("load", "-q", scratch / "saved.tar").ok().out == "Loaded image: sample:1.0\n"
        assert other("images", "-q", "--no-trunc").out == minirun("images", "-q", "--no-trunc").out
        look = ["sh", "-c", r"find */tree -mindepth 1 ! -type c -printf '%p %M %U %G %s %T@ %l\n' | sort"]
        listed = [subprocess.run(look, cwd=one.root / "layers", capture_output=True, check=True).stdout for one in (minirun, other)]
        assert listed[0] == listed[1] and listed[0].count(b"\n") > 100

    @pytest.mark.parametrize("made", [
        layer(entry("a", "1"), entry("a", "2"), entry("b"), entry("b/x", "x"), hardlink("h", "b/x"), entry("b", "file"), entry("b"), entry("b/x", "y"),
              entry("b", "again")),
        layer(entry("a", "one"), hardlink("b", "a"), entry("a", "two"), entry(".wh.a", "content of a whiteout"), entry("c", "")),
        layer(entry("big", os.urandom(9 << 20)), entry("x", "x" * 511), entry("y", "y" * 512), entry("z", "z" * 513)),
        layer(entry("n" * 120 + "/" + "m" * 200, "long", pax={"comment": "c" * 2000})),
        layer(symlink("l", "x"), entry(".wh..wh.aufs", os.urandom(5 << 20))),
        layer(entry("a", "x")) + b"behind the end" * 100, layer(entry("a", "x"))[:1024], layer(),
    ], ids=["replaced", "hard links", "sizes", "long names", "large and not kept", "rest", "no end", "empty"])
    def test_layers_of_all_kinds(self, minirun, scratch, base, made):
        minirun("load", "-q", docker_archive(scratch / "made.tar", [base, made])).ok()
        assert layers_in(files_of(minirun_save(minirun, scratch, "made:1"))) == [[base, made]]

    def test_sparse_files(self, minirun, scratch):
        for number in range(3):
            with open(scratch / f"sparse{number}", "wb") as file:
                for offset in (0, 7 << 20, (50 << 20) + number):
                    file.seek(offset)
                    file.write(b"data" * 3000)
        layers = []
        for form in ("gnu", "pax"):
            subprocess.run(["tar", "--sparse", f"--format={form}", "-C", scratch, "-cf", scratch / "s.tar", "sparse0", "sparse1", "sparse2"], check=True)
            layers.append((scratch / "s.tar").read_bytes())
        minirun("load", "-q", docker_archive(scratch / "made.tar", layers)).ok()
        assert layers_in(files_of(minirun_save(minirun, scratch, "made:1"))) == [layers]

    def test_what_it_holds_twice_is_written_once(self, minirun, scratch, base):
        above = layer(entry("x", "x"))
        minirun("load", "-q", docker_archive(scratch / "1.tar", [base], names=["one:1", "one:2"])).ok()
        minirun("load", "-q", docker_archive(scratch / "2.tar", [base, above], names=["two"])).ok()
        with tarfile.open(minirun_save(minirun, scratch, "one", "two", "two:latest")) as tar:
            names = tar.getnames()
        assert len(names) == len(set(names)) and names.count("blobs/sha256/" + digest(base)[7:]) == 1
        files = files_of(scratch / "saved.tar")
        assert [image["RepoTags"] for image in json.loads(files["manifest.json"])] == [["one:1", "one:2"], ["two:latest"]]
        assert [one["annotations"]["io.containerd.image.name"] for one in json.loads(files["index.json"])["manifests"]] == [
            "docker.io/library/one:1", "docker.io/library/one:2", "docker.io/library/two:latest"]

    def test_by_id_it_has_no_name(self, minirun, other, scratch, base):
        minirun("load", "-q", docker_archive(scratch / "1.tar", [base])).ok()
        image = minirun("images", "-q").ok().out.strip()
        saved = minirun_save(minirun, scratch, image)
        assert json.loads(files_of(saved)["manifest.json"])[0]["RepoTags"] is None
        assert other("load", "-q", saved).ok().out.startswith("Loaded image ID: sha256:" + image)


def minirun_save(minirun, scratch, *names):
    minirun("save", "-o", scratch / "saved.tar", *names).ok()
    return scratch / "saved.tar"


class TestOtherTools:
    @pytest.fixture
    def skopeo(self, scratch):
        if not shutil.which("skopeo"):
            skip("there is no skopeo")
        return lambda *words: subprocess.run(["skopeo", *words], cwd=scratch, check=True, capture_output=True, text=True).stdout

    @pytest.mark.parametrize("options, source", [([], "docker-archive:saved.tar"), ([], "oci-archive:saved.tar"), ([], "oci-archive:saved.tar:1.0"),
                                                 (["--format", "oci-archive"], "oci-archive:saved.tar")], ids=str)
    def test_skopeo_reads_it(self, minirun, other, scratch, skopeo, options, source):
        """And writes an OCI layout with compressed layers, which makes the same image again."""
        need(SAMPLE, "the fixtures belong into ../shared/fixtures, beside the checkout")
        minirun("load", "-q", SAMPLE).ok()
        minirun("save", *options, "-o", scratch / "saved.tar", "sample:1.0").ok()
        skopeo("copy", "--quiet", "--insecure-policy", source, "oci:layout:sample:1.0")
        other("load", "-q", scratch / "layout").ok()
        assert os.listdir(other.root / "layers") and sorted(os.listdir(other.root / "layers")) == sorted(os.listdir(minirun.root / "layers"))


class TestOutput:
    @pytest.fixture
    def loaded(self, minirun, scratch, base):
        minirun("load", "-q", docker_archive(scratch / "1.tar", [base, layer(entry("a"), entry("a/file", "content"))])).ok()
        return minirun

    def test_to_standard_output(self, loaded, other, scratch):
        with open(scratch / "out.tar", "wb") as file:
            loaded.start("save", "made:1", stdout=file).finish().ok()
        assert other("load", "-q", scratch / "out.tar").ok().out == "Loaded image: made:1\n"

    def test_to_a_link(self, loaded, scratch):
        (scratch / "target").write_text("old")
        (scratch / "link").symlink_to("target")
        loaded("save", "-o", scratch / "link", "made:1").ok()
        assert (scratch / "link").is_symlink() and (scratch / "target").stat().st_size > 10000
        with open(scratch / "out", "wb") as out:
            loaded.start("save", "-o", "/dev/stdout", "made:1", stdout=out).finish().ok()
        assert (scratch / "out").read_bytes() == (scratch / "target").read_bytes() and os.path.islink("/dev/stdout")

    def test_what_is_not_whole_does_not_look_so(self, loaded, scratch):
        (file,) = loaded.root.glob("layers/*/tree/a/file")
        file.write_text("CONTENT")
        with open(scratch / "out.tar", "wb") as out:
            assert loaded.start("save", "made:1", stdout=out).finish().code == 125
        assert subprocess.run(["tar", "tf", scratch / "out.tar"], capture_output=True).returncode != 0

    def test_a_disk_that_is_full(self, loaded, scratch):
        with open("/dev/full", "w") as full:
            loaded.start("save", "made:1", stdout=full).finish().refused(125, "cannot write the archive: No space left on device (ENOSPC)")

    @pytest.mark.parametrize("change, how", [
        (lambda file: file.write_text("CONTENT"), "has another content"), (lambda file: file.write_text("x"), "has 1 bytes, not 7"),
        (lambda file: file.unlink(), "is gone"), (lambda file: (file.unlink(), file.symlink_to("/etc/passwd")), "cannot be read"),
        (lambda file: (file.unlink(), os.mkfifo(file)), "is no regular file any more")])
    def test_a_layer_that_was_changed(self, loaded, scratch, change, how):
        (file,) = loaded.root.glob("layers/*/tree/a/file")
        change(file)
        (scratch / "saved.tar").write_text("what was there before")
        loaded("save", "-o", scratch / "saved.tar", "made:1").refused_with(125, f"the file 'a/file' {how}", hint="image verify")
        assert (scratch / "saved.tar").read_text() == "what was there before"
        assert [path.name for path in scratch.iterdir() if path.name.startswith("saved")] == ["saved.tar"]

    def test_a_record_that_was_changed(self, loaded, scratch):
        for record in loaded.root.glob("layers/*/tar-record"):
            record.write_bytes(record.read_bytes()[:-8])
        loaded("save", "-o", scratch / "saved.tar", "made:1").refused_with(125, "the record of the archive of layer")
        for record in loaded.root.glob("layers/*/tar-record"):
            record.unlink()
        loaded("save", "-o", scratch / "saved.tar", "made:1").refused_with(125, "the record of the archive of layer", "is gone", hint="load it again")
        assert not (scratch / "saved.tar").exists()

    @pytest.mark.parametrize("words, sentence", [
        ([], "minirun save takes the images that are to be saved"), (["nope"], "there is no image 'nope' in the store"),
        (["made:2"], "there is no image 'made:2' in the store"), (["--format", "zip", "made:1"], "--format 'zip': there are docker-archive and oci-archive"),
        (["-o", "/", "made:1"], "'/' is a directory, not a file"), (["-o", "/nowhere/x", "made:1"], "cannot make a file beside '/nowhere/x': No such file or directory")])
    def test_what_it_refuses(self, loaded, words, sentence):
        result = loaded("save", *words)
        assert result.code == 125 and result.out == "" and result.err.startswith("minirun: " + sentence)
