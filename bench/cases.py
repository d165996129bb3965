"""The cases whose commands are timed. Each makes what it needs in `world.scratch` and returns a Case; what it leaves running
until the end of the case is on `world.stack`."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import peers
from measure import WITHOUT_UNIFIED, Case, Target

PROJECT = pathlib.Path(__file__).resolve().parents[1]
# Where bench/run installs what is measured.
PROGRAMS = PROJECT / "build/bench"
MINIRUN = PROGRAMS / "minirun"
MINIRUN_OCI = PROGRAMS / "minirun-oci"
FLOOR = PROGRAMS / "floor"
EXAMPLES = PROJECT / "rootfs-examples"
CGROUPS = pathlib.Path("/sys/fs/cgroup")


class World:
    """Where a case works."""

    def __init__(self, scratch, stack, quick):
        self.scratch, self.stack, self.quick = pathlib.Path(scratch), stack, quick
        self.env = {**os.environ, "MINIRUN_ROOT": str(self.scratch / "root")}

    def layers(self):
        """Those of the image with six layers, the topmost first."""
        return sorted((self.image() / "layers").iterdir(), reverse=True)

    def image(self, count=6):
        """A bundle of so many layers: busybox, and others with a file or two each."""
        bundle = self.scratch / f"image-{count}"
        if not bundle.exists():
            (bundle / "layers").mkdir(parents=True)
            shutil.copy(EXAMPLES / "busybox-bundle/config.json", bundle)
            (bundle / "layers/000").symlink_to(min((EXAMPLES / "busybox-bundle/layers").iterdir()).resolve())
            for i in range(1, count):
                (bundle / f"layers/{i:03}/srv").mkdir(parents=True)
                (bundle / f"layers/{i:03}/srv/file-{i}").write_text(f"{i}\n")
            config = json.loads((bundle / "config.json").read_text())
            config.pop("rootfs", None)
            config.pop("history", None)
            (bundle / "config.json").write_text(json.dumps(config))
        return bundle

    def archive(self, bundle, name):
        """The same as an archive that engines load."""
        path = self.scratch / f"{bundle.name}.tar"
        for words in (["load", "-q", "--tag", name, bundle], ["save", "-o", path, name]):
            subprocess.run([MINIRUN, *words], env=self.env, **peers.QUIET)
        return path

    def oci_bundle(self, change=lambda spec: None, name="bundle"):
        bundle = self.scratch / name
        shutil.copytree(self.layers()[-1].resolve(), bundle / "rootfs", symlinks=True)
        subprocess.run(["runc", "spec", "--bundle", bundle], check=True)
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"].update(args=["/bin/true"], terminal=False)
        spec["linux"]["cgroupsPath"] = "/minirun-bench"  # the same for all
        change(spec)
        (bundle / "config.json").write_text(json.dumps(spec))
        return bundle


def floor(world, *options):
    return [FLOOR, *options, world.scratch / "floor", "/bin/true", *world.layers()]


def bwrap(world, *namespaces):
    """One directory and no filter: bwrap has no layers, no profile and no /dev/shm or cgroups of its own."""
    return ["bwrap", *namespaces, "--bind", world.layers()[-1], "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]


def start(world):
    commands = {"minirun run": [MINIRUN, "run", world.image(), "/bin/true"], "floor": floor(world)}
    notes = ["crun, runc and bwrap get the lowest layer as a directory: they merge none"]
    if peers.found("bwrap"):
        commands["bwrap"] = bwrap(world, "--unshare-all")
    if peers.found("runc"):
        bundle = world.oci_bundle()
        for name, runtime in peers.oci_runtimes(world.scratch, MINIRUN_OCI).items():
            if name != "minirun-oci":
                commands[name] = [*runtime, "run", "--bundle", bundle, "bench"]
    if not world.quick:
        archive = world.archive(world.image(), "bench:six")
        if docker := world.stack.enter_context(peers.docker(archive, "bench:six")):
            commands["docker run"] = [*docker, "run", "--rm", "--network", "none", "bench:six", "/bin/true"]
        if podman := world.stack.enter_context(peers.podman(archive)):
            commands["podman run"] = [*podman, "run", "--rm", "--network", "none", "bench:six", "/bin/true"]
        if peers.found("systemd-nspawn"):
            nspawn = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network", "-D", world.layers()[-1], "/bin/true"]
            done = subprocess.run([*WITHOUT_UNIFIED, *map(str, nspawn)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                commands["systemd-nspawn"] = nspawn
            else:
                notes.append(f"systemd-nspawn does not run here: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
    return Case(commands, [Target("minirun run", "floor", 1.25), Target("minirun run", "bwrap", 1.2), Target("minirun run", "crun", 0.6), Target("minirun run", "runc", 0.2),
                           Target("minirun run", "docker run", 0.02)], notes)


def limit_files():
    """Files and values of the limits below, in cgroups of the floor's own."""
    if (CGROUPS / "cgroup.controllers").exists():
        own = CGROUPS / "minirun-floor"
        return [f"{own}/memory.max=268435456", f"{own}/pids.max=100", f"{own}/cpu.max=100000 100000"]
    name = "minirun-floor"
    return [f"{CGROUPS}/memory/{name}/memory.limit_in_bytes=268435456", f"{CGROUPS}/pids/{name}/pids.max=100", f"{CGROUPS}/cpu/{name}/cpu.cfs_quota_us=100000"]


def start_limits(world):
    options = [word for limit in limit_files() for word in ("--limit", limit)]
    return Case({"minirun run": [MINIRUN, "run", "-m", "256m", "--pids-limit", "100", "--cpus", "1", world.image(), "/bin/true"], "floor": floor(world, *options)},
                [Target("minirun run", "floor", 1.25)])


def start_bare(world):
    commands = {"minirun run": [MINIRUN, "run", "-q", "--network", "host", world.image(), "/bin/true"], "floor": floor(world, "--host-network")}
    if peers.found("bwrap"):
        commands["bwrap"] = bwrap(world, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup")
    return Case(commands, [Target("minirun run", "floor", 1.25), Target("minirun run", "bwrap", 0.75)])


def start_userns(world):
    commands = {"minirun run": [MINIRUN, "run", "--userns", "private", world.image(), "/bin/true"], "minirun run, none": [MINIRUN, "run", world.image(), "/bin/true"]}
    return Case(commands)


def start_pasta(world):
    commands = {"minirun run": [MINIRUN, "run", "-q", "--network", "pasta", world.image(), "/bin/true"], "minirun run, none": [MINIRUN, "run", world.image(), "/bin/true"]}
    if peers.found("podman") and not world.quick:
        podman = world.stack.enter_context(peers.podman(world.archive(world.image(), "bench:six")))
        commands["podman run"] = [*podman, "run", "--rm", "--network", "pasta", "bench:six", "/bin/true"]
        if subprocess.run([*WITHOUT_UNIFIED, *map(str, commands["podman run"])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            del commands["podman run"]  # of Debian 12: 4.3 has no pasta
    return Case(commands if peers.found("pasta") else {})


def of_oci_runtimes(world, bundle, words, targets):
    runtimes = peers.oci_runtimes(world.scratch, MINIRUN_OCI)
    order = ["minirun-oci", *[name for name in runtimes if name != "minirun-oci"]]
    return Case({name: words(runtimes[name], bundle) for name in order}, [Target("minirun-oci", peer, ratio) for peer, ratio in targets.items()])


def run_words(runtime, bundle):
    return [*runtime, "run", "--bundle", bundle, "bench"]


def oci(world):
    return of_oci_runtimes(world, world.oci_bundle(), run_words, {"crun": 0.65, "runc": 0.2})


def oci_steps(world):
    script = 'bundle=$1; shift; "$@" create --bundle "$bundle" bench && "$@" start bench && exec "$@" delete --force bench'
    case = of_oci_runtimes(world, world.oci_bundle(), lambda runtime, bundle: ["sh", "-c", script, "sh", bundle, *runtime], {"crun": 0.65, "runc": 0.2})
    # What three programs and a container cost at least: the floor, and twice a static program that does nothing.
    case.commands["floor"] = ["sh", "-c", '"$@" && /bin/busybox true && exec /bin/busybox true', "sh", *floor(world)]
    return case


def oci_seccomp(world):
    profile = peers.default_seccomp()
    if profile is None:
        return Case({}, notes=["the engines' profile is missing: bench/install-peers"])
    return of_oci_runtimes(world, world.oci_bundle(lambda spec: spec["linux"].update(seccomp=profile)), run_words, {"crun": 0.5, "runc": 0.2})


def layers(world):
    counts = [6, 1, 127] if world.quick else [6, 1, 10, 40, 127, 500]
    return Case({f"{count} layers": [MINIRUN, "run", world.image(count), "/bin/true"] for count in counts}, [Target("500 layers", "6 layers", 2), Target("127 layers", "6 layers", 2)])


def exec_(world):
    commands = {}
    subprocess.run([MINIRUN, "run", "-d", "--name", "bench", world.image(), "sleep", "100000"], env=world.env, **peers.QUIET)
    world.stack.callback(subprocess.run, [MINIRUN, "rm", "-f", "bench"], env=world.env, stdout=subprocess.DEVNULL)
    commands["minirun exec"] = [MINIRUN, "exec", "bench", "/bin/true"]
    found = json.loads(subprocess.run([MINIRUN, "inspect", "bench"], env=world.env, capture_output=True, check=True).stdout)
    commands["floor"] = [FLOOR, "--enter", str(found[0]["State"]["Pid"]), "/bin/true"]
    for name, runtime in peers.oci_runtimes(world.scratch, MINIRUN_OCI).items():
        bundle = world.oci_bundle(lambda spec: (spec["process"].update(args=["/bin/sleep", "100000"]), spec["linux"].update(cgroupsPath=f"/minirun-bench-{name}")), f"{name}-bundle")
        world.stack.callback(subprocess.run, [*WITHOUT_UNIFIED, *runtime, "delete", "--force", "bench"])
        subprocess.run([*WITHOUT_UNIFIED, *runtime, "run", "--detach", "--bundle", bundle, "bench"], **peers.QUIET)
        commands[f"{name} exec"] = [*runtime, "exec", "bench", "/bin/true"]
    return Case(commands, [Target("minirun exec", "crun exec", 0.4), Target("minirun-oci exec", "crun exec", 0.4)])


def test(world):
    times, jobs = (200 if world.quick else 2000), len(os.sched_getaffinity(0))
    listed = world.scratch / "list"
    listed.write_text("".join(f"{i}\n" for i in range(times)))
    commands = {"minirun test": [MINIRUN, "test", "--from", listed, world.image(), "--", "/bin/true"],
                "floor": [FLOOR, "--many", times, jobs, world.scratch / "floor", "/bin/true", *world.layers()]}
    if peers.found("bwrap"):
        commands["xargs bwrap"] = ["xargs", "-a", listed, "-P", jobs, "-n", 1, *bwrap(world, "--unshare-all")]
    # 0.8 of the floor's rate, and twice that of bwrap.
    return Case(commands, [Target("minirun test", "floor", 1.25), Target("minirun test", "xargs bwrap", 0.5)], [f"{times} times /bin/true, {jobs} at once"], slow=True)


UNPACK = """cd "$PLACE" && for layer do n=$((n + 1)); mkdir $n
            ($UNZIP -dc "$layer" | tee >(sha256sum >/dev/null) | tar -x -C $n) & done; wait"""
# Each run in a directory of its own, and none is removed before the end: for a minute ext4 gives out no inode again that
# was deleted, and looks for others at each file that is made.
IN_NEW_PLACE = 'PLACE=$(mktemp -d "$0/XXXXXX"); export PLACE; exec "$@"'


def load(world):
    bundle = EXAMPLES / "pytest-bundle"
    if not peers.found("skopeo", "umoci") or not (bundle / "config.json").exists():
        return Case({}, notes=["needs skopeo, umoci and rootfs-examples/build pytest-bundle"])
    scratch, first = world.scratch, {**os.environ, "MINIRUN_ROOT": str(world.scratch / "first")}
    archive = world.archive(bundle, "bench:pytest")
    subprocess.run(["skopeo", "copy", "--insecure-policy", f"docker-archive:{archive}", f"oci:{scratch}/layout:1"], **peers.QUIET)
    subprocess.run(["skopeo", "copy", "--insecure-policy", f"oci:{scratch}/layout:1", f"oci-archive:{scratch}/layout.tar:bench:1"], **peers.QUIET)
    subprocess.run([MINIRUN, "load", scratch / "layout"], env=first, **peers.QUIET)
    blobs = [path for path in (scratch / "layout/blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b"]
    unzip = "igzip" if peers.found("igzip") else "gzip"

    def new_place(script, *words):
        return ["sh", "-c", IN_NEW_PLACE, scratch, "bash", "-c", script, "bash", *words]

    commands = {"minirun load": new_place('MINIRUN_ROOT=$PLACE exec "$@"', MINIRUN, "load", "-q", scratch / "layout"),
                f"floor ({unzip})": new_place(f"UNZIP={unzip}; {UNPACK}", *blobs),
                "again": ["env", f"MINIRUN_ROOT={scratch}/first", MINIRUN, "load", "-q", scratch / "layout"],
                "umoci unpack": new_place('exec "$@" "$PLACE/bundle"', "umoci", "unpack", "--image", f"{scratch}/layout:1")}
    if peers.found("podman"):
        commands["podman load"] = new_place('exec podman --root "$PLACE/overlay-root" --runroot "$PLACE/run" load -q -i "$1"', scratch / "layout.tar")
        world.stack.callback(unmount_podman, scratch)
    time.sleep(65)
    return Case(commands, [Target("minirun load", f"floor ({unzip})", 1.3), Target("minirun load", "umoci unpack", 0.35), Target("minirun load", "podman load", 0.25),
                           Target("again", "minirun load", 0.05)], [f"{sum(path.stat().st_size for path in blobs) / 1e6:.0f} MB in {len(blobs)} gzip layers"], slow=True)


def unmount_podman(scratch):
    """It mounts its storage upon itself."""
    for mounted in filter(os.path.ismount, scratch.glob("*/overlay-root/overlay")):
        subprocess.run(["umount", mounted], check=True)


def version(world):
    return Case({"minirun --version": [MINIRUN, "--version"], "busybox true": ["/bin/busybox", "true"]})


TIMED = {"start": start, "start-limits": start_limits, "start-bare": start_bare, "start-userns": start_userns, "start-pasta": start_pasta, "oci": oci, "oci-steps": oci_steps,
         "oci-seccomp": oci_seccomp, "layers": layers, "exec": exec_, "test": test, "load": load, "version": version}
