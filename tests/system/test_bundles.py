"""Every form of config.json, and how bundles and their layers are found."""
import json
import os

import pytest

from bundles import PATH, Link, digest, image_config, make_tree
from harness import PROJECT, need

PROJECT_EXAMPLES = PROJECT / "rootfs-examples"


def docker_config(config):
    """Docker's own image config: the OCI one with more keys."""
    return image_config(config, container="5da34357aa71", docker_version="20.10.24",
                        container_config={"Cmd": ["/bin/sh", "-c", "#(nop) CMD"], "Env": ["WRONG=1"]},
                        created="2026-11-23T20:04:28Z", history=[{"created_by": "/bin/sh -c #(nop)"}])


def inspected(config, layers=(), graph_driver=None):
    """What `docker image inspect` prints, with its names for the same things."""
    plain = image_config(config)
    image = {"Id": digest(99), "RepoTags": ["test:1.0"], "Architecture": plain["architecture"], "Os": "linux",
             "Config": plain["config"], "ContainerConfig": {"Env": ["WRONG=1"], "Cmd": ["false"]},
             "RootFS": {"Type": "layers", "Layers": list(layers)}, "Metadata": {}}
    return [image | ({"GraphDriver": graph_driver} if graph_driver else {})]


GREETING = {"Env": [PATH, "GREETING=hello"], "Entrypoint": ["sh", "-c", "echo $GREETING from $(cat /from) to $*", "sh"],
            "Cmd": ["world"]}


@pytest.mark.parametrize("document", [
    pytest.param(image_config(GREETING), id="OCI image config"),
    pytest.param(image_config(GREETING, diff_ids=[digest(0), digest(1)]), id="OCI image config with diff_ids"),
    pytest.param(docker_config(GREETING), id="Docker's image config"),
    pytest.param(inspected(GREETING), id="docker image inspect"),
    pytest.param(inspected(GREETING, [digest(0), digest(1)]), id="docker image inspect with diff_ids"),
    pytest.param(inspected(GREETING)[0], id="one element of docker image inspect"),
])
def test_forms_of_config_json(minirun, bundle, document):
    image = bundle(files={"from": "layers"}, document=document)
    assert minirun.run(image).ok().out == "hello from layers to world\n"
    assert minirun.run(image, "you").ok().out == "hello from layers to you\n"
    assert minirun.run(image / "config.json", "file").ok().out == "hello from layers to file\n"


class TestDockerInPlace:
    """`docker image inspect` as a file: the image runs from Docker's own overlay2 directories."""

    def overlay2(self, scratch, base_layer, *trees):
        """Docker's storage: overlay2/ID/diff, with the link and lower files that it keeps beside."""
        root = scratch / "docker/overlay2"
        diffs = []
        for number, tree in enumerate([None, *trees]):
            directory = make_tree(root / (f"{number}" * 64), {"link": "ABCDEF", "work": None})
            diffs.append(directory / "diff")
            if tree is None:
                diffs[-1].symlink_to(base_layer)
            else:
                make_tree(diffs[-1], tree)
        return diffs

    def driver(self, diffs, name="overlay2"):
        data = {"UpperDir": str(diffs[-1]), "MergedDir": "/nowhere/merged", "WorkDir": "/nowhere/work"}
        if len(diffs) > 1:
            data["LowerDir"] = ":".join(map(str, reversed(diffs[:-1])))
        return {"Name": name, "Data": data}

    @pytest.mark.parametrize("driver", ["overlay2", "overlay"])  # Podman's name for it
    def test_layers_are_stacked_as_docker_does(self, minirun, scratch, base_layer, driver):
        diffs = self.overlay2(scratch, base_layer, {"from": "one", "only-one": ""}, {"from": "two"}, {"from": "three"})
        document = scratch / "nginx.inspect.json"
        layers = [digest(n) for n in range(4)]
        document.write_text(json.dumps(inspected(GREETING, layers, self.driver(diffs, driver))))
        assert minirun.run(document).ok().out == "hello from three to world\n"
        assert minirun.run("--entrypoint", "ls", document, "/only-one").ok().out == "/only-one\n"
        assert sorted(os.listdir(diffs[1])) == ["from", "only-one"]

    def test_from_a_pipe(self, minirun, scratch, base_layer):
        """minirun run <(docker image inspect NAME)"""
        document = json.dumps(inspected({"Cmd": ["echo", "piped"]}, [digest(0)], self.driver(self.overlay2(scratch, base_layer))))
        assert minirun.run("/dev/stdin", stdin=document).ok().out == "piped\n"
        minirun.run("/dev/stdin", stdin="BZh and more").refused(125, "'/dev/stdin' is a compressed file, not a bundle", hint="minirun load")

    def test_a_layer_that_is_a_file(self, minirun, scratch, base_layer):
        diffs = self.overlay2(scratch, base_layer, {"from": "one"})
        document = scratch / "file.json"
        document.write_text(json.dumps(inspected({}, [], self.driver([*diffs[:1], diffs[1] / "from"]))))
        minirun.run(document).refused(125, f"the layer '{diffs[1]}/from' of {document} is a file, not a directory", hint="run docker image inspect again")

    def test_an_image_of_one_layer_has_no_lower_dir(self, minirun, scratch, base_layer):
        diffs = self.overlay2(scratch, base_layer)
        document = scratch / "one.json"
        document.write_text(json.dumps(inspected({"Cmd": ["echo", "one"]}, [digest(0)], self.driver(diffs))))
        assert minirun.run(document).ok().out == "one\n"

    def test_a_layer_that_docker_has_removed(self, minirun, scratch, base_layer):
        diffs = self.overlay2(scratch, base_layer, {"from": "one"})
        gone = scratch / "docker/overlay2/gone/diff"
        document = scratch / "old.json"
        document.write_text(json.dumps(inspected({}, [], self.driver([*diffs, gone]))))
        minirun.run(document).refused(
            125, f"the layer '{gone}' of {document} does not exist (No such file or directory)",
            hint="run docker image inspect again")

    def test_another_storage_driver(self, minirun, scratch):
        document = scratch / "vfs.json"
        document.write_text(json.dumps(inspected({}, [], {"Name": "vfs", "Data": None})))
        minirun.run(document).refused(125, f"{document}: .GraphDriver.Name: the storage driver is 'vfs', "
                                           "images run in place from overlay2 only")

    def test_a_count_that_disagrees(self, minirun, scratch, base_layer):
        diffs = self.overlay2(scratch, base_layer, {"from": "one"})
        document = scratch / "count.json"
        document.write_text(json.dumps(inspected({}, [digest(0)], self.driver(diffs))))
        minirun.run(document).refused(125, f"GraphDriver of {document} has 2 layers, but RootFS.Layers there lists 1")

    @pytest.mark.parametrize("count, says", [(0, "holds no image"), (2, "holds 2 images")])
    def test_it_has_to_be_one_image(self, minirun, scratch, count, says):
        document = scratch / "many.json"
        document.write_text(json.dumps(inspected({}) * count))
        minirun.run(document).refused(
            125, f"{document} {says}, expected the output of docker image inspect for one image")

    def test_a_container_is_no_image(self, minirun, scratch):
        document = scratch / "container.json"
        document.write_text(json.dumps([{"Id": digest(1), "State": {"Status": "running"}, "Image": digest(2)}]))
        minirun.run(document).refused_with(125, str(document), "describes a container, not an image",
                                           "use docker image inspect")


class TestPlainRootfs:
    def test_a_directory_is_the_only_layer(self, minirun, base_layer):
        assert minirun.run("--rootfs", base_layer, "cat", "/etc/group").lines[0] == "root:x:0:"

    def test_it_is_not_written_to(self, minirun, bundle):
        root = bundle.tree({"bin": Link(str(bundle.base_layer / "bin"))})
        os.remove(root / "bin")
        os.system(f"cp -a {bundle.base_layer}/. {root}")
        minirun.run("--rootfs", root, "sh", "-c", "echo changed > /etc/passwd && rm /etc/group && mkdir /new").ok()
        assert sorted(os.listdir(root)) == sorted(os.listdir(bundle.base_layer))
        assert (root / "etc/passwd").read_text() == (bundle.base_layer / "etc/passwd").read_text()

    def test_it_needs_a_command(self, minirun, base_layer):
        minirun.run("--rootfs", base_layer).refused(
            125, f"there is no command to run in '{base_layer}'", hint="minirun run --rootfs DIR COMMAND [ARG…]")

    def test_it_has_to_be_a_directory(self, minirun, plain, scratch):
        minirun.run("--rootfs", plain / "config.json", "true").refused(
            125, f"the root file system '{plain}/config.json' is not a directory")
        minirun.run("--rootfs", scratch / "none", "true").refused(
            125, f"cannot find '{scratch}/none': No such file or directory")


class TestFindingBundles:
    def named(self, scratch, folder, name, says, base_layer):
        directory = scratch / folder / name
        make_tree(directory, {"config.json": json.dumps(image_config({"Cmd": ["echo", says]})),
                              "layers/base": Link(str(base_layer))})
        return directory

    def test_a_name_in_the_bundle_path(self, minirun, scratch, base_layer):
        self.named(scratch, "first", "web", "first", base_layer)
        self.named(scratch, "second", "web", "second", base_layer)
        self.named(scratch, "second", "db", "db", base_layer)
        path = {"MINIRUN_BUNDLE_PATH": f"{scratch}/missing:{scratch}/first::{scratch}/second"}
        assert minirun.run("web", env=path).ok().out == "first\n"
        assert minirun.run("db", env=path).ok().out == "db\n"

    def test_the_current_directory_comes_first(self, minirun, scratch, base_layer):
        self.named(scratch, "first", "web", "path", base_layer)
        here = self.named(scratch, "here", "web", "here", base_layer).parent
        path = {"MINIRUN_BUNDLE_PATH": str(scratch / "first")}
        assert minirun.run("web", env=path, cwd=here).ok().out == "here\n"
        assert minirun.run("./web", env=path, cwd=here).ok().out == "here\n"
        assert minirun.run("..", cwd=here / "web/layers").ok().out == "here\n"

    def test_a_name_that_nothing_has(self, minirun, scratch, base_layer):
        self.named(scratch, "first", "nginx-bundle", "", base_layer)
        path = {"MINIRUN_BUNDLE_PATH": f"{scratch}/first:{scratch}/missing"}
        minirun.run("ngnix-bundle", env=path).refused(
            125, "there is no image 'ngnix-bundle'",
            hint=f"did you mean 'nginx-bundle'? Looked in the current directory, in '{scratch}/first', "
                 f"'{scratch}/missing' (which does not exist), and in the store; MINIRUN_BUNDLE_PATH names other directories")

    def test_a_path_that_is_not_there(self, minirun, scratch):
        minirun.run(scratch / "no/bundle").refused(125, f"there is no file or directory '{scratch}/no/bundle'")

    def test_the_examples_are_found_by_default(self, minirun):
        bundle = need(PROJECT_EXAMPLES / "busybox-bundle/config.json", "rootfs-examples/build busybox-bundle").parent
        del minirun.env["MINIRUN_BUNDLE_PATH"]
        assert minirun.run(bundle.name, "echo", "found", cwd="/").ok().out == "found\n"


class TestLayers:
    def test_entries_are_stacked_by_name(self, minirun, bundle):
        image = bundle(layers=[{"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "2"}, {"c": "3"}])
        assert minirun.run(image, "cat", "/a", "/b", "/c").ok().out == "123"

    def test_hidden_entries_do_not_count(self, minirun, bundle):
        image = bundle(diff_ids=[digest(0)])
        make_tree(image / "layers", {".cache/bin/sh": "", ".DS_Store": ""})
        minirun.run(image, "true").ok()

    def test_layers_can_be_a_link_itself(self, minirun, bundle):
        image, other = bundle(files={"from": "elsewhere"}), bundle()
        os.rename(other / "layers", other / "unused")
        (other / "layers").symlink_to(image / "layers")
        assert minirun.run(other, "cat", "/from").ok().out == "elsewhere"

    @pytest.mark.parametrize("spelling", ["{}", "sha256:{}", "sha256-{}"])
    def test_names_that_are_digests_are_ordered_by_diff_ids(self, minirun, bundle, spelling):
        """By name they would be the other way around."""
        order = [digest(9), digest(5), digest(1)]
        image = bundle(document=image_config({"Cmd": ["cat", "/from"]}, diff_ids=order), base=False)
        for number, one in enumerate(order):
            layer = image / "layers" / spelling.format(one.removeprefix("sha256:"))
            if number == 0:
                layer.symlink_to(bundle.base_layer)
            else:
                make_tree(layer, {"from": f"layer {number}"})
        assert minirun.run(image).ok().out == "layer 2"

    def test_a_digest_that_is_there_twice_is_one_layer(self, minirun, bundle):
        """An empty layer can be in an image several times: it is where it comes last."""
        order = [digest(3), digest(2), digest(1), digest(2)]
        image = bundle(document=image_config(diff_ids=order), base=False)
        (image / "layers" / digest(3)).symlink_to(bundle.base_layer)
        make_tree(image / "layers" / digest(2), {"from": "twice"})
        make_tree(image / "layers" / digest(1), {"from": "once"})
        assert minirun.run(image, "cat", "/from").ok().out == "twice"
