"""features.md, and --version: what a runtime says of itself."""
import json
import re

import pytest

import machine
from requirements import engines, must


@pytest.fixture
def features(runtime):
    result = runtime("features")
    if result.code != 0 and not runtime.is_ours:
        pytest.skip("it has no features command, which the specification leaves to it")
    return json.loads(result.ok().out)


@must("features.md", "Specification version", since="1.1")
def test_versions(features):
    low, high = features["ociVersionMin"], features["ociVersionMax"]
    number = lambda text: tuple(map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", text).groups()))
    assert number(low) <= (1, 0, 2) and number(high) >= number(low)


@must("features.md", "Hooks", since="1.1")
def test_hooks(features):
    assert {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} <= set(features["hooks"])


@must("features.md", "Mount options", since="1.1")
def test_mount_options(features):
    required = """async atime bind defaults dev diratime dirsync exec lazytime loud noatime nodev nodiratime noexec nolazytime norelatime nostrictatime
                  nosuid private rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime suid sync unbindable""".split()
    assert set(required) - set(features["mountOptions"]) == set()


@must("features.md", "Mount options", since="1.1")
@pytest.mark.parametrize("option", ["ro", "rro", "noexec", "nosymfollow", "tmpcopyup", "rnosuid", "strictatime"])
def test_mount_options_it_names_work(features, box, option):
    if option not in features["mountOptions"]:
        pytest.skip("it does not name it")
    box.mount("/mnt", options=[option])
    box.run().ok()


@must("features.md", "Namespaces", since="1.1")
def test_namespaces_it_names_work(features, box):
    named = features["linux"]["namespaces"]
    assert {"pid", "network", "mount", "ipc", "uts", "user", "cgroup"} <= set(named)
    for kind in set(named) - {"user"}:
        box.namespace(kind)
    box.run().ok()


@must("features.md", "Capabilities", since="1.1")
def test_capabilities(features):
    assert {"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF"} <= set(features["linux"]["capabilities"])


@must("features.md", "Cgroup", since="1.1")
def test_cgroup(features):
    cgroup = features["linux"]["cgroup"]
    assert all(isinstance(cgroup[key], bool) for key in ("v1", "v2", "systemd", "systemdUser"))
    assert cgroup["v2"] if machine.cgroup_mode() == "unified" else cgroup["v1"]


@must("features.md", "Seccomp", since="1.1")
def test_seccomp(features):
    seccomp = features["linux"]["seccomp"]
    assert seccomp["enabled"] is True
    assert {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
            "SCMP_ACT_TRAP"} <= set(seccomp["actions"])
    assert {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"} <= set(seccomp["operators"])
    assert any("X86_64" in arch or "AARCH64" in arch for arch in seccomp["archs"])
    assert set(seccomp.get("supportedFlags", [])) <= set(seccomp.get("knownFlags", []))


@must("features.md", "Seccomp", since="1.1")
def test_seccomp_flags_it_names_work(features, box):
    for flag in features["linux"]["seccomp"].get("supportedFlags", []):
        if flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
            continue  # only with a listener
        box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
        assert "not permitted" in box.output("mkdir /x 2>&1; true"), flag


@must("features.md", "AppArmor", since="1.1")
@pytest.mark.parametrize("module", ["apparmor", "selinux"])
def test_security_modules(features, module):
    assert isinstance(features["linux"][module]["enabled"], bool)


@must("features.md", "Intel RDT", since="1.1")
def test_intel_rdt(features):
    assert isinstance(features["linux"]["intelRdt"]["enabled"], bool)


@must("features.md", "MountExtensions", since="1.2")
def test_idmap(features, box, scratch):
    enabled = features["linux"]["mountExtensions"]["idmap"]["enabled"]
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    (scratch / "given").mkdir()
    box.mount("/mnt", scratch / "given", "bind", ["bind", "idmap"], uidMappings=mapping, gidMappings=mapping)
    assert (box.run().code == 0) == enabled


@must("features.md", "Unsafe annotations in config.json", since="1.2")
def test_unsafe_annotations(features):
    assert all(isinstance(entry, str) and entry for entry in features.get("potentiallyUnsafeConfigAnnotations", []))


@engines("--version")
@pytest.mark.parametrize("option", ["--version", "-v"])
def test_version(runtime, option):
    """dockerd and conmon read it."""
    result = runtime(option, root=False)
    if option == "-v" and result.code:
        pytest.skip("it has no -v")
    lines = result.ok().lines
    assert re.match(r"\S+ version \S+", lines[0])
    assert any(re.match(r"commit: \S+", line) for line in lines)
    assert any(re.match(r"spec: \d+\.\d+\.\d+", line) for line in lines)


@engines("--help")
@pytest.mark.parametrize("command", ["create", "start", "state", "kill", "delete", "run", "exec", "list", "ps", "pause", "resume", "update", "spec"])
def test_help(runtime, command):
    result = runtime(command, "--help", root=False).ok()
    assert command in result.out


@engines("spec")
def test_spec_runs(box):
    """What `spec` writes is a bundle that runs."""
    box.runtime("spec", cwd=box.path).ok()
    config = json.loads((box.path / "config.json").read_text())
    assert re.match(r"1\.\d+\.\d+", config["ociVersion"]) and config["root"]["path"] == "rootfs"
    config["process"].update(terminal=False, args=["/bin/echo", "here"])
    config["linux"]["cgroupsPath"] = box.cgroup
    box.write(json.dumps(config))
    assert box.run().ok().text == "here"


@engines("spec --bundle")
def test_spec_into_a_directory(box, scratch):
    box.runtime("spec", "--bundle", scratch, cwd="/").ok()
    assert (scratch / "config.json").exists()


@engines("spec --rootless")
def test_spec_rootless(box):
    box.runtime("spec", "--rootless", cwd=box.path).ok()
    config = json.loads((box.path / "config.json").read_text())
    assert "user" in [entry["type"] for entry in config["linux"]["namespaces"]]
    assert config["linux"]["uidMappings"][0]["size"] == 1


@engines("spec")
def test_spec_overwrites_nothing(box):
    box.write()
    before = (box.path / "config.json").read_text()
    box.runtime("spec", cwd=box.path).failed("exist")
    assert (box.path / "config.json").read_text() == before
