"""config.md "Linux Process": capabilities."""
import pytest

import machine
from requirements import must, ours, should
from runtime import capability_mask

NUMBERS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8,
           "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24,
           "CAP_MKNOD": 27, "CAP_AUDIT_WRITE": 29, "CAP_SETFCAP": 31, "CAP_PERFMON": 38, "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40}
FIELDS = {"bounding": "CapBnd", "effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "ambient": "CapAmb"}


def mask(*names):
    return sum(1 << NUMBERS[name] for name in names)


def sets(box, **sets):
    box.process["capabilities"] = sets
    status = box.proc_status()
    return {name: capability_mask(status, field) for name, field in FIELDS.items()}


@must("config.md", "Linux Process")
def test_just_those_that_are_asked_for(box):
    names = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]
    found = sets(box, bounding=names, effective=names, permitted=names)
    assert found == {"bounding": mask(*names), "effective": mask(*names), "permitted": mask(*names), "inheritable": 0, "ambient": 0}


@must("config.md", "Linux Process")
@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "CAP_SYS_RESOURCE"])
def test_each(box, name):
    machine.need_capability(name, NUMBERS[name])
    found = sets(box, bounding=[name], effective=[name], permitted=[name])
    assert found["effective"] == found["permitted"] == found["bounding"] == mask(name)


@must("config.md", "Linux Process")
@pytest.mark.parametrize("given", [{}, {"bounding": []}, {"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []}], ids=["empty", "bounding", "all empty"])
def test_none(box, given):
    assert set(sets(box, **given).values()) == {0}


@must("config.md", "Linux Process")
def test_no_capabilities_object(box):
    """Then none are set: what a root without any asked for may do is nothing."""
    del box.process["capabilities"]
    status = box.proc_status()
    assert capability_mask(status, "CapEff") & mask("CAP_SYS_ADMIN") == 0


@must("config.md", "Linux Process")
def test_bounding_alone(box):
    """With no more than a bounding set root gets what execve gives to it: all in the set."""
    found = sets(box, bounding=["CAP_CHOWN", "CAP_KILL"])
    assert found["bounding"] == mask("CAP_CHOWN", "CAP_KILL")
    assert found["effective"] & ~found["bounding"] == 0


@must("config.md", "Linux Process")
def test_inheritable_and_ambient(box):
    names = ["CAP_NET_BIND_SERVICE", "CAP_KILL"]
    box.process["user"] = {"uid": 1000, "gid": 1000}
    found = sets(box, bounding=names, effective=names, permitted=names, inheritable=names, ambient=names)
    assert found == {name: mask(*names) for name in FIELDS}


@must("config.md", "Linux Process")
def test_a_user_without_ambient_has_none(box):
    names = ["CAP_NET_BIND_SERVICE"]
    box.process["user"] = {"uid": 1000, "gid": 1000}
    found = sets(box, bounding=names, effective=names, permitted=names)
    assert (found["effective"], found["permitted"], found["bounding"]) == (0, 0, mask(*names))


@must("config.md", "Linux Process")
def test_inheritable_alone(box):
    names = ["CAP_KILL", "CAP_CHOWN"]
    assert sets(box, bounding=names, effective=names, permitted=names, inheritable=["CAP_KILL"])["inheritable"] == mask("CAP_KILL")


@must("config.md", "Linux Process")
def test_the_effect(box):
    box.process["capabilities"] = {}
    assert "not permitted" in box.output("chown 1000 /tmp 2>&1; true")
    box.process["capabilities"] = {which: ["CAP_CHOWN"] for which in ("bounding", "effective", "permitted")}
    assert box.output("chown 1000 /tmp && stat -c %u /tmp") == "1000"


@must("config.md", "Linux Process")
def test_what_does_not_exist_is_told(box):
    """As a warning or as an error: never silently."""
    box.process["capabilities"] = {"bounding": ["CAP_CHOWN", "CAP_NONSENSE"], "permitted": ["CAP_NONSENSE"], "effective": ["CAP_NONSENSE"]}
    box.run().says("CAP_NONSENSE", "NONSENSE")


@should("config.md", "Linux Process")
def test_what_cannot_be_granted_does_not_stop_the_container(box):
    if machine.capabilities() >> NUMBERS["CAP_SYS_RESOURCE"] & 1:
        before, name = ["setpriv", "--bounding-set", "-sys_resource"], "CAP_SYS_RESOURCE"
    else:
        before, name = [], "CAP_SYS_RESOURCE"
    box.process["capabilities"] = {which: ["CAP_CHOWN", name] for which in ("bounding", "effective", "permitted")}
    status = box.proc_status(before=before)
    assert capability_mask(status, "CapEff") == mask("CAP_CHOWN")


@must("config.md", "Linux Process")
def test_what_cannot_be_granted_is_told(box):
    before = ["setpriv", "--bounding-set", "-sys_resource"] if machine.capabilities() >> NUMBERS["CAP_SYS_RESOURCE"] & 1 else []
    box.process["capabilities"] = {which: ["CAP_CHOWN", "CAP_SYS_RESOURCE"] for which in ("bounding", "effective", "permitted")}
    box.run(before=before).says("SYS_RESOURCE")


@ours("errors")
@pytest.mark.parametrize("name", ["CAP_NONSENSE", "CAP_", "CHOWNX", "cap_chown "])
def test_an_unknown_name_is_an_error(box, name):
    box.process["capabilities"] = {"bounding": [name]}
    box.run().failed(name.strip())
