"""config.md: version, annotations, extensibility and valid values; bundle.md; glossary.md "JSON"."""
import json

import pytest

from requirements import must, ours, should


@must("config.md", "Specification version")
@pytest.mark.parametrize("version", ["1.0.0", "1.0.2", "1.0.2-dev", "1.0.0-rc5", "1.0.2+build"])
def test_versions_that_are_supported(box, version):
    box.config["ociVersion"] = version
    assert box.output("echo here") == "here"


@must("config.md", "Specification version", since="1.2")
@pytest.mark.parametrize("version", ["1.1.0", "1.2.0", "1.2.1"])
def test_newer_versions(box, version):
    box.config["ociVersion"] = version
    assert box.output("echo here") == "here"


@must("config.md", "Specification version")
@pytest.mark.parametrize("version", ["nonsense", "", "1", "1.0", "v1.0.2", None, 1.0])
def test_versions_that_are_none(box, version):
    box.config["ociVersion"] = version
    if version is None:
        del box.config["ociVersion"]
    box.run().failed()


@should("config.md", "Specification version")
@pytest.mark.parametrize("version", ["2.0.0", "0.1.0"])
def test_other_major_versions(box, version):
    box.config["ociVersion"] = version
    box.run().failed()


@must("config.md", "Annotations")
def test_unknown_annotations_are_no_error(box):
    box.config["annotations"] = {"org.example.nobody-knows": "x", "plain": "", "run.oci.nonsense": "1"}
    assert box.output("echo here") == "here"


@must("config.md", "Annotations")
@pytest.mark.parametrize("annotations", [{"key": 1}, {"key": None}, {"key": {}}, ["key"], "key"], ids=str)
def test_annotations_that_are_none(box, annotations):
    box.config["annotations"] = annotations
    box.run().failed()


@must("config.md", "Annotations")
def test_an_empty_key(box):
    """"Keys MUST NOT be an empty string", and invalid values MUST generate an error."""
    box.config["annotations"] = {"": "x"}
    box.run().failed()


@must("config.md", "Extensibility")
def test_unknown_properties_are_ignored(box):
    box.config["unknown"] = {"a": [1, 2]}
    box.process["unknown"] = True
    box.linux["unknown"] = "x"
    box.config["root"]["unknown"] = None
    box.config["mounts"][0]["unknown"] = 1
    box.linux["resources"]["unknown"] = {}
    assert box.output("echo here") == "here"


@must("config.md", "Platform-specific configuration")
@pytest.mark.parametrize("platform", ["windows", "solaris", "zos", "freebsd"])
def test_other_platforms_are_ignored(box, platform):
    box.config[platform] = {}
    if platform == "zos":
        box.config[platform] = {"namespaces": []}
    assert box.output("echo here") == "here"


@must("bundle.md", "Filesystem Bundle")
def test_config_json_has_to_be_there(box):
    box.runtime("run", "--bundle", box.path, box.id).failed("config.json")


@must("config.md", "Valid values")
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "42", '"text"', "{}", '{"ociVersion": "1.0.2",}', "not json at all", "\0"], ids=repr)
def test_config_that_is_no_config(box, text):
    box.write(text)
    box.run().failed()


@must("glossary.md", "JSON")
def test_utf_8(box):
    box.process["env"].append("TEXT=ünï ☃")
    box.sh("echo $TEXT")
    box.write(json.dumps(box.config, ensure_ascii=False))
    assert box.run().ok().text == "ünï ☃"


@must("glossary.md", "JSON")
def test_escapes(box):
    box.process["env"].append("TEXT=ü ☃ 𝄞 \" \\")
    assert box.output("echo \"$TEXT\"") == "ü ☃ 𝄞 \" \\"


@must("config.md", "Valid values")
@pytest.mark.parametrize("change", [
    lambda c: c.update(process=[]), lambda c: c.update(root="rootfs"), lambda c: c.update(mounts={}), lambda c: c["process"].update(args="sh"), lambda c: c["process"].update(env={"A": "1"}),
    lambda c: c["process"].update(cwd=1), lambda c: c["process"].update(terminal="yes"), lambda c: c["root"].update(readonly="true"), lambda c: c.update(hostname=7),
    lambda c: c["linux"].update(namespaces={}), lambda c: c["linux"].update(namespaces=["pid"]), lambda c: c["mounts"].append("x"), lambda c: c["mounts"].append({"source": "x"}),
    lambda c: c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": "ro"}), lambda c: c["linux"].update(resources=[]), lambda c: c["linux"]["resources"].update(memory={"limit": "1g"}),
    lambda c: c["linux"]["resources"].update(pids={"limit": "many"}), lambda c: c["process"].update(noNewPrivileges=1), lambda c: c["process"]["user"].update(uid="root"),
    lambda c: c["linux"].update(sysctl=["a"]), lambda c: c["linux"].update(sysctl={"net.ipv4.ip_forward": 1}), lambda c: c.update(hooks=[]), lambda c: c["process"].update(rlimits={}),
    lambda c: c["process"].update(capabilities=["CAP_KILL"]), lambda c: c["process"].update(oomScoreAdj="100"), lambda c: c["linux"].update(seccomp=[]), lambda c: c["linux"].update(devices={})],
    ids=["process", "root", "mounts", "args", "env", "cwd", "terminal", "readonly", "hostname", "namespaces", "namespace", "mount", "no destination", "mount options", "resources", "memory limit",
         "pids limit", "noNewPrivileges", "uid", "sysctl", "sysctl value", "hooks", "rlimits", "capabilities", "oomScoreAdj", "seccomp", "devices"])
def test_values_of_the_wrong_type(box, change):
    change(box.config)
    box.run().failed()


@ours("errors")
@pytest.mark.parametrize("change, path", [
    (lambda c: c["process"].update(cwd=1), "process.cwd"), (lambda c: c["linux"]["namespaces"].append({"type": "nonsense"}), "linux.namespaces"),
    (lambda c: c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": "ro"}), "mounts[6].options"), (lambda c: c["process"]["user"].update(uid="root"), "process.user.uid"),
    (lambda c: c["linux"]["resources"].update(memory={"limit": "1g"}), "linux.resources.memory.limit")], ids=["cwd", "namespace", "options", "uid", "limit"])
def test_the_error_names_the_key(box, change, path):
    change(box.config)
    result = box.run().failed()
    said = result.err.replace("/", ".")
    assert path in said or path.replace("[6]", ".6") in said, result


@ours("errors")
def test_all_problems_at_once(box):
    box.process["cwd"] = "relative"
    box.linux["namespaces"].append({"type": "nonsense"})
    box.process["capabilities"]["bounding"] = ["CAP_NONSENSE"]
    result = box.run().failed()
    assert all(word in result.err for word in ("relative", "nonsense", "CAP_NONSENSE")), result
