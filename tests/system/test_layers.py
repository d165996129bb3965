"""The overlay of the layers: how many, wherever they are, with every kind of change that a layer can make."""
import os
import subprocess
import sys

import pytest

from bundles import OPAQUE, WHITEOUT, Device, Directory, File, Hardlink, Link, make_tree
from harness import PROJECT, children


@pytest.fixture(params=["new mount API", "old mount call"])
def kernel(request):
    """The second is what kernels before 6.7 get: short names that link to the layers."""
    return {} if request.param == "new mount API" else {"MINIRUN_WITHOUT": "lowerdir+"}


@pytest.fixture(scope="module")
def many_layers(shared_bundles):
    """Each of the 500 has a file of its own, and a link that hides the one below."""
    layers = shared_bundles.directory_for("many")
    for number in range(1, 501):
        make_tree(layers / f"{number}", {f"file-{number}": "", "top": Link(f"{number}")})
    return layers


def links_to_layers(bundle, many_layers, count):
    image = bundle(config={"Cmd": ["sh", "-c", "ls / | grep -c file-; readlink /top; true"]})
    for number in range(1, count):
        (image / f"layers/{number:03}").symlink_to(many_layers / f"{number}")
    return image


@pytest.mark.parametrize("count", [1, 2, 40, 127, 500])
def test_many_layers(minirun, bundle, many_layers, kernel, count):
    image = links_to_layers(bundle, many_layers, count)
    assert minirun.run(image, env=kernel).ok().out == (f"{count - 1}\n{count - 1}\n" if count > 1 else "0\n")


@pytest.mark.parametrize("option", ["--tmpfs-upper", "--read-only"])
@pytest.mark.parametrize("count", [1, 2, 500])
def test_many_layers_under_another_top(minirun, bundle, many_layers, option, count):
    image = links_to_layers(bundle, many_layers, count)
    assert minirun.run(option, image).ok().out == (f"{count - 1}\n{count - 1}\n" if count > 1 else "0\n")


def test_one_layer_too_many(minirun, bundle, many_layers):
    image = links_to_layers(bundle, many_layers, 501)
    minirun.run(image, "true").refused(125, f"'{image}/layers' has 501 layers, more than the 500 that overlayfs takes")


# What overlayfs' old options cannot hold, and what shells and printf trip over.
ODD_NAMES = ["with:colon", "with,comma", "with space", "with\\backslash", "with\\:both", "tab\there", "new\nline",
             "ünï cödé 文件", "percent%s", "quote'\"", "-dash", "lowerdir=x", "a=b", "::", ",,", "trailing\\"]


@pytest.mark.parametrize("options", [[], ["--read-only"]], ids=["writable", "read-only"])
def test_layers_with_odd_names(minirun, bundle, kernel, options):
    image = bundle(name="odd: a,b c\\d", config={"Cmd": ["sh", "-c", "ls /from | wc -l"]})
    for number, name in enumerate(ODD_NAMES):
        make_tree(image / "layers" / f"{number + 1:02}{name}", {f"from/{number}": ""})
    assert minirun.run(*options, image, env=kernel).ok().out == f"{len(ODD_NAMES)}\n"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_single_layer_with_an_odd_name(minirun, scratch, base_layer, kernel, name):
    root = make_tree(scratch / name, {"proc": None, "dev": None, "sys": None})
    os.link(base_layer / "bin/payload", root / "payload")
    assert minirun.run("--rootfs", root, "/payload", "exit", "3", env=kernel).ended(3)
    assert minirun.run("--rootfs", root, "--read-only", "/payload", "exit", "4", env=kernel).ended(4)


@pytest.mark.parametrize("length", [253, 254, 255, 256, 257, 258, 1000, 3900])
def test_long_paths(minirun, scratch, base_layer, kernel, length):
    """fsconfig(2) takes 255 bytes; a path of the kernel 4095."""
    layer = scratch
    while length - len(str(layer)) > 1:
        layer /= "d" * min(200, length - len(str(layer)) - 1)
    make_tree(layer, {"from": "far away"})
    assert len(str(layer)) in (length, length - 1)
    image = make_tree(scratch / "image", {"config.json": "{}", "layers/00": Link(str(base_layer)), "layers/01": Link(str(layer))})
    (image / "config.json").write_text('{"config": {"Cmd": ["/bin/cat", "/from"]}}')
    assert minirun.run(image, env=kernel).ok().out == "far away"
    assert minirun.run("--read-only", image, env=kernel).ok().out == "far away"


def test_every_kind_of_change(minirun, bundle, kernel):
    """Whiteouts, opaque directories, files that become directories and the reverse, as unpacked layers hold them."""
    below = {"kept": "below", "gone": "below", "gone-dir/file": "below", "opaque/old": "below", "opaque/both": "below",
             "file-to-dir": "below", "dir-to-file/in": "below", "changed": "below", "merged/below": "below",
             "link": Link("kept"), "hard-a": "below", "hard-b": Hardlink("hard-a"), "mode": File("below", 0o600)}
    above = {"gone": WHITEOUT, "gone-dir": WHITEOUT, "opaque": OPAQUE, "opaque/both": "above", "file-to-dir/in": "above",
             "dir-to-file": "above", "changed": "above", "merged/above": "above", "link": Link("changed"), "hard-b": WHITEOUT,
             "mode": File("above", 0o4755, 1000, 1000)}
    image = bundle(layers=[below, above])
    look = """cd /; for path in kept gone gone-dir opaque/* file-to-dir/in dir-to-file changed merged/* link hard-*; do
                  echo "$path $(cat $path 2>/dev/null || echo -)"; done; stat -c '%a %u:%g' mode"""
    assert minirun.run(image, "sh", "-c", look, env=kernel).lines == [
        "kept below", "gone -", "gone-dir -", "opaque/both above", "file-to-dir/in above", "dir-to-file above",
        "changed above", "merged/above above", "merged/below below", "link above", "hard-a below", "4755 1000:1000"]


def test_a_whiteout_can_be_filled_again(minirun, bundle):
    image = bundle(layers=[{"a/file": "1"}, {"a": WHITEOUT}, {"a/other": "3"}, {"a/file": WHITEOUT}])
    assert minirun.run(image, "sh", "-c", "ls /a; echo new > /a/file; cat /a/file").ok().out == "other\nnew\n"


def test_the_mode_of_the_root_directory(minirun, bundle):
    """As under Docker: what the writable layer says, which is not up to the umask minirun was started with."""
    image = bundle(layers=[{"x": ""}])
    os.chmod(image / "layers/001", 0o711)
    for options, mode in ([], "755"), (["--tmpfs-upper"], "755"), (["--read-only"], "711"):
        umask = os.umask(0o077)
        try:
            result = minirun.run(*options, image, "stat", "-c", "%a %u:%g", "/")
        finally:
            os.umask(umask)
        assert result.ok().out == f"{mode} 0:0\n", options


class TestTheWritableLayer:
    CHANGES = ["sh", "-c", "chown 7:8 /kept; chmod 700 /data; mkdir /made; mv /data/file /made; ln /made/file /made/hard; "
                           "rm -r /gone /etc/group; echo new > /etc/passwd; cat /etc/passwd; ls /made"]

    @pytest.fixture
    def image(self, bundle):
        return bundle(layers=[{"gone/file": "x", "kept": "x", "data/file": "x"}])

    @pytest.mark.parametrize("options", [[], ["--tmpfs-upper"], ["--tmpfs-upper=8m"]], ids=str)
    def test_what_is_written_never_reaches_a_layer(self, minirun, image, kernel, options):
        def state():
            listing = "import os, sys\nfor d, s, f in os.walk(sys.argv[1], followlinks=True):\n" \
                      " for n in sorted(s + f):\n  p = os.path.join(d, n); st = os.lstat(p)\n" \
                      "  print(p, st[:6], st.st_mtime_ns, st.st_ctime_ns)"
            return subprocess.run([sys.executable, "-c", listing, image / "layers"], stdout=subprocess.PIPE, check=True).stdout
        before = state()
        assert minirun.run(*options, image, *self.CHANGES, env=kernel).ok().out == "new\nfile\nhard\n"
        assert state() == before
        # And the next container starts from the image again.
        assert minirun.run(image, "cat", "/gone/file", env=kernel).ok().out == "x"

    def test_read_only(self, minirun, image, kernel):
        result = minirun.run("--read-only", image, "payload", "try", "open:/new:create", "mkdir:/made", "open:/kept:w",
                             "chmod:/kept:0", "open:/etc/passwd:w", "open:/tmp/x:create", "open:/dev/x:create",
                             "open:/dev/shm/x:create", "open:/proc/sys/kernel/domainname:w", env=kernel)
        assert result.facts == {
            "open:/new:create": "EROFS", "mkdir:/made": "EROFS", "open:/kept:w": "EROFS", "chmod:/kept:0": "EROFS",
            "open:/etc/passwd:w": "EROFS", "open:/tmp/x:create": "EROFS", "open:/dev/x:create": "ok",
            "open:/dev/shm/x:create": "ok", "open:/proc/sys/kernel/domainname:w": "EROFS"}

    def test_memory_that_is_full(self, minirun, image, kernel):
        said = minirun.run("--tmpfs-upper=2m", image, "payload", "fill", "/big", env=kernel).ok().out.split()
        assert said[0] == "ENOSPC" and 1_500_000 < int(said[2]) <= 2 << 20

    def test_memory_leaves_the_disk_alone(self, minirun, image):
        with minirun.start("run", "--tmpfs-upper", image, "sh", "-c", "echo x > /written && echo up && sleep 1000") as running:
            running.wait_for("up")
            directory = minirun.root / "containers" / minirun.containers()[0]
            assert [path for path in directory.rglob("written")] == []

    def test_the_disk_holds_it_otherwise(self, minirun, image):
        with minirun.start("run", image, "sh", "-c", "echo x > /written && echo up && sleep 1000") as running:
            running.wait_for("up")
            directory = minirun.root / "containers" / minirun.containers()[0]
            assert (directory / "upper/written").read_text() == "x\n"
            assert directory.stat().st_mode & 0o777 == 0o700

    def test_read_only_and_memory_contradict(self, minirun, image):
        minirun.run("--read-only", "--tmpfs-upper", image, "true").refused(
            125, "--read-only leaves out the writable layer that --tmpfs-upper is about", hint="give one of them")


def test_an_image_of_one_static_program(minirun, scratch, base_layer):
    """Nothing in it to mount upon: no /proc, no /dev, no /etc. Docker runs such images, read-only ones too."""
    payload = base_layer / "bin/payload"
    image = make_tree(scratch / "image", {"config.json": '{"config": {"Entrypoint": ["/app"]}}', "layers/01/app": payload})
    for options in ([], ["--tmpfs-upper"], ["--read-only"]):
        assert minirun.run(*options, image, "facts", "pid").facts["pid"] == 1, options


def test_devices_of_an_image_are_dead(minirun, bundle):
    """Without a device cgroup it is the mount that keeps them so, whoever opens them."""
    image = bundle(layers=[{"null": Device("c", 1, 3), "disk": Device("b", 254, 0), "dev/mem": Device("c", 1, 1)}])
    for options in ([], ["--tmpfs-upper"], ["--read-only"]):
        assert minirun.attempts(image, "open:/null:r", "open:/disk:r", "open:/dev/mem:r", "open:/dev/null:r", options=options) == {
            "open:/null:r": "EACCES", "open:/disk:r": "EACCES", "open:/dev/mem:r": "ENOENT", "open:/dev/null:r": "ok"}, options


def test_nothing_is_mounted_in_the_hosts_namespace(minirun, plain):
    """Not while the container runs, either."""
    own = lambda: open("/proc/self/mountinfo").read()
    before = own()
    with minirun.start("run", plain, "payload", "wait") as running:
        running.wait_for("ready")
        assert own() == before
        assert open(f"/proc/{running.pid}/mountinfo").read() != before
        assert children(running.popen.pid) == [running.pid]
