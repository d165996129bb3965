"""An image for all engines: a `docker save` archive, made here of busybox, with nothing pulled from anywhere."""
import hashlib
import io
import json
import platform
import tarfile

NAME = "docker.io/library/tiny:latest"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _tar(fill):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        fill(archive)
    return data.getvalue()


def _add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def write(path, rootfs):
    layer = _tar(lambda archive: [archive.add(child, arcname=child.name) for child in sorted(rootfs.iterdir())])
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURE, "os": "linux", "created": "2020-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "a test"}]}).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{name}.json", "RepoTags": [NAME], "Layers": [f"{digest}/layer.tar"]}]).encode()

    def fill(archive):
        _add(archive, f"{name}.json", config)
        _add(archive, f"{digest}/layer.tar", layer)
        _add(archive, "manifest.json", manifest)

    path.write_bytes(_tar(fill))
    return path
