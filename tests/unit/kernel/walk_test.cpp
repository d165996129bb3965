#include "kernel/walk.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/openat2.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

// What came of it: the file, or the error.
std::string told(const SysResult<int>& opened) {
    if (!opened) return cat("errno ", opened.error());
    const Fd fd(opened.value());
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return "no file";
    const bool path = (::fcntl(fd.get(), F_GETFL) & O_PATH) != 0;
    return cat(path ? "path " : "open ", info.st_dev, ":", info.st_ino, " ",
               std::filesystem::read_symlink(cat("/proc/self/fd/", fd.get())).string());
}

struct Case {
    int directory;
    std::string path;
    int flags;
    std::uint64_t resolve;
};

void compare(const Case& one) {
    const auto flags = static_cast<std::uint64_t>(one.flags | O_CLOEXEC);
    const auto kernels = told(kernel::open_beneath(one.directory, one.path.c_str(), flags, 0, one.resolve));
    const auto ours = told(kernel::open_by_walking(one.directory, one.path.c_str(), flags, 0, one.resolve));
    INFO(one.path, " flags ", one.flags, " resolve ", one.resolve);
    CHECK(ours == kernels);
}

constexpr std::uint64_t ways[] = {RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
                                  RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
                                  RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
                                  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
                                  RESOLVE_IN_ROOT,
                                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
                                  RESOLVE_NO_MAGICLINKS,
                                  0};
constexpr int flag_sets[] = {O_PATH,
                             O_PATH | O_NOFOLLOW,
                             O_PATH | O_DIRECTORY,
                             O_PATH | O_DIRECTORY | O_NOFOLLOW,
                             O_RDONLY | O_NONBLOCK,
                             O_RDONLY | O_NOFOLLOW,
                             O_RDONLY | O_DIRECTORY};

void compare_in_all_ways(const Fd& directory, const std::string& path) {
    for (const auto resolve : ways)
        for (const int flags : flag_sets) compare({directory.get(), path, flags, resolve});
}

}  // namespace

TEST_CASE("openat2 by walking: the kernel's answers, in a tree of links") {
    const TemporaryDirectory dir;
    const auto root = dir.directory("root");
    for (const auto* name : {"a", "a/b", "a/b/c"}) std::filesystem::create_directory(root + "/" + name);
    for (const auto* name : {"file", "a/file", "a/b/c/file"}) ::close(::creat((root + "/" + name).c_str(), 0644));
    const std::pair<const char*, const char*> links[] = {
        {"b", "a/link"},        {"../..", "a/b/up"},     {"/a/b", "absolute"},   {"/", "a/root"},
        {"file", "to-file"},    {"nowhere", "dangling"}, {"loop", "loop"},       {"../../../../a/b/../file", "a/far"},
        {"../root/a", "out"},   {"a/b/", "slash"},       {"b/../link/c", "a/x"}, {"/proc/self/root", "proc-root"},
        {"/proc/self/", "proc"}};
    for (const auto& [target, name] : links) REQUIRE(::symlink(target, (root + "/" + name).c_str()) == 0);
    const Fd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

    for (const auto* path : {".", "..", "/", "//", "", "a", "a/", "a/.", "a/..", "a/../..", "file/", "file/.",
                             "file/..", "nowhere", "nowhere/", "nowhere/x", "a/b/../../a/b/c/file", "/a//b/./c"})
        compare_in_all_ways(directory, path);
    for (const auto& link : links)
        for (const auto* behind : {"", "/", "/.", "/..", "/b", "/file", "/c/../file"})
            compare_in_all_ways(directory, cat(link.second, behind));
    compare_in_all_ways(directory, root + "/a/link/c");
    compare_in_all_ways(directory, std::string(255, 'x'));
    compare_in_all_ways(directory, std::string(256, 'x'));
    compare_in_all_ways(directory, std::string(4096, '/') + "a");

    std::mt19937 random(7);
    const char* const parts[] = {"a",    "b",        "c",    "..",  ".", "link", "up",
                                 "file", "absolute", "root", "far", "x", "slash"};
    for (int round = 0; round < 500; round++) {
        std::string path = random() % 4 == 0 ? "/" : "";
        for (auto length = 1 + random() % 6; length > 0; length--)
            path += cat(parts[random() % std::size(parts)], length > 1 || random() % 5 == 0 ? "/" : "");
        compare_in_all_ways(directory, path);
    }
}

TEST_CASE("openat2 by walking: links of procfs") {
    const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto no_magic = RESOLVE_NO_MAGICLINKS;
    for (const auto* path : {"/proc/self/exe", "/proc/self/root/bin", "/proc/thread-self/cwd", "/proc/self/status",
                             "/proc/self/ns/mnt", "/proc/mounts", "/bin/sh", "/dev/fd/0"})
        compare({proc.get(), path, O_PATH, no_magic});
    for (const auto* path : {"self/exe", "self/root", "self/status", "mounts", "self/fd/0"})
        for (const auto resolve : {RESOLVE_IN_ROOT | no_magic, RESOLVE_BENEATH | no_magic})
            compare({proc.get(), path, O_PATH, static_cast<std::uint64_t>(resolve)});
}

TEST_CASE("openat2 by walking: files that are made") {
    const TemporaryDirectory dir;
    const auto root = dir.directory("root");
    REQUIRE(::symlink("nowhere", (root + "/dangling").c_str()) == 0);
    const Fd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto make = [&](const char* path) {
        const auto opened =
            kernel::open_by_walking(directory.get(), path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600, RESOLVE_IN_ROOT);
        if (opened) ::close(opened.value());
        return opened.error();
    };
    CHECK(make("file") == 0);
    CHECK(make("file") == 0);
    CHECK(make("/other") == 0);
    CHECK(make("none/file") == ENOENT);
    CHECK(make("new/") != 0);
    CHECK(std::filesystem::is_regular_file(root + "/other"));
}
