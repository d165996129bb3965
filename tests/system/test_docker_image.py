"""A real image of Docker's, in every form, looks and runs as it does under Docker: see ../shared/fixtures."""
import json
import subprocess
import sys

import pytest

import docker_archive
from bundles import make_tree
from harness import FIXTURES, PROJECT, need

TREELIST = FIXTURES / "treelist.py"

# What minirun adds to the merged view: places to mount on, where the image has none.
MOUNT_POINTS = {
    "'/etc/hostname' f 0644 0:0 0 e3b0c44298fc1c14",
    "'/etc/hosts' f 0644 0:0 0 e3b0c44298fc1c14",
    "'/etc/resolv.conf' f 0644 0:0 0 e3b0c44298fc1c14",
}
VOLUME = {"'/vol' d 0755 0:0"}

# The README of the fixture tells what Docker printed.
DOCKER_RUN = "hello world from sample arg with space as tester in /home/tester/work\n"
DOCKER_RUN_X = "hello world from x y z as tester in /home/tester/work\n"


class Sample:
    """The image, unpacked once: its layers beside each other, and a bundle for each form of its config."""

    def __init__(self, directory):
        archive = need(FIXTURES / "sample.docker.tar", "the fixtures belong into ../shared/fixtures, beside the checkout")
        self.config, self.layers = docker_archive.unpack(archive, directory / "layers")
        inspected = json.loads((FIXTURES / "sample.inspect.json").read_text())
        paths = [str(path) for path in self.layers]
        inspected[0]["GraphDriver"]["Data"] |= {"UpperDir": paths[-1], "LowerDir": ":".join(reversed(paths[:-1]))}
        self.forms = {
            "docker save": make_tree(directory / "saved", {"config.json": json.dumps(self.config)}),
            "docker image inspect": make_tree(directory / "inspected", {"config.json": json.dumps(inspected)}),
            "in place": make_tree(directory / "place", {"sample.inspect.json": json.dumps(inspected)}) / "sample.inspect.json",
        }
        for form in ("docker save", "docker image inspect"):
            (self.forms[form] / "layers").symlink_to(directory / "layers")
        self.truth = (FIXTURES / "sample.truth").read_text().splitlines()


@pytest.fixture(scope="module")
def sample(workspace):
    return Sample(workspace / "sample")


@pytest.fixture(params=["docker save", "docker image inspect", "in place"])
def form(request, sample):
    return sample.forms[request.param]


@pytest.fixture(params=["new mount API", "old mount call"])
def kernel(request):
    return {} if request.param == "new mount API" else {"MINIRUN_WITHOUT": "lowerdir+"}


def no_ports(result):
    """The image exposes ports, and minirun has a remark about that."""
    assert result.err == ("minirun: the image exposes 5353/udp, 8080/tcp, but the container has no network "
                          "(-P publishes them, --network host gives it the host's)\n"), result
    assert result.code == 0, result
    return result.out


def test_it_prints_what_it_prints_under_docker(minirun, form, kernel):
    assert no_ports(minirun.run(form, env=kernel)) == DOCKER_RUN
    assert no_ports(minirun.run(form, "x", "y z", env=kernel)) == DOCKER_RUN_X


def merged_view(minirun, image, *options, env):
    """What treelist.py, run on the host, lists of a running container's overlay, without what is mounted upon it."""
    with minirun.start("run", "-q", *options, "--user", "0", "--workdir", "/", "--entrypoint", "sh", image,
                       "-c", "echo up; exec sleep 1000", env=env) as container:
        container.wait_for("up")
        listed = subprocess.run([sys.executable, PROJECT / "tests/system/bare_root.py", str(container.pid), TREELIST, "/"],
                                stdout=subprocess.PIPE, text=True, check=True)
        return listed.stdout.splitlines()


def without_times(lines):
    return {line.partition(" @")[0] for line in lines}


@pytest.mark.parametrize("options", [["--tmpfs-upper"], []], ids=["memory", "disk"])
def test_the_merged_view_is_dockers_own(minirun, sample, form, kernel, options):
    listed = merged_view(minirun, form, *options, env=kernel)
    added = [line for line in listed if line not in set(sample.truth)]
    assert without_times(added) == MOUNT_POINTS | VOLUME
    assert [line for line in listed if line not in added] == sample.truth


def test_the_merged_view_without_a_writable_layer(minirun, sample, form, kernel):
    """Docker adds the places to mount on that the image lacks, here /vol, even where nothing else can be written."""
    listed = merged_view(minirun, form, "--read-only", env=kernel)
    added = [line for line in listed if line not in set(sample.truth)]
    assert without_times(added) <= MOUNT_POINTS | VOLUME
    assert [line for line in listed if line not in added] == sample.truth


def test_the_layers_stay_as_they_were(minirun, sample):
    list_all = lambda: [subprocess.run([sys.executable, TREELIST, layer], stdout=subprocess.PIPE, check=True).stdout
                        for layer in sample.layers]
    before = list_all()
    changes = "rm -r /data /names; echo x > /etc/passwd; chmod 777 /perm /home; mkdir /opaque/n; chown -R 5 /setgid; touch /vol/x"
    no_ports(minirun.run("--user", "0", "--entrypoint", "sh", sample.forms["docker save"], "-c", changes))
    assert list_all() == before
