"""Images that cannot be run: what `run`, `run --dry-run` and `explain` say about each, which is the same."""
import json
import os

import pytest

from bundles import ARCHITECTURE, FIFO, GROUP, PASSWD, Device, Link, digest, image_config, make_tree
from harness import PAYLOAD

FORMS = "an image config, the output of docker image inspect, or the config.json of an OCI runtime bundle"
LAYERS_HINT = "a bundle holds its unpacked layers in layers/, lowest first by name: layers/01-base, …"


@pytest.fixture
def refused(minirun):
    """All three ways say this sentence, and nothing runs."""
    def check(image, message, hint=None, options=(), command=()):
        for words in (["run"], ["run", "--dry-run"], ["explain"]):
            minirun(*words, *options, image, *command).refused(125, message, hint)
    return check


@pytest.fixture
def config(bundle):
    """A bundle whose config.json has these bytes, and that file's path."""
    def make(text):
        image = bundle(document="")
        path = image / "config.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return image, path
    return make


class TestConfigFile:
    def test_it_is_not_there(self, refused, scratch, plain):
        hint = "a bundle is a directory with config.json and layers/; a plain root file system runs with --rootfs"
        refused(scratch, f"there is no config.json in '{scratch}'", hint)
        (scratch / "config.json").symlink_to("nowhere")
        refused(scratch, f"there is no config.json in '{scratch}'", hint)

    @pytest.mark.parametrize("make, what", [(os.mkdir, "is a directory, not a file"),
                                            (os.mkfifo, "is not a regular file")])
    def test_it_is_no_file(self, refused, scratch, make, what):
        make(scratch / "config.json")
        refused(scratch, f"'{scratch}/config.json' {what}")

    def test_it_is_a_link_to_itself(self, refused, scratch):
        (scratch / "config.json").symlink_to("config.json")
        refused(scratch, f"cannot open '{scratch}/config.json': Too many levels of symbolic links")

    @pytest.mark.parametrize("text", ["", " \n\t\n"])
    def test_it_is_empty(self, refused, config, text):
        image, path = config(text)
        refused(image, f"{path} is empty: expected a JSON document")

    @pytest.mark.parametrize("text, line, column, reason", [
        ('{"config": {"Cmd": [', 1, 21, "unexpected end of input; expected '[', '{', or a literal"),
        ('{\n "config": {\n  "Cmd": ["a",]\n}}', 3, 15, "unexpected ']'; expected '[', '{', or a literal"),
        ('{"config": {}} x', 1, 16, "invalid literal; last read: '\"config\": {}} x'; expected end of input"),
        ('{"config": "abc', 1, 16, "invalid string: missing closing quote; last read: '\"abc'"),
        ("{'config': {}}", 1, 2, "invalid literal; last read: '{''; expected string literal"),
        ("// an image\n{}", 1, 1, "invalid literal; last read: '/'"),
        ('{"config": NaN}', 1, 12, "invalid literal; last read: '\"config\": N'"),
        ('{"config": 1e999}', 1, 16, "number overflow parsing '1e999'"),
        (b'{"config": {"Cmd": ["\xff"]}}', 1, 22, "invalid string: ill-formed UTF-8 byte; last read: '\"\\xff'"),
        ('{"a": "\x1b[31m"}', 1, 8, "invalid string: control character U+001B (ESC) must be escaped to \\\\u001B; "
                                    "last read: '\"<U+001B>'"),
        ('{"config": \0}', 1, 12, "a NUL byte"),
        ("{\0}\0", 1, 2, "a NUL byte"),  # UTF-16
    ], ids=str)
    def test_it_is_no_json(self, refused, config, text, line, column, reason):
        image, path = config(text)
        refused(image, f"{path} is not valid JSON: line {line}, column {column}: {reason}")

    @pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1001 + "1" + "}" * 1001], ids=["[", "{"])
    def test_it_is_nested_too_deeply(self, refused, config, text):
        image, path = config(text)
        refused(image, f"{path}: more than 1000 levels of nesting")

    def test_a_key_is_there_twice(self, refused, config):
        image, path = config('{"config": {"User": "1", "Us\\u0065r": "0"}}')
        refused(image, f"{path}: the key 'User' is there twice in one object")

    def test_it_is_huge(self, refused, config):
        image, path = config(b'{"a": "' + b"x" * (16 << 20) + b'"}')
        refused(image, f"'{path}' is larger than the limit of 16 MiB")

    def test_a_huge_value_does_not_flood_the_terminal(self, minirun, config):
        image, path = config(json.dumps(image_config({"WorkingDir": "x" * 1_000_000})))
        minirun.run(image).refused(125, f"{path}: .config.WorkingDir: expected an absolute path, found "
                                        f"'{'x' * 4096}… (1000000 bytes)'")
        image, path = config(json.dumps(image_config({"Env": ["=" + str(i) for i in range(1000)]})))
        said = minirun.run(image).refused_with(125, "; and 980 more").err
        assert said.count("expected NAME=value") == 20

    @pytest.mark.parametrize("text", [
        '{"config":{"Cmd":["true"],"Labels":{' + ",".join(f'"{i}":""' for i in range(300_000)) + "}}}",
        '{"config":{"Cmd":["true"]},"history":[' + ",".join(["{}"] * 300_000) + "]}"], ids=["keys", "objects"])
    def test_very_many_values_take_time_in_proportion(self, minirun, config, text):
        minirun.run(config(text)[0]).ok()

    @pytest.mark.parametrize("key, value, most", [("Env", [f"A{i}=" for i in range(10001)], 10000),
                                                  ("Volumes", {f"/v{i}": {} for i in range(1001)}, 1000)])
    def test_too_many_entries(self, refused, config, key, value, most):
        image, path = config(json.dumps(image_config({key: value})))
        refused(image, f"{path}: .config.{key}: {len(value)} entries are more than the limit of {most}")


class TestForm:
    @pytest.mark.parametrize("text, what", [
        ('"text"', "holds neither an object nor an array"), ("null", "holds neither an object nor an array"),
        ('{"manifests": []}', "is an image index"), ('{"layers": []}', "is an image manifest"),
        ("{}", "is of no known form (it has none of the keys config, rootfs, RootFS and ociVersion)"),
    ])
    def test_what_it_is_and_what_is_expected(self, refused, config, text, what):
        image, path = config(text)
        refused(image, f"{path} {what}; expected {FORMS}")

    @pytest.mark.parametrize("text, says", [
        ("[null]", "[0]: expected an object, found null"), ("[3]", "[0]: expected an object, found the number 3"),
        ('[{"Config": "x.json", "Layers": []}]', ".RootFS: is missing: this is not the output of docker image inspect; "
                                                 ".Config: expected an object, found a string"),
    ])
    def test_no_output_of_inspect(self, refused, config, text, says):
        image, path = config(text)
        refused(image, f"{path}: {says}")

    def test_an_archive(self, refused, scratch, plain):
        archive = scratch / "image.tar"
        os.system(f"tar -cf {archive} -C {plain} config.json && gzip -k {archive}")
        hint = "a bundle is a directory with config.json and layers/"
        refused(archive, f"'{archive}' is a tar archive, not a bundle", hint)
        refused(f"{archive}.gz", f"'{archive}.gz' is a compressed file, not a bundle", hint)


WRONG_TYPES = [
    ({"Env": {}}, ".Env: expected an array, found an object"),
    ({"Env": ["A=1", 5, None, "=x"]}, ".Env[1]: expected a string, found the number 5; @.Env[2]: expected a string, found "
                                      "null; @.Env[3]: expected NAME=value, found '=x'"),
    ({"Cmd": "sh -c id"}, ".Cmd: expected an array of strings, found a string"),
    ({"Cmd": ["a\0b"]}, ".Cmd[0]: the string holds a NUL byte"),
    ({"Entrypoint": [["sh"]]}, ".Entrypoint[0]: expected a string, found an array"),
    ({"User": 0}, ".User: expected a string, found the number 0"),
    ({"WorkingDir": ["/"]}, ".WorkingDir: expected a string, found an array"),
    ({"WorkingDir": "srv"}, ".WorkingDir: expected an absolute path, found 'srv'"),
    ({"Volumes": ["/a"]}, ".Volumes: expected an object, found an array"),
    ({"Volumes": {"/": {}}}, ".Volumes: the root directory cannot be a volume"),
    ({"ExposedPorts": {"80/xyz": {}}}, ".ExposedPorts: expected a port as 80/tcp or 8000-8005/udp, found '80/xyz'"),
    ({"Labels": {"a\n\x1b[31mb": 1}}, ".Labels.a\\n\\x1b[31mb: expected a string, found the number 1"),
    ({"StopSignal": 9}, ".StopSignal: expected a string, found the number 9"),
    ({"StopSignal": "SIGNOPE"}, ".StopSignal: there is no signal 'SIGNOPE'"),
]


class TestWrongTypes:
    @pytest.mark.parametrize("part, says", WRONG_TYPES, ids=lambda value: value.split(":")[0] if isinstance(value, str) else "")
    def test_in_every_form_of_an_image(self, refused, config, part, says):
        oci = {"architecture": ARCHITECTURE, "os": "linux", "config": part}
        inspect = {"Architecture": ARCHITECTURE, "Os": "linux", "Config": part, "RootFS": {"Layers": None}}
        for document, key in ((oci, ".config"), ({**oci, "container_config": {}}, ".config"), ([inspect], ".Config")):
            image, path = config(json.dumps(document))
            refused(image, f"{path}: " + key + says.replace("@", key))

    @pytest.mark.parametrize("document, says", [
        ({"config": []}, ".config: expected an object, found an array"),
        ({"config": {}, "architecture": 5}, ".architecture: expected a string, found the number 5"),
        ({"config": {}, "rootfs": "x"}, ".rootfs: expected an object, found a string"),
        ({"config": {}, "rootfs": {"type": "tar"}}, ".rootfs.type: expected \"layers\", found 'tar'"),
        ({"config": {}, "rootfs": {"diff_ids": "x"}}, ".rootfs.diff_ids: expected an array of strings, found a string"),
        ({"config": {}, "rootfs": {"diff_ids": ["md5:1"]}},
         ".rootfs.diff_ids: expected sha256: and 64 hexadecimal digits, found 'md5:1'"),
        ([{"Config": {}, "RootFS": {"Layers": 5}}], ".RootFS.Layers: expected an array of strings, found the number 5"),
        ([{"Config": {}, "RootFS": []}], ".RootFS: expected an object, found an array"),
    ])
    def test_around_it(self, refused, config, document, says):
        image, path = config(json.dumps(document))
        refused(image, f"{path}: {says}")

    @pytest.mark.parametrize("change, says", [
        ({"process": {"args": "sh"}}, ".process.args: expected an array of strings, found a string"),
        ({"process": {"cwd": "tmp"}}, ".process.cwd: expected an absolute path, found 'tmp'"),
        ({"process": {"user": {"uid": "root"}}},
         ".process.user.uid: expected a whole number from 0 to 4294967295, found a string"),
        ({"process": {"user": {"uid": -1}}},
         ".process.user.uid: expected a whole number from 0 to 4294967295, found the number -1"),
        ({"process": {"user": {"uid": 4294967295}}}, ".process.user.uid: 4294967295 is no valid id"),
        ({"process": {"capabilities": {"bounding": ["CAP_NOPE"]}}},
         ".process.capabilities.bounding[0]: unknown capability 'CAP_NOPE'"),
        ({"process": {"rlimits": [{"type": "RLIMIT_NOPE", "soft": 2, "hard": 1}]}},
         ".process.rlimits[0].type: unknown limit 'RLIMIT_NOPE'; .process.rlimits[0]: the soft limit 2 of RLIMIT_NOPE is over the hard "
         "limit 1"),
        ({"root": {"path": 5}}, ".root.path: expected a string, found the number 5"),
        ({"mounts": {}}, ".mounts: expected an array, found an object"),
        ({"linux": {"maskedPaths": "/proc/kcore"}},
         ".linux.maskedPaths: expected an array of strings, found a string"),
        ({"linux": {"namespaces": [{"type": "mount"}, {"type": "nope"}, {"type": "uts"}]}},
         ".linux.namespaces[1].type: unknown namespace type 'nope'"),
        ({"linux": {"sysctl": {"kernel.pid_max": "1"}}},
         ".linux.sysctl.kernel.pid_max: would change the host: no namespace has its own"),
        ({"ociVersion": 1}, ".ociVersion: expected a string, found the number 1"),
    ], ids=lambda value: value.split(":")[0] if isinstance(value, str) else "")
    def test_in_a_runtime_bundle(self, refused, runtime_bundle, change, says):
        document, bundle = runtime_bundle(["true"])
        for key, part in change.items():
            document[key] = {**document[key], **part} if isinstance(document.get(key), dict) and isinstance(part, dict) else part
        path = bundle.write(document)
        refused(path, f"{path}/config.json: {says}")

    def test_a_runtime_bundle_without_its_root(self, refused, runtime_bundle):
        document, bundle = runtime_bundle(["true"])
        document["root"]["path"] = "gone"
        path = bundle.write(document)
        refused(path, f"{path}/config.json: .root.path: there is no directory '{path}/gone'")


class TestLayers:
    @pytest.mark.parametrize("entry", [None, "a file", Link("gone")], ids=["none", "file", "dangling link"])
    def test_no_directory_of_layers(self, refused, scratch, entry):
        make_tree(scratch, {"config.json": json.dumps(image_config()), **({"layers": entry} if entry else {})})
        refused(scratch, f"no layers: there is no directory '{scratch}/layers'", LAYERS_HINT)

    def test_no_layers(self, refused, bundle):
        image = bundle(base=False)
        refused(image, f"'{image}/layers' has no layers", "each layer is a directory, lowest first by name")

    @pytest.mark.parametrize("entry, says", [
        (Link("gone"), "the symbolic link leads nowhere (No such file or directory)"),
        (Link("01"), "the symbolic link leads nowhere (Too many levels of symbolic links)"),
        (Link("/dev/null"), "the symbolic link leads to a device, a layer is a directory"),
        ("text", "is a file, a layer is a directory"), (FIFO, "is a fifo, a layer is a directory"),
        (Device("c", 0, 0), "is a device, a layer is a directory"),
    ], ids=str)
    def test_a_layer_that_is_none(self, refused, bundle, entry, says):
        image = bundle()
        make_tree(image / "layers", {"01": entry})
        refused(image, f"{image}/layers: '01': {says}")

    @pytest.mark.parametrize("name, shown", [(b"\x1b[31m\n", r"\x1b[31m\n"), (b"\xff\xfe", r"\xff\xfe"),
                                             ("\u009b31m\u202e".encode(), r"\xc2\x9b31m\xe2\x80\xae")])
    def test_hostile_names_are_escaped(self, refused, bundle, name, shown):
        image = bundle()
        os.symlink("gone", os.fsencode(image / "layers") + b"/" + name)
        refused(image, f"{image}/layers: '{shown}': the symbolic link leads nowhere (No such file or directory)")

    def test_names_of_any_bytes_work(self, minirun, bundle):
        image = bundle()
        os.mkdir(os.fsencode(image / "layers") + b"/\xff\xfe \x1b[31m\n")
        minirun.run(image, "true").ok()
        assert minirun("explain", image).ok().out.isprintable() is False  # it has line ends, and nothing that steers
        assert "\x1b" not in minirun("explain", image).out

    def test_layers_that_overlap(self, refused, bundle, base_layer):
        image = bundle()
        (image / "layers/01").symlink_to(base_layer / "bin")
        refused(image, f"layers '00-base' and '01' of '{image}/layers' overlap, one is inside the other: "
                       f"'{base_layer}/bin'", "overlayfs needs layers that do not overlap")
        (image / "layers/01").unlink()
        (image / "layers/01").symlink_to("00-base")
        refused(image, f"layers '00-base' and '01' of '{image}/layers' are the same directory '{base_layer}'",
                "overlayfs needs layers that do not overlap")

    def test_a_layer_around_the_bundle(self, refused, bundle):
        image = bundle(base=False)
        (image / "layers/host").symlink_to("/")
        refused(image, f"layer 'host' of '{image}' is '/', a directory around the bundle itself")

    def test_too_many(self, refused, bundle):
        image = bundle(layers=[{"x": ""}] * 500)
        refused(image, f"'{image}/layers' has 501 layers, more than the 500 that overlayfs takes")

    def test_a_count_that_disagrees(self, refused, bundle):
        image = bundle(diff_ids=[digest(1), digest(2), digest(3)])
        refused(image, f"'{image}/layers' has 1 layer, but rootfs.diff_ids of {image}/config.json lists 3",
                "a layer is missing or left over")

    def test_digests_that_disagree(self, refused, bundle):
        image = bundle(base=False, diff_ids=[digest(1), digest(2)])
        make_tree(image / "layers", {digest(1): None})
        refused(image, f"{image}/layers: '{digest(2)}': the layer is missing; rootfs.diff_ids of {image}/config.json "
                       "names it")
        make_tree(image / "layers", {digest(2): None, digest(3): None})
        refused(image, f"{image}/layers: '{digest(3)}': is not in rootfs.diff_ids of {image}/config.json")

    def test_digests_without_an_order(self, refused, bundle):
        image = bundle(base=False)
        make_tree(image / "layers", {digest(1): None, digest(2): None})
        refused(image, f"the layers in '{image}/layers' are named by digest, but {image}/config.json has no "
                       "rootfs.diff_ids to order them")


class TestPlatform:
    @pytest.mark.parametrize("platform, is_for", [
        ({"architecture": "m68k"}, "linux/m68k"), ({"architecture": "arm", "variant": "v7"}, "linux/arm/v7")])
    def test_another_architecture(self, refused, bundle, platform, is_for):
        image = bundle(**platform)
        refused(image, f"image '{image}' is for {is_for}, this host is linux/{ARCHITECTURE}",
                f"use an image built for linux/{ARCHITECTURE}")

    @pytest.mark.parametrize("os_name, shown", [("windows", "windows"), ("x\x1b[31m\n", r"x\x1b[31m\n")])
    def test_another_os(self, refused, bundle, os_name, shown):
        image = bundle(os=os_name)
        refused(image, f"image '{image}' is for {shown}/{ARCHITECTURE}, this host is linux/{ARCHITECTURE}",
                "containers share the host's kernel, so only Linux images run here")


class TestUsers:
    NO_USER = "give a user that the image has, or a numeric user id"
    NO_GROUP = "give a group that the image has, or a numeric group id"
    RANGE = "ids go from 0 to 2147483647"

    @pytest.mark.parametrize("user, message, hint", [
        ("nope", "user 'nope' is not in the image's /etc/passwd", NO_USER),
        ("0x10", "user '0x10' is not in the image's /etc/passwd", NO_USER),
        ("x\n\x1b[31m", r"user 'x\n\x1b[31m' is not in the image's /etc/passwd", NO_USER),
        ("root:nope", "group 'nope' is not in the image's /etc/group", NO_GROUP),
        ("0:0:0", "group '0:0' is not in the image's /etc/group", NO_GROUP),
        ("-1", "user id '-1' is out of range", RANGE), ("+1", "user id '+1' is out of range", RANGE),
        ("4294967295", "user id '4294967295' is out of range", RANGE),
        ("99999999999999999999", "user id '99999999999999999999' is out of range", RANGE),
        ("0:2147483648", "group id '2147483648' is out of range", RANGE),
    ], ids=repr)
    def test_of_the_option_and_of_the_image(self, refused, bundle, plain, user, message, hint):
        refused(plain, message, hint, options=["-u", user])
        refused(bundle({"User": user}), message, hint)

    @pytest.mark.parametrize("group, message, hint", [
        ("nope", "group 'nope' is not in the image's /etc/group", NO_GROUP),
        ("", "group '' is not in the image's /etc/group", NO_GROUP), ("-1", "group id '-1' is out of range", RANGE)])
    def test_more_groups(self, refused, plain, group, message, hint):
        refused(plain, message, hint, options=["--group-add", group])

    @pytest.mark.parametrize("line", ["evil:x:4294967296:0::/:", "evil:x:-1:0::/:", "evil:x:0x0:0::/:", "evil:x: 0:0::/:",
                                      "evil:x:5", "evil:x:0:0::/a\x1bb:", "evil:x:0:0:::::::",
                                      "evil:x:0:0::/" + "h" * 70000 + ":"], ids=lambda line: repr(line[:30]))
    def test_lines_of_passwd_that_are_none(self, refused, bundle, line):
        """Each would be root to a careless reader."""
        refused(bundle({"User": "evil"}, {"etc/passwd": line + "\n"}), "the line of user 'evil' in the image's /etc/passwd is malformed",
                "expected name:password:uid:gid:comment:home:shell; or give a numeric user id")

    def test_a_line_of_nis(self, refused, bundle):
        refused(bundle({"User": "evil"}, {"etc/passwd": "+evil:x:0:0::/:\n"}), "user 'evil' is not in the image's /etc/passwd", self.NO_USER)

    @pytest.mark.parametrize("line, whose, number", [
        ("evil:x:4294967295:0::/:", "user 'evil'", 4294967295), ("evil:x:2147483648:0::/:", "user 'evil'", 2147483648),
        ("evil:x:5:4294967295::/:", "the group of user 'evil'", 4294967295)])
    def test_ids_that_passwd_cannot_give(self, refused, bundle, line, whose, number):
        refused(bundle({"User": "evil"}, {"etc/passwd": line + "\n"}),
                f"the image gives {whose} the id {number}, out of range", self.RANGE)

    @pytest.mark.parametrize("entry", [FIFO, None, Link("/nowhere"), Link("passwd"), Device("c", 1, 5),
                                       Link("../../../../../../etc/shadow"), b"\0\xff\n" * 1000],
                             ids=["fifo", "directory", "dangling", "loop", "device", "host", "binary"])
    def test_a_passwd_that_names_nobody(self, refused, minirun, bundle, entry):
        image = bundle(base=False, layers=[{"bin/payload": PAYLOAD, "etc/passwd": entry, "etc/group": GROUP}])
        refused(image, "user 'tester' is not in the image's /etc/passwd", self.NO_USER, options=["-u", "tester"])
        assert minirun.run(image, "payload", "facts", "ids").facts["ids"]["uid"] == [0, 0, 0]

    @pytest.mark.parametrize("name, other", [("passwd", {"etc/group": GROUP}), ("group", {"etc/passwd": PASSWD})])
    def test_a_huge_one(self, refused, bundle, name, other):
        image = bundle(base=False, layers=[{"bin/payload": PAYLOAD, f"etc/{name}": "#\n" * (1 << 20), **other}])
        refused(image, f"'{image}/layers/001/etc/{name}' is larger than the limit of 1 MiB")


class TestNoCommand:
    HINT = "give a command: minirun run IMAGE COMMAND [ARG…]"

    @pytest.mark.parametrize("part", [{"Cmd": None}, {"Cmd": []}, {"Cmd": [], "Entrypoint": [""]}], ids=str)
    def test_neither_entrypoint_nor_cmd(self, refused, bundle, part):
        image = bundle(part)
        refused(image, f"there is neither an Entrypoint nor a Cmd in image '{image}'", self.HINT)

    def test_an_empty_word(self, refused, bundle, plain):
        image = bundle({"Cmd": [""]})
        refused(image, f"the command to run in image '{image}' is an empty word", self.HINT)
        refused(plain, f"the command to run in image '{plain}' is an empty word", self.HINT, command=[""])

    def test_an_entrypoint_that_is_cleared(self, refused, plain):
        refused(plain, f"--entrypoint leaves nothing to run of image '{plain}'", self.HINT, options=["--entrypoint="])
