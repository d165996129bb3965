"""What `meson install` puts in place, and that it is enough to build a program on the library."""
import os
import re
import shutil
import subprocess

import pytest

from harness import DEADLINE, PROJECT, Minirun, skip

BUILD = PROJECT / "build/release"


@pytest.fixture(scope="module")
def installed(workspace):
    """A whole installation below a directory of its own; returns where its /usr/local is."""
    meson = shutil.which("meson", path="/usr/bin:/usr/local/bin")
    if not meson:
        skip("there is no meson")
    subprocess.run([meson, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", workspace / "destdir"],
                   check=True, capture_output=True, timeout=DEADLINE)
    return workspace / "destdir/usr/local"


def library_flags(installed):
    """What `pkg-config --cflags --libs minirun` says of this installation."""
    pc = next(installed.rglob("minirun.pc"))
    # Its prefix is where the files are to be used, not where --destdir has put them.
    command = ["pkg-config", f"--define-variable=prefix={installed}", "--cflags", "--libs", "minirun"]
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()


def readme_example():
    """The program of the section "The library", and the command that builds it."""
    section = (PROJECT / "README.md").read_text().partition("### The library")[2]
    program = re.search(r"```cpp\n(.*?)```", section, re.S)[1]
    command = re.search(r"^    \$ (g\+\+ .*)$", section, re.M)[1]
    return program, command


def headers():
    return sorted(path.name for path in (PROJECT / "include/minirun").glob("*.hpp"))


def test_all_is_there(installed):
    there = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    expected = {"bin/minirun", "bin/minirun-oci", "share/minirun/default_seccomp.json", "share/minirun/examples/build",
                *(f"include/minirun/{name}" for name in headers()),
                *(f"share/man/man1/{page.name}" for page in (PROJECT / "docs/man").glob("*.1"))}
    assert expected - there == set()
    library = [path for path in there if path.startswith("lib/")]
    assert sorted(path.rpartition("/")[2] for path in library) == ["libminirun.a", "minirun.pc"]
    # Nothing that is only for building: the helper that compiles the default profile, the test payload.
    assert sorted(path for path in there if path.startswith("bin/")) == ["bin/minirun", "bin/minirun-oci"]


def test_the_program_is_static(installed):
    program = installed / "bin/minirun"
    said = subprocess.run(["readelf", "--program-headers", "--wide", program], check=True, capture_output=True,
                          text=True).stdout
    assert "LOAD" in said and "INTERP" not in said


def test_the_installed_program_runs(installed, plain, scratch):
    program = Minirun(scratch / "root", scratch)
    program.start("run", plain, "payload", "facts", program=installed / "bin/minirun").finish().ok()


def test_the_readme_example(installed, shared_bundles, plain, scratch):
    """The command of the README, with the flags of this installation in the place of pkg-config's."""
    program, command = readme_example()
    (scratch / "hello.cpp").write_text(program)
    flags = " ".join(library_flags(installed))
    assert "$(pkg-config --cflags --libs minirun)" in command
    command = command.replace("$(pkg-config --cflags --libs minirun)", flags)
    built = subprocess.run(command, shell=True, cwd=scratch, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")

    bundle = shared_bundles(name="busybox-bundle")
    env = {"PATH": "/usr/bin:/bin", "MINIRUN_ROOT": str(scratch / "root"), "MINIRUN_BUNDLE_PATH": str(bundle.parent)}
    ran = subprocess.run([scratch / "hello"], env=env, capture_output=True, text=True, timeout=DEADLINE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hello from a container\n", "")
    env["MINIRUN_BUNDLE_PATH"] = str(scratch)
    ran = subprocess.run([scratch / "hello"], env=env, capture_output=True, text=True, timeout=DEADLINE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (125, "", "there is no image 'busybox-bundle'\n")


SEVERAL_AT_ONCE = r"""
#include <sys/prctl.h>
#include <cstdio>
#include <thread>
#include <vector>
#include <minirun/container.hpp>

int main(int, char** argv) {
    const auto image = minirun::open_image(argv[1]);
    std::vector<int> failed(4);
    std::vector<std::thread> threads;
    for (auto& count : failed)
        threads.emplace_back([&] {
            minirun::RunOptions options;
            options.user = "1000";
            options.arguments = {"/bin/true"};
            for (int i = 0; i < 25; i++) count += minirun::run(image, options).exit_code() != 0;
        });
    for (auto& thread : threads) thread.join();
    for (const int count : failed) std::printf("%d ", count);
    std::printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
}
"""


def test_several_containers_in_one_program(installed, plain, scratch):
    """Only one of their first processes at a time is in the program's memory, and that is as it was at the end."""
    (scratch / "several.cpp").write_text(SEVERAL_AT_ONCE)
    subprocess.run(["g++", "-std=c++20", "-pthread", "several.cpp", "-o", "several", *library_flags(installed)], cwd=scratch, check=True)
    ran = subprocess.run([scratch / "several", plain], env={"MINIRUN_ROOT": str(scratch / "root")}, capture_output=True, text=True, timeout=DEADLINE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "0 0 0 0 dumpable 1\n", "")


@pytest.mark.parametrize("header", headers())
def test_a_header_compiles_by_itself(installed, scratch, header):
    """Without the source tree, and with the strictest warnings a user of the library may have."""
    (scratch / "one.cpp").write_text(f"#include <minirun/{header}>\n#include <minirun/{header}>\n")
    command = ["g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
               "-Werror", f"-I{installed}/include", "one.cpp"]
    built = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
