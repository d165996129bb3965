"""The cases that hyperfine cannot measure: rates, memory, what a sandbox costs the work in it, requests. Each returns an
Outcome; smaller is better in all of them."""
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import peers
from cases import EXAMPLES, FLOOR, MINIRUN, MINIRUN_OCI
from measure import WITHOUT_UNIFIED, Outcome, Target

KIB, MIB = 1024, 1024 * 1024


def run(command, env=None, **more):
    return subprocess.run([*map(str, command)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def seconds(command, env, before=WITHOUT_UNIFIED):
    begin = time.perf_counter()
    subprocess.run([*before, *map(str, command)], env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def in_turns(commands, env, rounds):
    """Seconds of each, one after the other, round after round."""
    values = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            values[name].append(seconds(command, env))
    return values


# Many at once

def parallel(world, rounds):
    count = 32 if world.quick else 64
    listed = world.scratch / "list"
    listed.write_text("".join(f"{i}\n" for i in range(count)))

    def at_once(jobs):
        each = ["xargs", "-a", listed, "-P", jobs]
        return {f"minirun run, {jobs} at once": [*each, "-n", 1, "sh", "-c", 'exec "$@"', "sh", MINIRUN, "run", world.image(), "/bin/true"],
                f"floor, {jobs} at once": [*each, "-I", "{}", "sh", "-c", 'exec "$@"', "sh", FLOOR, f"{world.scratch}/floor.{{}}", "/bin/true", *world.layers()]}

    commands = {}
    for jobs in ([16] if world.quick else [1, 2, 4, 8, 16]):
        commands |= at_once(jobs)
    # The list's number is a word of /bin/true's, which takes any.
    values = in_turns(commands, world.env, rounds)
    targets = [Target("minirun run, 16 at once", "floor, 16 at once", 1 / 0.9)]
    running = 0
    for wanted in ([] if world.quick else [100, 500]):
        while running < wanted:
            subprocess.run([MINIRUN, "run", "-q", "-d", world.image(), "sleep", "100000"], env=world.env, **peers.QUIET)
            running += 1
        if wanted == 100:
            world.stack.callback(remove_all, world)
        renamed = {f"{name}, {wanted} running": command for name, command in at_once(16).items()}
        values |= in_turns(renamed, world.env, rounds)
        targets.append(Target(f"minirun run, 16 at once, {wanted} running", "minirun run, 16 at once", 1.1))
    return Outcome("parallel", values, targets, [f"seconds for {count} containers"])


def remove_all(world):
    for name in run([MINIRUN, "ps", "-aq", "--no-trunc"], world.env).stdout.split():
        run([MINIRUN, "rm", "-f", name], world.env)


def crowd(world, rounds):
    """ps, run and rm with one container alive, and with many."""
    values, running = {}, 0
    counts = [1, 50] if world.quick else [1, 500]
    world.stack.callback(remove_all, world)
    for wanted in counts:
        while running < wanted:
            subprocess.run([MINIRUN, "run", "-q", "-d", "--name", f"n{running}", EXAMPLES / "nginx-bundle"], env=world.env, **peers.QUIET)
            running += 1
        time.sleep(1 if world.quick else 5)
        for _ in range(rounds * 5):
            for name, command in {"ps": ["ps"], "run": ["run", "-d", "--name", "one-more", world.image(), "sleep", "1000"], "rm": ["rm", "-f", "one-more"]}.items():
                values.setdefault(f"{name}, {wanted} alive", []).append(seconds([MINIRUN, *command], world.env, before=()))
    return Outcome("crowd", values, [Target(f"{name}, {counts[1]} alive", f"{name}, 1 alive", 2) for name in ("ps", "run", "rm")], ["nginx containers"])


# Memory

def rollup(pid, *keys):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(re.search(rf"^{key}: +(\d+)", text, re.M)[1]) for key in keys) * KIB


def parent_of(pid):
    return int(re.search(r"^PPid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def memory(world, rounds):
    """What stays beside each container: private memory with two of a kind, so that pages of the program count for nobody."""
    values = {}
    own = lambda pid: rollup(pid, "Private_Clean", "Private_Dirty")
    world.stack.callback(remove_all, world)
    for name in ("one", "two"):
        subprocess.run([MINIRUN, "run", "-q", "-d", "--name", name, world.image(), "sleep", "100000"], env=world.env, **peers.QUIET)
    values["minirun's supervisor"] = [own(parent_of(json.loads(run([MINIRUN, "inspect", name], world.env).stdout)[0]["State"]["Pid"])) for name in ("one", "two")]
    if not world.quick:
        archive = world.archive(world.image(), "bench:six")
        if podman := world.stack.enter_context(peers.podman(archive)):
            ids = [run([*WITHOUT_UNIFIED, *podman, "run", "-d", "--network", "none", "bench:six", "sleep", "100000"]).stdout.strip() for _ in range(2)]
            pids = [run([*podman, "inspect", "--format", "{{.State.ConmonPid}}", one]).stdout.strip() for one in ids]
            if all(pids):
                values["conmon"] = [own(pid) for pid in pids]
        if docker := world.stack.enter_context(peers.docker(archive, "bench:six")):
            ids = [run([*docker, "run", "-d", "--network", "none", "bench:six", "sleep", "100000"]).stdout.strip() for _ in range(2)]
            pids = [run([*docker, "inspect", "--format", "{{.State.Pid}}", one]).stdout.strip() for one in ids]
            if all(pids):
                values["containerd-shim"] = [own(parent_of(pid)) for pid in pids]
    return Outcome("memory", values, [Target("minirun's supervisor", "conmon", 0.5), Target("minirun's supervisor", "containerd-shim", 0.06)], [], "B")


def least_memory(world, rounds):
    """The smallest memory limit with which /bin/true runs."""
    sizes = [2 ** n * KIB for n in range(7, 17)]
    values = {}

    def least(works):
        return next((size for size in sizes if all(works(size) for _ in range(3))), sizes[-1] * 2)

    values["minirun run"] = [least(lambda size: run([MINIRUN, "run", "-q", "-m", size, world.image(), "/bin/true"], world.env).returncode == 0)]
    for name, runtime in peers.oci_runtimes(world.scratch, MINIRUN_OCI).items():
        def works(size, name=name, runtime=runtime):
            shutil.rmtree(world.scratch / "bundle", ignore_errors=True)
            bundle = world.oci_bundle(lambda spec: spec["linux"]["resources"].update(memory={"limit": size}))
            done = run([*WITHOUT_UNIFIED, *runtime, "run", "--bundle", bundle, "bench"])
            run([*WITHOUT_UNIFIED, *runtime, "delete", "--force", "bench"])
            return done.returncode == 0
        values[name] = [least(works)]
    return Outcome("least-memory", values, [], [], "B")


def nginx_processes(pids):
    """All of these containers: their first processes, and what those have started."""
    found, todo = [], list(pids)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


def cost(first_pids):
    """Bytes that they and the processes above them take, with shared pages shared out."""
    expected = len(first_pids) * (1 + len(os.sched_getaffinity(0)))
    for _ in range(300):  # nginx starts a worker for each processor
        everyone = nginx_processes(first_pids)
        if len(everyone) >= expected and all(pathlib.Path(f"/proc/{pid}/comm").read_text() == "nginx\n" for pid in everyone):
            break
        time.sleep(0.1)
    return sum(rollup(pid, "Pss") for pid in [*everyone, *{parent_of(pid) for pid in first_pids}])


def sharing(world, rounds):
    """What nginx containers take, with those that watch over them: one, and ten."""
    values = {}
    image = EXAMPLES / "nginx-bundle"
    world.stack.callback(remove_all, world)
    pid = lambda name: json.loads(run([MINIRUN, "inspect", name], world.env).stdout)[0]["State"]["Pid"]
    for count in (1, 10):
        names = [f"n{i}" for i in range(count)]
        for name in names[0 if count == 1 else 1:]:
            subprocess.run([MINIRUN, "run", "-q", "-d", "--name", name, image], env=world.env, **peers.QUIET)
        values[f"minirun, {count}"] = [cost([pid(name) for name in names])]
    remove_all(world)
    if docker := None if world.quick else world.stack.enter_context(peers.docker(world.archive(image, "bench:nginx"), "bench:nginx")):
        pids = []
        for count in (1, 10):
            while len(pids) < count:
                name = run([*docker, "run", "-d", "--network", "none", "bench:nginx"]).stdout.strip()
                pids.append(int(run([*docker, "inspect", "--format", "{{.State.Pid}}", name]).stdout))
            values[f"docker, {count}"] = [cost(pids)]
    return Outcome("sharing", values, [Target("minirun, 10", "docker, 10", 1)], ["PSS of the containers' processes and of those above them; Docker's daemons are not counted"], "B")


# The work inside

def work(world, rounds):
    """The same inside and outside, without what the start takes."""
    files = world.scratch / "files"
    for i in range(2000):
        (files / f"{i % 50}").mkdir(parents=True, exist_ok=True)
        (files / f"{i % 50}/{i}").write_text("x" * 1000)
    scripts = {"system calls": "dd if=/dev/zero of=/dev/null bs=1 count=1000000 2>/dev/null",
               "files": 'i=0; while [ $i -lt 10 ]; do find "$0" -type f -exec cat {} + >/dev/null; i=$((i + 1)); done'}
    busybox = world.layers()[-1].resolve() / "bin/busybox"
    image, values, targets = world.image(), {}, []
    inside = lambda *words: [MINIRUN, "run", "-v", f"{files}:/files:ro", *words]
    commands = {"start": inside(image, "/bin/true")}
    for name, script in scripts.items():
        commands[f"{name}, inside"] = inside(image, "/bin/busybox", "sh", "-c", script, "/files")
        commands[f"{name}, outside"] = [busybox, "sh", "-c", script, files]
    if peers.found("gcc"):
        (files / "hello.c").write_text("#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n")
        toolchain = world.scratch / "toolchain"
        (toolchain / "tmp").mkdir(parents=True)
        for link in ("bin", "lib", "lib64"):
            (toolchain / link).symlink_to(f"usr/{link}")
        compile_all = 'for i in 1 2 3 4 5; do gcc -O2 -o /dev/null "$0"/hello.c || exit 1; done'
        commands["compile, inside"] = inside("-v", "/usr:/usr:ro", "-v", "/etc/alternatives:/etc/alternatives:ro", "--rootfs", toolchain, "sh", "-c", compile_all, "/files")
        commands["compile, outside"] = ["sh", "-c", compile_all, files]
    values = in_turns(commands, world.env, rounds)
    start = statistics.median(values.pop("start"))
    for name in [name for name in values if name.endswith(", inside")]:
        values[name] = [one - start for one in values[name]]
        targets.append(Target(name, name.replace("inside", "outside"), 1.05))
    return Outcome("work", values, targets)


# Requests

def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def requests(port, duration):
    """Microseconds a request, as wrk sees them."""
    for _ in range(200):
        if run(["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/"]).returncode == 0:
            break
        time.sleep(0.1)
    text = run(["wrk", "-t", "1", "-c", "16", "-d", f"{duration}s", f"http://127.0.0.1:{port}/"]).stdout
    return 1e6 / float(re.search(r"Requests/sec: +([\d.]+)", text)[1])


def serve(world, rounds):
    """nginx through a published port."""
    if not peers.found("wrk", "curl"):
        return Outcome("serve", {}, [], ["needs wrk and curl"])
    image, ports = EXAMPLES / "nginx-bundle", {}
    world.stack.callback(remove_all, world)
    for network in ("pasta", "bridge"):
        port = free_port()
        done = run([MINIRUN, "run", "-q", "-d", "--name", network, "--network", network, "-p", f"{port}:80", image], world.env)
        if done.returncode == 0:
            ports[f"minirun, {network}"] = port
    if docker := world.stack.enter_context(peers.docker(world.archive(image, "bench:nginx"), "bench:nginx", network=True)):
        port = free_port()
        if run([*docker, "run", "-d", "-p", f"{port}:80", "bench:nginx"]).returncode == 0:
            ports["docker, bridge"] = port
    values = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            values[name].append(requests(port, 2 if world.quick else 4) / 1e6)
    return Outcome("serve", values, [Target("minirun, bridge", "docker, bridge", 1 / 0.9)], ["time for each of the requests that wrk has made, 16 at once"])


COUNTED = {"parallel": parallel, "crowd": crowd, "memory": memory, "least-memory": least_memory, "sharing": sharing, "work": work, "serve": serve}
