"""Unpacks what `docker save` wrote into layers as overlayfs wants them: the reference for minirun's merged view.

Written for trusted archives: it does not guard against names that lead out of the layer."""
import io
import json
import os
import pathlib
import shutil
import stat
import tarfile

from bundles import WHITEOUT, make_entry

WHITEOUT_PREFIX = ".wh."
OPAQUE_MARKER = ".wh..wh..opq"


def unpack(archive, directory):
    """Makes DIRECTORY/000, 001, … of the archive's layers, lowest first. Returns the image config and these paths."""
    with tarfile.open(archive) as outer:
        read = lambda name: outer.extractfile(name).read()
        manifest = json.loads(read("manifest.json"))[0]
        layers = []
        for number, name in enumerate(manifest["Layers"]):
            layers.append(pathlib.Path(directory) / f"{number:03}")
            with tarfile.open(fileobj=io.BytesIO(read(name))) as tar:
                unpack_layer(tar, layers[-1])
        return json.loads(read(manifest["Config"])), layers


def unpack_layer(tar, root):
    root.mkdir(parents=True)
    for member in tar:
        path = root / member.name
        if path.name == OPAQUE_MARKER:
            os.setxattr(path.parent, "trusted.overlay.opaque", b"y")
        elif path.name.startswith(WHITEOUT_PREFIX):
            make_entry(root, path.with_name(path.name.removeprefix(WHITEOUT_PREFIX)), WHITEOUT)
        elif member.islnk():
            os.link(root / member.linkname, path, follow_symlinks=False)
        else:
            make_member(tar, member, path)


def make_member(tar, member, path):
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.isreg():
        with open(path, "wb") as file:
            shutil.copyfileobj(tar.extractfile(member), file)
    else:
        kind = stat.S_IFIFO if member.isfifo() else stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(path, kind, os.makedev(member.devmajor, member.devminor))
    os.lchown(path, member.uid, member.gid)
    if not member.issym():
        os.chmod(path, member.mode)
    for key, value in member.pax_headers.items():
        if key.startswith("SCHILY.xattr."):
            os.setxattr(path, key.removeprefix("SCHILY.xattr."), os.fsencode(value), follow_symlinks=False)
    os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
