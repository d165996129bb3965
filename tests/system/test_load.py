"""minirun load: images of others, in the store and running; and what hostile or damaged archives get."""
import bz2
import gzip
import json
import lzma
import os
import random
import stat
import struct
import subprocess
import tarfile
import time

import pytest

from archives import config_of, digest, docker_archive, entry, hardlink, layer, oci_layout, symlink
from bundles import ARCHITECTURE
from harness import FIXTURES, need
from test_docker_image import DOCKER_RUN, MOUNT_POINTS, VOLUME, merged_view, no_ports, without_times

SAMPLE = FIXTURES / "sample.docker.tar"


def store_of(minirun):
    """Everything in the store, by name: what is compared before and after."""
    names = sorted(str(path.relative_to(minirun.root)) for place in ("images", "layers", "tags", "staging")
                   for path in (minirun.root / place).rglob("*"))
    return [name for name in names if name != "staging"]


def tree_of(minirun, data):
    """The directory of a layer that needs no others."""
    return minirun.root / "layers" / digest(data).replace(":", "-") / "tree"


@pytest.fixture(autouse=True)
def what_was_loaded_can_be_saved(minirun):
    """After each test: `minirun save` makes of every layer the archive it came as, and checks that by its digest."""
    yield
    for image in (minirun.root / "images").glob("*"):
        minirun("save", "-o", "/dev/null", image.name).ok()


class TestSample:
    def test_it_runs_and_looks_as_under_docker(self, minirun):
        need(SAMPLE, "the fixtures belong into ../shared/fixtures, beside the checkout")
        assert minirun("load", "-q", SAMPLE).ok().out == "Loaded image: sample:1.0\n"
        assert no_ports(minirun.run("sample:1.0")) == DOCKER_RUN
        truth = (FIXTURES / "sample.truth").read_text().splitlines()
        listed = merged_view(minirun, "sample:1.0", env={})
        added = [line for line in listed if line not in set(truth)]
        assert without_times(added) == MOUNT_POINTS | VOLUME
        assert [line for line in listed if line not in added] == truth

    def test_its_id_and_size_are_dockers(self, minirun):
        minirun("load", "-q", "-i", SAMPLE).ok()
        inspected = json.loads((FIXTURES / "sample.inspect.json").read_text())[0]
        facts = json.loads(minirun("images", "--no-trunc", "--format", "json").ok().out)
        assert facts["ID"] == inspected["Id"]
        (image,) = (minirun.root / "images").iterdir()
        assert os.readlink(image / "facts") == f"{inspected['Size']} {inspected['Created']}"

    @pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["tar", "gz", "bz2", "xz"])
    def test_compressed_and_from_a_pipe(self, minirun, scratch, compress):
        (scratch / "archive").write_bytes(compress(SAMPLE.read_bytes()))
        for how in ([scratch / "archive"], []):
            with open(scratch / "archive", "rb") as file:
                pipe = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
                assert minirun.start("load", "-q", *how, stdin=pipe.stdout).finish().ok().out == "Loaded image: sample:1.0\n"
                pipe.stdout.close()
                pipe.wait()

    def test_again_it_costs_no_layer(self, minirun):
        minirun("load", "-q", SAMPLE).ok()
        before = {path: path.stat().st_ino for path in (minirun.root / "layers").iterdir()}
        assert minirun("load", SAMPLE).ok().out == "Loaded image: sample:1.0\n"  # without -q: no layer is told of
        assert {path: path.stat().st_ino for path in (minirun.root / "layers").iterdir()} == before


class TestFormats:
    @pytest.mark.parametrize("compress, media_type", [
        (bytes, "application/vnd.oci.image.layer.v1.tar"), (gzip.compress, "application/vnd.oci.image.layer.v1.tar+gzip"),
        (gzip.compress, "application/vnd.docker.image.rootfs.diff.tar.gzip")], ids=["plain", "oci gzip", "docker gzip"])
    def test_an_oci_layout(self, minirun, scratch, base, compress, media_type):
        image = oci_layout(scratch / "oci", [base, layer(entry("new", "text"))], compress=compress, media_type=media_type)
        assert minirun("load", "-q", image).ok().out == "Loaded image: made:1\n"
        assert minirun.run("made:1", "cat", "/new").ok().out == "text"

    @pytest.mark.parametrize("reference, name", [("1.5", "box:1.5"), ("a/b:c", "a/b:c"), ("No!", None)])
    def test_names_of_an_oci_layout(self, minirun, scratch, base, reference, name):
        out = minirun("load", "-q", oci_layout(scratch / "box", [base], name=reference)).ok().out
        assert out == f"Loaded image: {name}\n" if name else out.startswith("Loaded image ID: sha256:")

    def test_a_platform(self, minirun, scratch, base):
        other = {"os": "linux", "architecture": "riscv64" if ARCHITECTURE != "riscv64" else "amd64"}
        image = oci_layout(scratch / "oci", [base], platforms=[other])
        minirun("load", image).refused_with(125, f"has no image for linux/{ARCHITECTURE}; it has linux/{other['architecture']}",
                                            hint="--platform chooses another one")
        minirun("load", "-q", "--platform", f"linux/{other['architecture']}", image).ok()
        minirun.run("made:1", "true").refused_with(125, other["architecture"])

    def test_several_images_share_their_layers(self, minirun, scratch, base):
        def both(files):
            files["second.json"] = json.dumps(config_of([base, second])).encode()
            files["2/layer.tar"] = second
            manifest = json.loads(files["manifest.json"])
            manifest.append({"Config": "second.json", "RepoTags": ["two:2", "three"], "Layers": ["0/layer.tar", "2/layer.tar"]})
            return files | {"manifest.json": json.dumps(manifest).encode()}
        first, second = layer(entry("a", "1")), layer(entry("b", "2"))
        archive = docker_archive(scratch / "both.tar", [base, first], change=both)
        assert minirun("load", "-q", archive).ok().out == "Loaded image: made:1\nLoaded image: two:2\nLoaded image: three:latest\n"
        assert len(list((minirun.root / "layers").iterdir())) == 3
        assert minirun.run("made:1", "ls", "/a").ok().out == "/a\n"
        assert minirun.run("three", "ls", "/b").ok().out == "/b\n"

    def test_a_tag_of_ones_own(self, minirun, scratch, base):
        archive = docker_archive(scratch / "a.tar", [base], names=())
        out = minirun("load", "-q", "-t", "mine", archive).ok().out
        assert out == "Loaded image: mine:latest\n"
        assert minirun.run("mine", "echo", "ran").ok().out == "ran\n"
        image = minirun("images", "-q").ok().out
        assert minirun.run(image[:6], "echo", "ran").ok().out == "ran\n"


class TestLayers:
    def loaded(self, minirun, scratch, *layers):
        minirun("load", "-q", docker_archive(scratch / "made.tar", layers)).ok()

    def test_everything_that_a_tar_can_carry(self, minirun, scratch):
        long = "/".join(["d" * 100] * 8)
        made = layer(entry("dir", mode=0o1750, uid=5, gid=6), entry("dir/setuid", "x", mode=0o4755, uid=7), entry("dir/empty", ""),
                     symlink("link", "dir/setuid"), symlink("abs", "/nowhere"), hardlink("hard", "dir/setuid"),
                     entry("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666), entry("loop", type=tarfile.BLKTYPE, device=(7, 0)),
                     entry("pipe", type=tarfile.FIFOTYPE), entry(long + "/file", "deep"), entry("ünï/x", "u"), entry("./dot//x", "d"),
                     entry("time", "t", pax={"mtime": "1000000000.25"}), entry("xattr", "x", pax={"SCHILY.xattr.user.a": "b"}))
        self.loaded(minirun, scratch, made)
        (place,) = (minirun.root / "layers").iterdir()
        tree = place / "tree"
        look = lambda name: os.lstat(tree / name)
        assert (stat.S_IMODE(look("dir").st_mode), look("dir").st_uid, look("dir").st_gid) == (0o1750, 5, 6)
        assert (stat.S_IMODE(look("dir/setuid").st_mode), look("dir/setuid").st_uid) == (0o4755, 7)
        assert look("hard").st_ino == look("dir/setuid").st_ino
        assert (os.readlink(tree / "link"), os.readlink(tree / "abs")) == ("dir/setuid", "/nowhere")
        assert (stat.S_ISCHR(look("null").st_mode), look("null").st_rdev) == (True, os.makedev(1, 3))
        assert stat.S_ISBLK(look("loop").st_mode) and stat.S_ISFIFO(look("pipe").st_mode)
        assert ((tree / long / "file").read_text(), (tree / "ünï/x").read_text(), (tree / "dot/x").read_text()) == ("deep", "u", "d")
        assert look("time").st_mtime_ns == 1000000000250000000
        assert os.getxattr(tree / "xattr", "user.a") == b"b"

    def test_a_default_acl_is_for_what_is_made_later(self, minirun, scratch, base):
        """What the archive has in the directory does not inherit it, wherever the tree is made or copied to."""
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in [
            (1, 7, 2**32 - 1), (2, 7, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 5, 2**32 - 1)])
        pax = {"SCHILY.xattr.system.posix_acl_default": acl.decode("utf-8", "surrogateescape")}
        (scratch / "root").mkdir()
        os.setxattr(scratch / "root", "system.posix_acl_default", acl)
        below = layer(entry("d", pax=pax), entry("d/f", "x", mode=0o640), entry("d/sub", mode=0o2750, gid=7), entry("d/sub/g", "y"), entry("d/sub/h"))
        above = layer(hardlink("d/sub/new", "d/f"))
        self.loaded(minirun, scratch, below, above)
        minirun("image", "unpack", "made:1", scratch / "root/bundle").ok()
        trees = [*minirun.root.glob("layers/*/tree"), *(scratch / "root/bundle/layers").iterdir()]
        assert len(trees) == 4
        for tree in trees:
            found = {str(path.relative_to(tree)): os.listxattr(path) for path in [tree, *tree.rglob("*")]}
            assert {path for path, attributes in found.items() if attributes} == {"d"} and found["d"] == ["system.posix_acl_default"]
            assert stat.S_IMODE((tree / "d/f").stat().st_mode) == 0o640
        assert all((tree / "d/sub").stat().st_gid == 7 for tree in trees)

    def test_names_that_are_no_utf8(self, minirun, scratch):
        made = layer(entry("caf\udce9", "x"), format=tarfile.GNU_FORMAT)
        self.loaded(minirun, scratch, made)
        assert os.listdir(os.fsencode(tree_of(minirun, made))) == [b"caf\xe9"]

    def test_sparse_files_stay_sparse(self, minirun, scratch):
        with open(scratch / "sparse", "wb") as file:
            file.seek(50 << 20)
            file.write(b"end")
        subprocess.run(["tar", "--sparse", "--format=pax", "-C", scratch, "-cf", scratch / "s.tar", "sparse"], check=True)
        made = (scratch / "s.tar").read_bytes()
        self.loaded(minirun, scratch, made)
        found = (tree_of(minirun, made) / "sparse").stat()
        assert found.st_size == (50 << 20) + 3 and found.st_blocks * 512 < 1 << 20

    @pytest.mark.parametrize("key", ["SCHILY.realsize", "GNU.sparse.realsize"])
    @pytest.mark.parametrize("size, sentence", [(0, "has more content than it says"), (9000, "has less content than it says")])
    def test_sizes_that_disagree(self, minirun, scratch, key, size, sentence):
        made = layer(entry("a", "x" * 600, pax={key: str(size)}), entry("b", "y" * 20000))
        minirun("load", "-q", docker_archive(scratch / "made.tar", [made])).refused_with(125, "the entry 'a' " + sentence)
        assert minirun("images", "-q").ok().out == ""

    def test_below_what_was_deleted(self, minirun, scratch, base):
        """A directory that comes again without an entry of its own."""
        made = [base, layer(entry("a"), entry("a/old", "o")), layer(entry(".wh.a", ""), entry("a/new", "n"))]
        minirun("load", "-q", docker_archive(scratch / "made.tar", made)).ok()
        assert minirun.run("made:1", "ls", "/a").ok().out == "new\n"

    def test_much_that_is_no_content(self, minirun, scratch):
        made = layer(entry("a", "x")) + os.urandom(3 << 20)
        minirun("load", "-q", "--max-size", "2m", docker_archive(scratch / "made.tar", [made])).refused_with(125, "too much that is no file's content", hint="--max-size")

    def test_all_holes(self, minirun, scratch):
        (scratch / "holes").touch()
        os.truncate(scratch / "holes", 5 << 20)
        for form in ("gnu", "pax"):
            subprocess.run(["tar", "--sparse", f"--format={form}", "-C", scratch, "-cf", scratch / "s.tar", "holes"], check=True)
            minirun("load", "-q", docker_archive(scratch / "made.tar", [(scratch / "s.tar").read_bytes()], names=[form])).ok()

    def test_what_is_deleted(self, minirun, scratch, base):
        below = layer(entry("d"), entry("d/old", "o"), entry("e"), entry("e/old", "o"), entry("f", "f"), entry("g"), entry("g/old", "o"))
        above = layer(entry(".wh.f", ""), entry("d/.wh..wh..opq", ""), entry("d/new", "n"), entry(".wh.e", ""), entry("e"), entry("e/new", "n"),
                      entry("g/new", "n"), entry(".wh.g", ""), entry(".wh..wh.plnk", ""))
        self.loaded(minirun, scratch, base, below, above)
        found = minirun.run("made:1", "sh", "-c", "ls -d /f 2>/dev/null; ls /d /e /g").ok().out
        assert found == "/d:\nnew\n\n/e:\nnew\n\n/g:\nnew\n"

    def test_the_later_of_two_entries_counts(self, minirun, scratch):
        made = layer(entry("a", "1"), entry("a", "2"), entry("b"), entry("b/x", "x"), entry("b", "file"), entry("c", "file"), entry("c"),
                     entry("c/y", "y"))
        self.loaded(minirun, scratch, made)
        tree = tree_of(minirun, made)
        assert ((tree / "a").read_text(), (tree / "b").read_text(), (tree / "c/y").read_text()) == ("2", "file", "y")

    def test_a_directory_that_the_archive_omits(self, minirun, scratch, base):
        """It must look as in the layers below, and so differs between two images with the same upper layer."""
        upper = layer(entry("var/spool/new", "n"))
        one = layer(entry("var", mode=0o711, uid=3), entry("var/spool", mode=0o1777, gid=8))
        two = layer(entry("var", mode=0o750))
        minirun("load", "-q", docker_archive(scratch / "1.tar", [base, one, upper], names=["one"])).ok()
        minirun("load", "-q", docker_archive(scratch / "2.tar", [base, two, upper], names=["two"])).ok()
        look = lambda image: minirun.run(image, "stat", "-c", "%a %u %g", "/var", "/var/spool").ok().out
        assert look("one") == "711 3 0\n1777 0 8\n"
        assert look("two") == "750 0 0\n755 0 0\n"

    def test_both_at_once(self, minirun, scratch, base):
        upper, one, two = layer(entry("var/new", "n")), layer(entry("var", mode=0o711)), layer(entry("var", mode=0o750))

        def both(files):
            files |= {"2.json": json.dumps(config_of([base, two, upper])).encode(), "2/layer.tar": upper, "two/layer.tar": two}
            manifest = json.loads(files["manifest.json"])
            manifest.append({"Config": "2.json", "RepoTags": ["two"], "Layers": ["0/layer.tar", "two/layer.tar", "2/layer.tar"]})
            return files | {"manifest.json": json.dumps(manifest).encode()}
        minirun("load", "-q", docker_archive(scratch / "1.tar", [base, one, upper], names=["one"], change=both)).ok()
        assert [minirun.run(image, "stat", "-c", "%a", "/var").ok().out for image in ("one", "two")] == ["711\n", "750\n"]

    def test_a_hard_link_to_a_layer_below(self, minirun, scratch, base):
        below = layer(entry("data", mode=0o700, uid=4), entry("data/file", "content", mode=0o640, uid=5))
        self.loaded(minirun, scratch, base, below, layer(hardlink("again", "data/file")))
        out = minirun.run("made:1", "sh", "-c", "cat /again; stat -c '%a %u %h' /again; stat -c '%a %u' /data; [ /again -ef /data/file ] && echo same").ok().out
        assert out == "content640 5 2\n700 4\nsame\n"


class TestHostile:
    @pytest.fixture(autouse=True)
    def outside(self, scratch):
        """A file that no archive may reach, beside the store."""
        (scratch / "root").mkdir()
        (scratch / "outside").write_text("untouched")
        yield
        assert (scratch / "outside").read_text() == "untouched"
        assert sorted(path.name for path in scratch.iterdir()) == ["hostile.tar", "outside", "root"]

    @pytest.mark.parametrize("entries, sentence", [
        ([entry("../outside", "x")], "leaves the layer: '../outside'"),
        ([entry("a/../../outside", "x")], "leaves the layer"),
        ([entry("a"), entry("a/..", "x")], "leaves the layer"),
        ([symlink("out", "../../../.."), entry("out/outside", "x")], "lies below 'out', which is no directory in this layer"),
        ([symlink("a", "/"), entry("a/etc/x", "x")], "lies below"),
        ([entry("f", "x"), entry("f/g", "x")], "lies below 'f'"),
        ([hardlink("h", "../../../../outside")], "leaves the layer"),
        ([symlink("s", "../../.."), hardlink("h", "s/outside")], "is a hard link through a symbolic link"),
        ([hardlink("h", "h")], "is a hard link to itself"),
        ([hardlink("h", "nothing")], "is a hard link to 'nothing', which is neither in this layer before it nor below it"),
        ([entry("d"), hardlink("h", "d")], "is a hard link to the directory"),
        ([entry(".", "x")], "names the root of the layer"),
        ([entry("x", type=tarfile.CHRTYPE, device=(0, 0))], "is a 0/0 device"),
        ([entry(".wh.", "")], "deletes nothing that has a name"),
        ([entry(".wh...", "")], "deletes nothing that has a name"),
        ([entry("/".join(["d"] * 2048), "x")], "lies more than 2000 directories deep"),
        ([entry("n" * 300, "x")], "has a name of more than 255 bytes"),
    ], ids=lambda value: value if isinstance(value, str) else "")
    def test_entries(self, minirun, scratch, entries, sentence):
        archive = docker_archive(scratch / "hostile.tar", [layer(*entries)])
        minirun("load", "-q", archive).refused_with(125, sentence)
        assert store_of(minirun) == ["images", "layers", "tags"] or store_of(minirun) == []

    def test_attributes_of_overlayfs_are_left_out(self, minirun, scratch):
        made = layer(entry("d", pax={"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.opaque": "y",
                                     "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.kept": "k"}))
        minirun("load", "-q", docker_archive(scratch / "hostile.tar", [made])).ok()
        assert os.listxattr(tree_of(minirun, made) / "d") == ["user.kept"]

    def test_absolute_names_stay_inside(self, minirun, scratch):
        made = layer(entry("/etc/x", "x"), hardlink("/y", "/etc/x"))
        minirun("load", "-q", docker_archive(scratch / "hostile.tar", [made])).ok()
        (place,) = (minirun.root / "layers").iterdir()
        assert (place / "tree/y").read_text() == (place / "tree/etc/x").read_text() == "x"

    def test_too_much(self, minirun, scratch):
        archive = docker_archive(scratch / "hostile.tar", [layer(entry("a", "x" * 100000), *(entry(name, "x") for name in "bcd"))])
        minirun("load", "-q", "--max-size", "50k", archive).refused_with(125, "unpacks to more than 50 KiB", hint="--max-size")
        minirun("load", "-q", "--max-entries", "3", archive).refused_with(125, "has more than 3 entries", hint="--max-entries")

    def test_a_bomb(self, minirun, scratch):
        """Two GiB of zeros in two MB, as an entry that says so truly."""
        head = layer(entry("zeros", ""))[:512]
        info = tarfile.TarInfo("zeros")
        info.size = 2 << 30
        with gzip.open(scratch / "root/bomb", "wb", compresslevel=1) as out:
            out.write(info.tobuf())
            for _ in range(2 << 10):
                out.write(bytes(1 << 20))
        bomb = (scratch / "root/bomb").read_bytes()
        (scratch / "root/bomb").unlink()
        archive = docker_archive(scratch / "hostile.tar", [head], change=lambda files: files | {"0/layer.tar": bomb})
        minirun("load", "-q", archive).refused_with(125, "grows to more than 200 times its size by being decompressed", hint="--max-ratio")
        assert not list((minirun.root / "staging").iterdir())

    @pytest.mark.parametrize("change, sentence", [
        (lambda files: {}, "holds no image: it has neither manifest.json nor index.json"),
        (lambda files: files | {"manifest.json": b"{"}, "manifest.json"),
        (lambda files: files | {"manifest.json": b"[]"}, "expected an array of images"),
        (lambda files: files | {"manifest.json": b'[{"Config": 5, "Layers": []}]'}, "[0].Config: expected"),
        (lambda files: {name: data for name, data in files.items() if "layer" not in name}, "there is no '0/layer.tar'"),
        (lambda files: files | {"0/layer.tar": layer(entry("a", "changed"))}, "its DiffID is sha256:"),
        (lambda files: files | {"0/layer.tar": files["0/layer.tar"][:700]}, "0/layer.tar"),
        (lambda files: files | {"config.json": b'{"rootfs": {"diff_ids": ["sha256:00"]}}'}, "diff_ids"),
        (lambda files: files | {"config.json": b"{}"}, "config.json"),
    ], ids=range(9))
    def test_documents(self, minirun, scratch, change, sentence):
        archive = docker_archive(scratch / "hostile.tar", [layer(entry("a", "x"))], change=change)
        minirun("load", "-q", archive).refused_with(125, sentence)
        assert minirun("images", "-q").ok().out == ""

    def test_no_archive_at_all(self, minirun, scratch):
        (scratch / "hostile.tar").write_bytes(b"root:x:0:0:root:/root:/bin/sh\n" * 50)
        minirun("load", "-q", scratch / "hostile.tar").refused(125, f"'{scratch}/hostile.tar' is no tar archive")

    @pytest.mark.parametrize("cut", [100, 600, 2000, 3000])
    def test_cut_off(self, minirun, scratch, cut):
        archive = docker_archive(scratch / "hostile.tar", [layer(entry("a", "x" * 4000))])
        archive.write_bytes(archive.read_bytes()[:cut])
        minirun("load", "-q", archive).refused_with(125, "hostile.tar")


class TestOciDamage:
    def test_a_blob_that_was_changed(self, minirun, scratch, base):
        image = oci_layout(scratch / "oci", [base])
        blob = image / "blobs/sha256" / digest(base)[7:]
        blob.write_bytes(base[:-1] + b"x")
        minirun("load", "-q", image).refused_with(125, "its digest is sha256:", hint="damaged or was changed")
        blob.write_bytes(base[:-512])
        minirun("load", "-q", image).refused_with(125, f"has {len(base) - 512} bytes, not {len(base)}")

    def test_an_unknown_media_type(self, minirun, scratch, base):
        image = oci_layout(scratch / "oci", [base], media_type="application/x-what")
        minirun("load", "-q", image).refused_with(125, ".layers[0].mediaType: unknown media type 'application/x-what'")

    def test_blobs_are_no_links(self, minirun, scratch, base):
        image = oci_layout(scratch / "oci", [base])
        blob = image / "blobs/sha256" / digest(base)[7:]
        blob.rename(scratch / "elsewhere")
        blob.symlink_to(scratch / "elsewhere")
        minirun("load", "-q", image).refused_with(125, "there is no 'blobs/sha256/")


class TestCrash:
    def test_kill_at_any_moment(self, minirun, scratch, base):
        """An image is there whole or not at all, and what a killed load left is swept by the next one."""
        layers = [base, *(layer(*(entry(f"d{n}/f{i}", "x" * 2000) for i in range(60))) for n in range(4))]
        archive = docker_archive(scratch / "a.tar", layers)
        begin = time.monotonic()
        minirun("load", "-q", archive).ok()
        took = time.monotonic() - begin
        view = minirun.run("made:1", "find", "/", "-xdev").ok().out
        seen = {True: 0, False: 0}
        for _ in range(100):
            subprocess.run(["rm", "-rf", minirun.root], check=True)
            load = minirun.start("load", "-q", archive)
            time.sleep(random.uniform(0, took * 1.2))
            load.popen.kill()
            load.finish()
            whole = minirun("images", "-q").ok().out != ""
            seen[whole] += 1
            if whole and (minirun.root / "tags/docker.io%library%made:1").is_symlink():
                assert minirun.run("made:1", "find", "/", "-xdev").ok().out == view
        assert min(seen.values()) > 0, seen
        minirun("load", "-q", archive).ok()
        assert list((minirun.root / "staging").iterdir()) == []
        assert [path.name for path in (minirun.root / "tags").iterdir()] == ["docker.io%library%made:1"]
        assert minirun.run("made:1", "find", "/", "-xdev").ok().out == view

    def test_many_at_once(self, minirun, scratch, base):
        archive = docker_archive(scratch / "a.tar", [base, layer(entry("x", "x"))])
        loads = [minirun.start("load", "-q", archive) for _ in range(8)]
        for load in loads:
            assert load.finish().ok().out == "Loaded image: made:1\n"
        assert len(list((minirun.root / "layers").iterdir())) == 2
        assert list((minirun.root / "staging").iterdir()) == []
        assert minirun.run("made:1", "cat", "/x").ok().out == "x"


class TestNames:
    def test_close_ones_are_named(self, minirun, scratch, base):
        minirun("load", "-q", docker_archive(scratch / "a.tar", [base], names=["webserver:3", "team/webserver:1"])).ok()
        minirun.run("webserve", "true").refused_with(125, "there is no image 'webserve'", hint="'webserver:3'")
        minirun.run("team/webserver", "true").refused_with(125, "'team/webserver'", hint="'team/webserver:1'")

    def test_the_list(self, minirun, scratch, base):
        assert minirun("images").ok().out == "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n"
        minirun("load", "-q", docker_archive(scratch / "a.tar", [base], names=["b:2", "a:1"])).ok()
        (image,) = (minirun.root / "images").iterdir()
        head, *lines = minirun("images").ok().lines
        assert [line.split()[:3] for line in lines] == [["a", "1", image.name[:12]], ["b", "2", image.name[:12]]]
        assert minirun("images", "-q", "--no-trunc").ok().out == f"sha256:{image.name}\n"
        assert len(minirun("images", "b").ok().lines) == 2
        assert len(minirun("images", "b:1").ok().lines) == 1
