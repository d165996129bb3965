"""Images by the digest of their manifest: recorded by load, and good as a name wherever a tag is."""
import json

import pytest

from archives import digest, docker_archive, entry, layer, oci_layout


def digests_in(layout):
    """Of the index that is in index.json, and of the manifest in that."""
    index = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    return index, json.loads((layout / "blobs/sha256" / index[7:]).read_text())["manifests"][0]["digest"]


@pytest.fixture
def image(minirun, scratch, base):
    """An OCI layout that is in the store as team/app:1, and the digests of its index and its manifest."""
    path = oci_layout(scratch / "app", [base, layer(entry("x", "x"))], name="team/app:1")
    minirun("load", "-q", path).ok()
    return path, *digests_in(path)


def inspected(minirun, name):
    return json.loads(minirun("image", "inspect", name).ok().out)[0]


def names_in(minirun):
    return sorted(path.name for path in (minirun.root / "tags").iterdir())


class TestNamesWithDigests:
    def test_they_run_it(self, minirun, image):
        _, index, manifest = image
        for name in (f"team/app@{manifest}", f"team/app@{index}", f"docker.io/team/app:other@{manifest}"):
            assert minirun.run(name, "cat", "/x").ok().out == "x"
        assert inspected(minirun, f"team/app@{manifest}")["RepoDigests"] == sorted([f"team/app@{index}", f"team/app@{manifest}"])

    def test_one_of_another_repository_is_none(self, minirun, image):
        _, _, manifest = image
        result = minirun("image", "inspect", f"team/other@{manifest}")
        assert result.code == 125 and f"there is no image 'team/other@{manifest}' in the store" in result.err
        minirun("tag", "team/app:1", f"x@{manifest}").refused(125, f"a new name has no digest: 'x@{manifest}'")

    def test_they_stay_when_the_tag_moves(self, minirun, scratch, base, image):
        _, _, manifest = image
        other = oci_layout(scratch / "other", [base], name="team/app:1")
        minirun("load", "-q", other).ok()
        assert minirun.run(f"team/app@{manifest}", "cat", "/x").ok().out == "x"
        lines = [line.split()[:3] for line in minirun("images", "--digests", "--no-trunc").ok().lines[1:]]
        assert sorted(lines) == sorted([["team/app", "1", one] for one in digests_in(other)] + [["team/app", "<none>", one] for one in image[1:]])
        assert [line.split()[:2] for line in minirun("images", f"team/app@{manifest}").ok().lines[1:]] == [["team/app", "<none>"]]

    def test_of_a_tag_of_ones_own(self, minirun, scratch, base, image):
        path, index, manifest = image
        minirun("load", "-q", "-t", "mine", path).ok()
        assert f"mine@{manifest}" in inspected(minirun, "mine")["RepoDigests"]
        assert minirun("images", "--format", "{{.Repository}} {{.Digest}}", "mine").ok().lines == sorted(f"mine {one}" for one in (index, manifest))

    def test_in_the_archive_as_a_name(self, minirun, scratch, base):
        """As engines write what was pulled by a digest; one that is not the manifest's is a lie."""
        path = oci_layout(scratch / "app", [base], name="x")
        manifest = digests_in(path)[1]
        both = sorted(f"team/app@{one}" for one in digests_in(path))
        index = json.loads((path / "index.json").read_text())
        for name, expected in ((f"docker.io/team/app@{manifest}", [f"team/app@{manifest}"]), (f"docker.io/team/lie@{digest(b'')}", [])):
            index["manifests"][0]["annotations"] = {"io.containerd.image.name": name}
            (path / "index.json").write_text(json.dumps(index))
            out = minirun("load", "-q", path).ok().out
            assert out == f"Loaded image: {expected[0]}\n" if expected else out.startswith("Loaded image ID: sha256:")
            found = inspected(minirun, minirun("images", "-q").ok().out.strip())
            assert (found["RepoTags"], found["RepoDigests"]) == ([], both)

    def test_a_docker_archive_has_none(self, minirun, scratch, base):
        minirun("load", "-q", docker_archive(scratch / "a.tar", [base], names=["x"])).ok()
        assert inspected(minirun, "x")["RepoDigests"] == []
        assert minirun("images", "--digests").ok().lines[1].split()[:3] == ["x", "latest", "<none>"]

    def test_saved_by_one_it_has_no_name(self, minirun, scratch, image):
        """The archive has another manifest."""
        _, _, manifest = image
        minirun("save", "-o", scratch / "saved.tar", f"team/app@{manifest}").ok()
        minirun("rmi", "team/app:1").ok()
        assert minirun("load", "-q", scratch / "saved.tar").ok().out.startswith("Loaded image ID: sha256:")


class TestRemoving:
    def test_they_go_with_the_last_tag(self, minirun, image):
        _, index, manifest = image
        minirun("tag", "team/app:1", "team/app:2").ok()
        assert minirun("rmi", "team/app:1").ok().out == "Untagged: team/app:1\n"
        first, *rest = minirun("rmi", "team/app:2").ok().lines
        assert first == "Untagged: team/app:2" and rest[:2] == sorted(f"Untagged: team/app@{one}" for one in (index, manifest))
        assert rest[2].startswith("Deleted: sha256:") and names_in(minirun) == []

    def test_one_alone(self, minirun, image):
        _, index, manifest = image
        assert minirun("rmi", f"team/app@{manifest}").ok().out == f"Untagged: team/app@{manifest}\n"
        assert inspected(minirun, "team/app:1")["RepoDigests"] == [f"team/app@{index}"]

    def test_they_do_not_stay_for_another_repositorys_tag(self, minirun, image):
        minirun("tag", "team/app:1", "y").ok()
        minirun("rmi", "team/app:1").ok()
        assert names_in(minirun) == ["docker.io%library%y:latest"]

    def test_by_id(self, minirun, image):
        """One name as people see it; a repository that has only digests is another one."""
        identity = minirun("images", "-q").ok().out.strip()
        minirun("tag", "team/app:1", "y").ok()
        minirun("rmi", identity).refused_with(125, "has 2 names", hint="--force")
        minirun("rmi", "y").ok()
        minirun("rmi", identity).ok()
        assert names_in(minirun) == []

    def test_prune(self, minirun, scratch, base, image):
        """An image that has only digests has no name for prune, as for Docker."""
        minirun("load", "-q", oci_layout(scratch / "other", [base], name="team/app:1")).ok()
        assert any(line.startswith("Untagged: team/app@") for line in minirun("image", "prune").ok().lines)
        assert len(minirun("images", "-q").ok().lines) == 1

    def test_names_that_lead_nowhere(self, minirun, image):
        """What somebody else left: verify tells of it, prune takes it away."""
        _, _, manifest = image
        for name in ("gone:1", f"gone@{manifest}"):
            (minirun.root / "tags" / ("docker.io%library%" + name)).symlink_to("f" * 64)
        result = minirun("image", "verify")
        assert result.code == 1 and f"the name 'docker.io/library/gone@{manifest}' leads to no image: minirun image prune takes it away\n" in result.out
        minirun("image", "prune").ok()
        assert all("gone" not in name for name in names_in(minirun))
        assert minirun("image", "verify").ok().out.endswith("no difference\n")
