"""Names are the bytes that the archive has, and hard links lead to what was there when they came."""
import os
import subprocess
import tarfile

import pytest

from archives import docker_archive, entry, hardlink, layer, symlink
from test_load import tree_of, what_was_loaded_can_be_saved  # noqa: F401


class TestNamesAreBytes:
    COMPOSED, DECOMPOSED, LATIN = "caf\u00e9", "cafe\u0301", "caf\udce9"

    @pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    def test_two_normal_forms_are_two_names(self, minirun, scratch, format):
        made = layer(entry(self.COMPOSED, "composed"), entry(self.DECOMPOSED, "decomposed"), symlink("l", self.DECOMPOSED), hardlink("h", self.DECOMPOSED),
                     entry("d" * 120 + self.DECOMPOSED), entry("d" * 120 + self.DECOMPOSED + "/x", "x"), format=format)
        minirun("load", "-q", docker_archive(scratch / "made.tar", [made])).ok()
        tree = tree_of(minirun, made)
        assert sorted(os.listdir(tree)) == sorted([self.COMPOSED, self.DECOMPOSED, "l", "h", "d" * 120 + self.DECOMPOSED])
        assert ((tree / self.COMPOSED).read_text(), (tree / "h").read_text()) == ("composed", "decomposed")
        assert os.readlink(tree / "l") == self.DECOMPOSED
        assert minirun("image", "verify").ok().out == "1 image, 1 layer: no difference\n"

    def test_no_utf8_in_pax_headers(self, minirun, scratch):
        """As GNU tar and Go write it."""
        place = scratch / "source"
        place.mkdir()
        name = os.fsencode(self.LATIN) + b"x" * 120
        (place / os.fsdecode(name)).write_text("latin")
        os.symlink(name, os.fsencode(place / "l"))
        subprocess.run(["tar", "--format=pax", "-C", place, "-cf", scratch / "s.tar", "."], check=True)
        made = (scratch / "s.tar").read_bytes()
        minirun("load", "-q", docker_archive(scratch / "made.tar", [made])).ok()
        tree = tree_of(minirun, made)
        assert sorted(os.listdir(os.fsencode(tree))) == [name, b"l"] and os.readlink(os.fsencode(tree / "l")) == name

    def test_with_holes(self, minirun, scratch):
        with open(scratch / self.DECOMPOSED, "wb") as file:
            file.seek(5 << 20)
            file.write(b"end")
        subprocess.run(["tar", "--sparse", "--format=pax", "-C", scratch, "-cf", scratch / "s.tar", self.DECOMPOSED], check=True)
        made = (scratch / "s.tar").read_bytes()
        minirun("load", "-q", docker_archive(scratch / "made.tar", [made])).ok()
        assert (tree_of(minirun, made) / self.DECOMPOSED).read_bytes() == (scratch / self.DECOMPOSED).read_bytes()

    def test_imported_and_saved(self, minirun, scratch):
        source = scratch / "source"
        for name in (self.COMPOSED, self.DECOMPOSED, self.LATIN):
            (source / name).mkdir(parents=True)
        minirun("import", source, "x").ok()
        (tree,) = minirun.root.glob("layers/*/tree")
        assert sorted(os.listdir(tree)) == sorted([self.COMPOSED, self.DECOMPOSED, self.LATIN])

    def test_a_header_that_is_half_understood_is_still_refused(self, minirun, scratch):
        made = layer(entry("ok", "x")) [:1024] + layer(entry(self.DECOMPOSED, "x"))
        damaged = made.replace(b" path=", b" path", 1)
        assert damaged != made
        minirun("load", "-q", docker_archive(scratch / "made.tar", [damaged])).refused_with(125, "is corrupt at byte")


class TestLinksBelow:
    BELOW = [entry("d", mode=0o751, pax={"mtime": "5"}), entry("d/old", "below", mode=0o640, uid=5), entry("d/other", "o")]

    @pytest.mark.parametrize("entries, expected", [
        ([hardlink("h", "d/old"), entry("d/old", "new")], "below 1, new 1"), ([hardlink("h", "d/old"), hardlink("i", "d/old"), entry("d/old", "new")], "below 2, new 1"),
        ([hardlink("h", "d/old"), entry("d/.wh.old", "")], "below 1"), ([hardlink("h", "d/old"), entry(".wh.d", "")], "below 1"),
        ([hardlink("h", "d/old"), entry(".wh.d", ""), entry("d"), entry("d/new", "n")], "below 1"), ([hardlink("h", "d/old"), entry("d/.wh..wh..opq", "")], "below 1"),
        ([hardlink("h", "d/old"), entry("d", "file")], "below 1"), ([hardlink("h", "d/old")], "below 2, below 2"),
        ([hardlink("h", "d/old"), entry("d/old", "new"), hardlink("j", "d/old")], "below 1, new 2"), ([hardlink("h", "d/old"), symlink("d/old", "other")], "below 1, o 1"),
    ], ids=["replaced", "twice", "deleted", "with its directory", "and made again", "opaque", "no directory any more", "left alone", "linked again", "a link now"])
    def test_what_comes_later_in_the_archive(self, minirun, scratch, base, entries, expected):
        """The link was to what the layers below have, whatever becomes of that name."""
        minirun("load", "-q", docker_archive(scratch / "made.tar", [base, layer(*self.BELOW), layer(*entries)])).ok()
        script = "for f in /h /d/old; do [ ! -f $f ] || echo $(cat $f) $(stat -Lc %h $f); done"
        assert ", ".join(minirun.run("made:1", "sh", "-c", script).ok().lines) == expected
        assert minirun.run("made:1", "stat", "-c", "%a %u", "/h").ok().out == "640 5\n"
        assert minirun("image", "verify").ok().out == "1 image, 3 layers: no difference\n"
