"""The tools that minirun is measured beside. Each engine gets directories of its own, so that one that the machine uses is
left alone, and is gone at the end."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

QUIET = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def found(*programs):
    return all(shutil.which(program) for program in programs)


def oci_runtimes(scratch, minirun_oci):
    """Those that are there, each with a root of its own."""
    paths = {"crun": shutil.which("crun"), "runc": shutil.which("runc"), "minirun-oci": minirun_oci}
    return {name: [path, "--root", scratch / f"{name}-root"] for name, path in paths.items() if path}


def default_seccomp():
    """The profile that engines give containers without privileges, as they write it into a config.json: what depends on
    capabilities and the processor is resolved. None where it is not installed."""
    path = pathlib.Path("/usr/share/containers/seccomp.json")
    if not path.exists():
        return None
    profile = json.loads(path.read_text())

    def applies(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        return not includes.get("caps") and "amd64" in includes.get("arches", ["amd64"]) and "amd64" not in excludes.get("arches", [])

    keys = ("names", "action", "args", "errnoRet")
    rules = [{key: rule[key] for key in keys if rule.get(key) is not None} for rule in profile["syscalls"] if applies(rule)]
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": rules}


@contextlib.contextmanager
def daemon(name, command, socket, log):
    """Until its socket is there; ended by SIGTERM."""
    with open(log, "ab") as output:
        # In a mount namespace of its own: what it mounts upon itself goes with it.
        process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 60
        while not os.path.exists(socket):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"bench/run: {name} does not start: {pathlib.Path(log).read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.contextmanager
def docker(archive, image, network=False):
    """Docker's client with a daemon of its own that has the image of this archive; None where it is not installed."""
    if not found("dockerd", "docker", "containerd"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="mr-docker.", dir="/var/tmp") as path:
        home = pathlib.Path(path)
        socket = home / "sock"
        had_bridge = os.path.exists("/sys/class/net/docker0")
        words = ["dockerd", "--data-root", home / "data", "--exec-root", home / "exec", "--pidfile", home / "pid", "--host", f"unix://{socket}", "--storage-driver", "overlay2"]
        if not network:
            words += ["--bridge", "none", "--iptables=false", "--ip6tables=false"]
        with daemon("dockerd", words, socket, home / "log"):
            client = ["docker", "--host", f"unix://{socket}"]
            for _ in range(50):
                if subprocess.run([*client, "info"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.2)
            subprocess.run([*client, "load", "-q", "-i", archive], **QUIET)
            yield client
            left = subprocess.run([*client, "ps", "-aq"], stdout=subprocess.PIPE, text=True).stdout.split()
            if left:
                subprocess.run([*client, "rm", "-f", *left], stdout=subprocess.DEVNULL)
        # It leaves its bridge, and its chains of iptables, for the next dockerd.
        if not had_bridge and os.path.exists("/sys/class/net/docker0"):
            subprocess.run(["ip", "link", "delete", "docker0"], check=False)
        for mounted in reversed([line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(path)]):
            subprocess.run(["umount", "-l", mounted], check=False)


@contextlib.contextmanager
def podman(archive):
    """Podman with storage of its own that has the image of this archive; None where it is not installed."""
    if not found("podman", "conmon"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="mr-podman.", dir="/var/tmp") as path:
        home = pathlib.Path(path)
        (home / "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]\n[engine]\nevents_logger = "file"\n')
        (home / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{home}/run"\ngraphroot = "{home}/root"\n')
        for directory in (home / ".config/containers", home / "containers"):
            directory.mkdir(parents=True)
            (directory / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        client = ["env", f"CONTAINERS_CONF={home}/containers.conf", f"CONTAINERS_STORAGE_CONF={home}/storage.conf", f"HOME={home}", f"XDG_CONFIG_HOME={home}",
                  "podman", "--root", home / "root", "--runroot", home / "run", "--tmpdir", home / "tmp", "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs"]
        subprocess.run([*client, "load", "-q", "-i", archive], **QUIET)
        yield client
        subprocess.run([*client, "rm", "--all", "--force", "--time", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for mounted in reversed([line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(path)]):
            subprocess.run(["umount", "-l", mounted], check=False)
