"""minirun run --report-diff: what a container has changed in its root file system. How a writable layer is told against
those below it is tested in tests/unit/image/changes_test.cpp; here it is the kernel that makes it."""
import json

import jsonschema
import pytest

from bundles import Directory, File, Link
from harness import PROJECT

SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text())
UPPERS = [[], ["--tmpfs-upper"], ["--userns", "private"], ["--userns", "private", "--tmpfs-upper"], ["--isolate-layers"], ["--init"], ["--pid", "host"]]


@pytest.fixture
def image(bundle):
    below = {"etc/first": "1", "old/a": "aa", "old/b": "b", "data": Directory(), "link": Link("/data")}
    return bundle(layers=[below, {"etc/second": File("22", uid=1000), "old/c": "c"}])


@pytest.fixture
def changes_of(minirun, scratch):
    """Runs a script; returns {"added": {path: (type, size)}, …}."""
    def run(image, script, *options, code=0):
        result = minirun.run("--report", scratch / "report", "--report-diff", *options, image, "sh", "-c", script)
        assert (result.code, result.err) == (code, ""), result
        report = json.loads((scratch / "report").read_text())
        jsonschema.validate(report, SCHEMA)
        for kind in "added", "modified", "deleted":
            paths = [one["path"] for one in report["changes"][kind]]
            assert paths == sorted(paths, key=lambda path: path.encode())
            report["changes"][kind] = {one["path"]: (one["type"], one["size"]) for one in report["changes"][kind]}
        return report["changes"]
    return run


@pytest.mark.parametrize("options", UPPERS, ids=str)
def test_each_kind(changes_of, image, options):
    script = "echo 12345 > /new; mkdir -p /dir/below; ln -s x /dir/link; echo more >> /etc/first; rm /etc/second; rm -r /old; chmod 700 /data; touch /etc/third"
    assert changes_of(image, script, *options) == {
        "added": {"/dir": ("directory", 0), "/dir/below": ("directory", 0), "/dir/link": ("symlink", 0), "/etc/third": ("file", 0), "/new": ("file", 6)},
        "modified": {"/data": ("directory", 0), "/etc/first": ("file", 6)},
        "deleted": {"/etc/second": ("file", 2), "/old": ("directory", 0)}, "omitted": 0}


@pytest.mark.parametrize("options", UPPERS[:4], ids=str)
def test_nothing(changes_of, image, options):
    """Not even what is made for mounts, nor the working directory."""
    more = ["-v", "/var/tmp:/deep/down/volume", "--tmpfs", "/link/memory", "-w", "/work/dir", "--add-host", "a:127.0.0.1"]
    assert changes_of(image, "touch /link/memory/x", *options, *more) == {"added": {}, "modified": {}, "deleted": {}, "omitted": 0}


@pytest.mark.parametrize("options", UPPERS[:4], ids=str)
def test_a_directory_made_again(changes_of, image, options):
    changes = changes_of(image, "rm -r /old; mkdir /old; touch /old/b /old/new", *options)
    assert changes == {"added": {"/old/new": ("file", 0)}, "modified": {"/old/b": ("file", 0)},
                       "deleted": {"/old/a": ("file", 2), "/old/c": ("file", 1)}, "omitted": 0}


def test_who_owns_it(changes_of, image):
    for options in UPPERS[:4]:
        assert changes_of(image, "chown 5 /data; chown 0 /old", *options)["modified"] == {"/data": ("directory", 0)}


def test_read_only(changes_of, image):
    assert changes_of(image, "touch /tmp/x /dev/shm/y; touch /z 2>/dev/null; true", "--read-only", "--tmpfs", "/tmp") == {"added": {}, "modified": {}, "deleted": {}, "omitted": 0}


def test_names_that_are_no_text(changes_of, image):
    added = changes_of(image, r"""touch "$(printf '/data/\377\033[31m')" "$(printf '/data/a\nb')" '/data/"'""")["added"]
    assert set(added) == {"/data/\ufffd\x1b[31m", "/data/a\nb", '/data/"'}


def test_many(changes_of, image):
    changes = changes_of(image, "cd /data; i=10000; while [ $i -lt 15000 ]; do : > $i; i=$((i+1)); done", "--tmpfs-upper")
    assert (len(changes["added"]), changes["omitted"]) == (4096, 904)
    assert min(changes["added"]) == "/data/10000" and max(changes["added"]) == "/data/14095"


def test_deeper_than_it_looks(changes_of, image):
    changes = changes_of(image, "cd /data; i=0; while [ $i -lt 230 ]; do mkdir d && cd d; i=$((i+1)); done; true", "--tmpfs-upper")
    assert len(changes["added"]) < 250 and changes["omitted"] == 1


def test_links_in_it_lead_nowhere(changes_of, image):
    """Neither is /etc/shadow of the host looked at, nor what is below the link in the image."""
    changes = changes_of(image, "ln -s /etc /data/etc; rm /link; mkdir /link; touch /link/x; busybox mkfifo /data/fifo")
    assert changes["added"] == {"/data/etc": ("symlink", 0), "/data/fifo": ("fifo", 0), "/link/x": ("file", 0)}
    assert changes["modified"] == {"/link": ("directory", 0)} and changes["deleted"] == {}


def test_after_the_time_limit(changes_of, image):
    assert changes_of(image, "echo 1 > /left; sleep 100", "--timeout", "0.5", code=124)["added"] == {"/left": ("file", 2)}


def test_what_others_leave_running_is_ended_before(changes_of, image):
    """Otherwise it would go on changing what is looked at."""
    script = "(i=0; while :; do i=$((i+1)); : > /data/$i; done) >/dev/null 2>&1 & sleep 0.2"
    assert len(changes_of(image, script, "--pid", "host")["added"]) > 0


def test_not_asked_for(minirun, scratch, image):
    minirun.run("--report", scratch / "report", image, "touch", "/x").ok()
    assert "changes" not in json.loads((scratch / "report").read_text())


def test_without_a_report(minirun, image):
    minirun.run("--report-diff", image, "true").refused(125, "--report-diff is for --report only", hint="--report FILE")


def test_a_runtime_bundle(minirun, scratch, runtime_bundle):
    config, runtime = runtime_bundle(["touch", "/x"])
    config["root"]["readonly"] = False
    path = runtime.write(config)
    minirun.run("--report", scratch / "report", "--report-diff", path).refused_with(125, "--report-diff: the root file system of this runtime bundle is used as it is", hint="--tmpfs-upper")
    minirun.run("-q", "--report", scratch / "report", "--report-diff", "--tmpfs-upper", path).ok()
    assert [one["path"] for one in json.loads((scratch / "report").read_text())["changes"]["added"]] == ["/x"]
