"""Archives with images in them, made byte by byte: whole ones and hostile ones."""
import hashlib
import io
import json
import pathlib
import tarfile

from bundles import ARCHITECTURE


def entry(name, data=None, type=None, mode=0o644, link="", uid=0, gid=0, device=(0, 0), pax=None):
    """One entry of a layer. Without `data` and `type` a directory."""
    info = tarfile.TarInfo(name)
    info.type = type or (tarfile.REGTYPE if data is not None else tarfile.DIRTYPE)
    info.mode = mode if info.type != tarfile.DIRTYPE or mode != 0o644 else 0o755
    info.linkname, info.uid, info.gid = link, uid, gid
    info.devmajor, info.devminor = device
    info.pax_headers = pax or {}
    data = (data or "").encode() if isinstance(data or "", str) else data
    info.size = len(data) if info.type == tarfile.REGTYPE else 0
    return info, data


def symlink(name, target):
    return entry(name, type=tarfile.SYMTYPE, link=target, mode=0o777)


def hardlink(name, target):
    return entry(name, type=tarfile.LNKTYPE, link=target)


def layer(*entries, format=tarfile.PAX_FORMAT):
    """The bytes of a layer's tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tree_layer(root):
    """A directory of this host as a layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(root, arcname=".")
    return out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config_of(layers, **config):
    return {"architecture": ARCHITECTURE, "os": "linux", "created": "2026-01-02T03:04:05Z", "config": {"Cmd": ["sh"], **config},
            "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]}}


def docker_archive(path, layers, names=("made:1",), config=None, change=lambda files: files):
    """What `docker save` writes. `change` gets the files as {name: bytes} and gives those that are written."""
    text = json.dumps(config if config is not None else config_of(layers)).encode()
    files = {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    files["config.json"] = text
    files["manifest.json"] = json.dumps([{"Config": "config.json", "RepoTags": list(names), "Layers": list(files)[:len(layers)]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in change(files).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return pathlib.Path(path)


def oci_layout(path, layers, name="made:1", compress=lambda data: data, media_type="application/vnd.oci.image.layer.v1.tar",
               platforms=({"os": "linux", "architecture": ARCHITECTURE},), change=lambda document: document):
    """An OCI layout directory, with one image for each platform. `change` gets the manifest."""
    blobs = pathlib.Path(path) / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(data, media_type):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    manifests = []
    for platform in platforms:
        config = config_of(layers) | platform
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": add(config, "application/vnd.oci.image.config.v1+json"),
                    "layers": [add(compress(one), media_type) for one in layers]}
        manifests.append(add(change(manifest), manifest["mediaType"]) | {"platform": platform})
    inner = add({"schemaVersion": 2, "manifests": manifests}, "application/vnd.oci.image.index.v1+json")
    inner["annotations"] = {"org.opencontainers.image.ref.name": name}
    (blobs.parent.parent / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [inner]}))
    (blobs.parent.parent / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return pathlib.Path(path)
