"""minirun import and minirun load of a bundle: directories and archives of them become images."""
import gzip
import json
import os
import subprocess
import tarfile

import pytest

from archives import digest, docker_archive, hardlink, layer
from bundles import OPAQUE, WHITEOUT, Device, Directory, File, Hardlink, Link, make_tree


def imported(minirun, *words, **options):
    said = minirun("import", *words, **options).ok().out
    assert said.startswith("sha256:")
    return json.loads(minirun("image", "inspect", said.strip()).ok().out)[0]


class TestImport:
    def test_an_archive(self, minirun, scratch, base):
        (scratch / "root.tar").write_bytes(base)
        image = imported(minirun, "--change", 'CMD ["echo", "it runs"]', "-m", "by hand", scratch / "root.tar", "my/image:2")
        assert (image["RepoTags"], image["Comment"], image["RootFS"]["Layers"]) == (["my/image:2"], "by hand", [digest(base)])
        assert minirun.run("my/image:2").ok().out == "it runs\n"

    def test_from_a_pipe_and_compressed(self, minirun, scratch, base):
        (scratch / "root.tar.gz").write_bytes(gzip.compress(base))
        with open(scratch / "root.tar.gz", "rb") as file:
            minirun.start("import", "-", "piped", stdin=file).finish().ok()
        minirun.run("piped", "true").ok()
        assert imported(minirun, scratch / "root.tar.gz")["RootFS"]["Layers"] == [digest(base)]

    def test_a_directory(self, minirun, scratch, base_layer):
        """All of it, with what stat(2) tells, and the same archive each time."""
        source = make_tree(scratch / "source", {
            "d": Directory(0o1750, 5, 6), "d/setuid": File("x", 0o4755, 7), "d/again": Hardlink("d/setuid"), "l": Link("d/setuid"), "null": Device("c", 1, 3),
            "pipe": Device("p", 0, 0), "ünï": "u", os.fsdecode(b"caf\xe9"): "not utf-8", "/".join(["deep" * 30] * 5) + "/f": "f", "big": os.urandom(3 << 20),
            "empty": ""})
        os.setxattr(source / "big", "user.a", b"b")
        os.setxattr(source / "big", "trusted.overlay.redirect", b"/")
        os.utime(source / "d", ns=(1, 1234567890123456789))
        os.chmod(source, 0o711)
        image = imported(minirun, source, "dir")
        look = ["find", ".", "-printf", r"%p %y %m %U %G %n %T@ %l\n"]
        (tree,) = minirun.root.glob("layers/*/tree")
        listed = [sorted(subprocess.run(look, cwd=place, capture_output=True, check=True).stdout.splitlines()) for place in (source, tree)]
        assert listed[0] == listed[1]
        assert subprocess.run(["diff", "-r", "--no-dereference", source / "d", tree / "d"]).returncode == 0
        assert (tree / "big").read_bytes() == (source / "big").read_bytes() and os.listxattr(tree / "big") == ["user.a"]
        assert imported(minirun, source)["RootFS"] == image["RootFS"]

    def test_no_mount_and_no_socket(self, minirun, scratch):
        source = make_tree(scratch / "source", {"m/below": "", "f": ""})
        before = ["unshare", "--mount", "sh", "-ec", f'mount -t tmpfs t {source}/m; echo other > {source}/m/other; exec "$@"', "sh"]
        minirun("import", source, "x", before=before).ok()
        (tree,) = minirun.root.glob("layers/*/tree")
        assert sorted(os.listdir(tree)) == ["f", "m"] and os.listdir(tree / "m") == []

    def test_more_levels_than_descriptors(self, minirun, scratch):
        deep = scratch / "source"
        deep.mkdir()
        here = os.open(deep, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
        few = ["prlimit", "--nofile=1024:"]
        minirun("import", deep, "x", before=few).ok()
        (tree,) = minirun.root.glob("layers/*/tree")
        assert subprocess.run(["find", tree, "-name", "last"], capture_output=True).stdout.count(b"\n") == 1
        minirun("import", deep, "y", before=["prlimit", "--nofile=500:500"]).refused_with(125, "Too many open files")
        subprocess.run(["rm", "-rf", deep], check=True)

    def test_what_is_no_utf8(self, minirun, scratch):
        source = make_tree(scratch / "source", {"x": ""})
        for option in ("-m", "-c"):
            minirun("import", option, os.fsdecode(b"ENV A=\xff"), source).refused_with(125, "is no UTF-8")
        odd = make_tree(scratch / os.fsdecode(b"odd\xff"), {"x": ""})
        minirun("import", odd, "x").ok()

    def test_not_the_store_itself(self, minirun, scratch):
        """As with `minirun import /`."""
        (scratch / "file").write_text("x")
        minirun("import", scratch, "x").ok()
        (tree,) = minirun.root.glob("layers/*/tree")
        assert (tree / "file").exists() and os.listdir(tree / "root") == []

    @pytest.mark.parametrize("change, key, value", [
        ("CMD echo $HOME", "Cmd", ["/bin/sh", "-c", "echo $HOME"]), ('cmd ["a", "b c"]', "Cmd", ["a", "b c"]), ('ENTRYPOINT ["/x"]', "Entrypoint", ["/x"]),
        ("ENV A=1 B='2 3' C=\"4\\\"\"", "Env", ["A=1", "B=2 3", 'C=4"']), ("ENV A the rest of it", "Env", ["A=the rest of it"]),
        ("EXPOSE 80 53/udp 8000-8002", "ExposedPorts", {"80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {}}), ("USER 5:6", "User", "5:6"),
        ('VOLUME ["/a", "/b c"]', "Volumes", {"/a": {}, "/b c": {}}), ("VOLUME /a /b", "Volumes", {"/a": {}, "/b": {}}),
        ("WORKDIR srv", "WorkingDir", "/srv"), ("STOPSIGNAL SIGQUIT", "StopSignal", "SIGQUIT"), ('LABEL a=b "c d"=e', "Labels", {"a": "b", "c d": "e"}),
        ("HEALTHCHECK NONE", "Healthcheck", {"Test": ["NONE"]}), ("HEALTHCHECK CMD curl -f x || exit 1", "Healthcheck", {"Test": ["CMD-SHELL", "curl -f x || exit 1"]}),
        ('HEALTHCHECK --interval=1m30s --retries=5 --start-period=500ms CMD ["a", "b"]', "Healthcheck",
         {"Interval": 90 * 10**9, "Retries": 5, "StartPeriod": 5 * 10**8, "Test": ["CMD", "a", "b"]}),
        ("ONBUILD RUN make", "OnBuild", ["RUN make"])])
    def test_changes(self, minirun, scratch, change, key, value):
        assert imported(minirun, "-c", change, make_tree(scratch / "source", {"x": ""}))["Config"][key] == value

    @pytest.mark.parametrize("change, sentence", [
        ("RUN true", "unknown instruction 'RUN'"), ("CMD", "CMD has no value"), ("ENV A", "there is no value"), ("ENV A=1 B", "expected NAME=value, found 'B'"),
        ("EXPOSE x", "'x/tcp' is no port"), ("EXPOSE 80/x", "'80/x' is no port"), ("EXPOSE 90-80", "'90-80/tcp' is no port"), ("EXPOSE 1-2-3", "'1-2-3/tcp' is no port"), ("VOLUME a", "expected an absolute path, found 'a'"),
        ("STOPSIGNAL NO", "there is no signal 'NO'"),
        ("EXPOSE 0", "'0/tcp' is no port"), ("EXPOSE 65530-65536", "'65530-65536/tcp' is no port"), ("ONBUILD FROM x", "FROM cannot be triggered"),
        ("HEALTHCHECK true", "expected CMD and a command, or NONE alone"), ("HEALTHCHECK NONE x", "expected CMD"), ("HEALTHCHECK CMD", "expected CMD and"),
        ("HEALTHCHECK --interval=5 CMD x", "'--interval=5': expected a time of at least 1ms, such as 30s"), ("HEALTHCHECK --timeout=1us CMD x", "'--timeout=1us': expected a time"),
        ("HEALTHCHECK --retries=x CMD x", "'--retries=x': expected a number"), ("HEALTHCHECK --what=1 CMD x", "unknown option '--what=1'"), ('ENV A="b', "a quotation mark is not closed")])
    def test_changes_that_are_none(self, minirun, scratch, change, sentence):
        minirun("import", "-c", change, make_tree(scratch / "source", {"x": ""})).refused_with(125, f"--change '{change}': {sentence}")
        assert minirun("images", "-q").ok().out == ""

    def test_what_it_refuses(self, minirun, scratch):
        (scratch / "link.tar").write_bytes(layer(hardlink("a", "b")))
        (scratch / "junk").write_bytes(b"junk" * 1000)
        wh = make_tree(scratch / "wh", {"gone": WHITEOUT})
        named = make_tree(scratch / "named", {".wh.x": ""})
        for source, sentence in ((scratch / "link.tar", f"'{scratch}/link.tar': the entry 'a' is a hard link to 'b', which is not in the archive before it"),
                                 (scratch / "junk", f"'{scratch}/junk' is no tar archive"), (scratch / "none", f"there is no file or directory '{scratch}/none'"),
                                 (wh, f"'{wh}/gone' is a 0/0 device"), (named, f"'{named}/.wh.x' has a name that an archive of a layer cannot hold")):
            minirun("import", source, "x").refused_with(125, sentence)
        minirun("import").refused_with(125, "minirun import takes a file, a directory or -")
        minirun("import", wh, "Not A Name").refused_with(125, "Not A Name")
        assert minirun("images", "-q").ok().out == "" and os.listdir(minirun.root / "layers") == []


class TestBundle:
    def test_it_runs_and_looks_the_same(self, minirun, bundle):
        image = bundle({"Cmd": ["sh", "-c", "cd /x; find . | sort; cat d/new"]}, layers=[
            {"x/gone": "", "x/d/old": "", "x/o/old": "", "x/kept": ""}, {"x/gone": WHITEOUT, "x/o": OPAQUE, "x/o/new": "", "x/d/new": "new\n"}])
        assert minirun("load", image).ok().out == f"Loaded image: {image.name}:latest\n"
        assert minirun.run(f"{image.name}:latest").ok().out == minirun.run(image).ok().out
        minirun("load", image).ok()
        assert len(minirun("images", "-q").ok().lines) == 1

    def test_it_goes_on_to_others(self, minirun, other, scratch, bundle):
        image = bundle({"Cmd": ["ls", "/x"]}, layers=[{"x/gone": "", "x/kept": ""}, {"x/gone": WHITEOUT}])
        minirun("load", "-t", "name:1", image).ok()
        minirun("save", "-o", scratch / "saved.tar", "name:1").ok()
        with tarfile.open(scratch / "saved.tar") as tar:
            upper = tar.extractfile(json.load(tar.extractfile("manifest.json"))[0]["Layers"][-1])
            assert sorted(tarfile.open(fileobj=upper).getnames()) == [".", "x", "x/.wh.gone"]
        other("load", "-q", scratch / "saved.tar").ok()
        assert other.run("name:1").ok().out == "kept\n"

    @pytest.mark.parametrize("attribute", ["trusted.overlay.redirect", "trusted.overlay.metacopy"])
    def test_layers_that_are_not_whole(self, minirun, bundle, attribute):
        image = bundle(layers=[{"x/file": "text"}])
        (tree,) = image.glob("layers/*/x")
        os.setxattr(tree / "file" if "metacopy" in attribute else tree, attribute, b"y")
        minirun("load", image).refused_with(125, f"has the attribute {attribute}", hint="metacopy=off")

    def test_what_is_no_images(self, minirun, runtime_bundle):
        _, image = runtime_bundle(["true"])
        minirun("load", image.path).refused_with(125, "is not an image's config, so it makes no image")


class TestPipesAndBombs:
    def test_what_is_no_archive_is_not_read_to_its_end(self, minirun):
        with open("/dev/zero") as zeros:
            minirun.start("load", stdin=zeros).finish().refused_with(125, "the archive on standard input holds no image")

    def test_a_bomb(self, minirun, scratch):
        """Not the layers but the archive itself."""
        made = scratch / "bomb.tar"
        with open(made, "wb") as file:
            info = tarfile.TarInfo("zeros")
            info.size = 1100 << 20
            file.write(info.tobuf())
            file.truncate((1100 << 20) + 10240)
        subprocess.run(f"gzip -1 {made}", shell=True, check=True)
        minirun("load", scratch / "bomb.tar.gz").refused_with(125, "grows to more than 200 times its size", hint="--max-ratio")
        assert os.listdir(minirun.root / "staging") == []

    @pytest.mark.parametrize("platform, sentence", [("linux/none", "the image is for linux/"), ("foo", "--platform 'foo': expected OS/ARCHITECTURE"),
                                                    ("linux/", "--platform 'linux/': expected OS/ARCHITECTURE")])
    def test_another_platform(self, minirun, scratch, base, platform, sentence):
        minirun("load", "--platform", platform, docker_archive(scratch / "1.tar", [base])).refused_with(125, sentence)
