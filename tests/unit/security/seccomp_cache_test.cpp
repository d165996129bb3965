#include "security/seccomp_cache.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "seccomp_calls.hpp"
#include "security/default_seccomp.hpp"

using namespace minirun;
using namespace minirun::test;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view profile =
    R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{"names": ["read", "not_yet", "nor_this"], "action": "SCMP_ACT_ALLOW"}]})";
constexpr std::string_view other_profile = R"({"defaultAction": "SCMP_ACT_ALLOW"})";

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = (fs::temp_directory_path() / "minirun-seccomp-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryDirectory() { fs::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    std::string sub(const char* name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

std::vector<fs::path> files(const std::string& directory) {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(directory)) all.push_back(entry.path());
    std::sort(all.begin(), all.end());
    return all;
}

std::string content(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

void write(const fs::path& file, std::string_view text) { std::ofstream(file, std::ios::binary) << text; }

ino_t inode(const fs::path& file) {
    struct stat status {};
    REQUIRE(::lstat(file.c_str(), &status) == 0);
    return status.st_ino;
}

unsigned mode(const fs::path& file) {
    struct stat status {};
    REQUIRE(::lstat(file.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

SeccompFilter cached(const std::string& directory, std::string_view text = profile,
                     const std::vector<std::string>& capabilities = {}) {
    return cached_seccomp(text, "p.json", capabilities, directory);
}

void check_right(const SeccompFilter& filter) {
    CHECK(evaluate(filter.program, call("read")) == allow);
    CHECK(evaluate(filter.program, call("write")) == fail(EPERM));
    CHECK(filter.flags == SECCOMP_FILTER_FLAG_LOG);
    CHECK(filter.unknown_names == std::vector<std::string>{"nor_this", "not_yet"});
}

}  // namespace

TEST_CASE("seccomp cache: a filter is compiled once") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("deep/er/cache");
    check_right(cached(directory));
    REQUIRE(files(directory).size() == 1);
    const auto file = files(directory)[0];
    const auto first = inode(file);
    CHECK(mode(directory) == 0700);
    CHECK(mode(temporary.sub("deep")) == 0700);
    CHECK(mode(file) == 0600);
    check_right(cached(directory));
    CHECK(files(directory).size() == 1);
    CHECK(inode(file) == first);
}

TEST_CASE("seccomp cache: what is in the file is what is used") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    auto text = content(file);
    // Every "return ALLOW" becomes "return EIO", and the checksum (FNV-1a over all before it) is right.
    const sock_filter from{BPF_RET | BPF_K, 0, 0, allow}, to{BPF_RET | BPF_K, 0, 0, fail(EIO)};
    const std::string from_bytes(reinterpret_cast<const char*>(&from), sizeof from);
    for (auto at = text.find(from_bytes); at != std::string::npos; at = text.find(from_bytes))
        std::memcpy(text.data() + at, &to, sizeof to);
    std::uint64_t checksum = 0xcbf29ce484222325;
    for (std::size_t i = 0; i < text.size() - sizeof checksum; i++)
        checksum = (checksum ^ static_cast<unsigned char>(text[i])) * 0x100000001b3;
    std::memcpy(text.data() + text.size() - sizeof checksum, &checksum, sizeof checksum);
    write(file, text);
    CHECK(evaluate(cached(directory).program, call("read")) == fail(EIO));
}

TEST_CASE("seccomp cache: another profile or other capabilities are another filter") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    CHECK(evaluate(cached(directory, other_profile).program, call("write")) == allow);
    CHECK(files(directory).size() == 2);
    check_right(cached(directory, profile, {"CAP_CHOWN", "CAP_KILL"}));
    CHECK(files(directory).size() == 3);
    check_right(cached(directory, profile, {"KILL", "CAP_CHOWN"}));
    CHECK(files(directory).size() == 3);
}

TEST_CASE("seccomp cache: the name is no proof, the whole key is compared") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    const auto right = content(file);
    fs::remove(file);
    cached(directory, other_profile);
    // As if both had the same hash.
    fs::rename(files(directory)[0], file);
    check_right(cached(directory));
    CHECK(content(file) == right);
}

TEST_CASE("seccomp cache: a damaged file is not used and made anew") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    const auto right = content(file);
    for (std::size_t i = 0; i < right.size(); i += 7) {
        auto damaged = right;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        write(file, damaged);
        check_right(cached(directory));
        REQUIRE(content(file) == right);
    }
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{1}, std::size_t{16}, std::size_t{24}, right.size() - 1}) {
        CAPTURE(length);
        write(file, right.substr(0, length));
        check_right(cached(directory));
        CHECK(content(file) == right);
    }
    write(file, right + "x");
    check_right(cached(directory));
    CHECK(content(file) == right);
}

TEST_CASE("seccomp cache: a file that others can write, a link, a FIFO or a huge file is not used") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    const auto right = content(file);
    const auto check_renewed = [&] {
        check_right(cached(directory));
        CHECK(fs::is_regular_file(fs::symlink_status(file)));
        CHECK(mode(file) == 0600);
        CHECK(content(file) == right);
    };
    const auto before = inode(file);
    ::chmod(file.c_str(), 0622);
    check_renewed();
    CHECK(inode(file) != before);

    const auto elsewhere = temporary.sub("elsewhere");
    fs::rename(file, elsewhere);
    fs::create_symlink(elsewhere, file);
    check_renewed();

    fs::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    check_renewed();

    fs::resize_file(file, std::uintmax_t{1} << 40);
    check_renewed();
}

TEST_CASE("seccomp cache: a file of another user is not used") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: needs root to give a file away");
        return;
    }
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
    check_right(cached(directory));
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK(status.st_uid == 0);
    REQUIRE(::chown(directory.c_str(), 12345, 12345) == 0);
    fs::remove(file);
    check_right(cached(directory));
    CHECK(files(directory).empty());
}

TEST_CASE("seccomp cache: a cache that cannot be used is no failure") {
    const TemporaryDirectory temporary;
    check_right(cached(""));
    const auto blocked = temporary.sub("file");
    write(blocked, "not a directory");
    check_right(cached(blocked));
    check_right(cached(blocked + "/below"));
    CHECK(content(blocked) == "not a directory");

    const auto open_to_all = temporary.sub("open");
    fs::create_directory(open_to_all);
    fs::permissions(open_to_all, fs::perms::all);
    check_right(cached(open_to_all));
    CHECK(files(open_to_all).empty());

    const auto link = temporary.sub("link");
    const auto target = temporary.sub("target");
    fs::create_directory(target);
    fs::permissions(target, fs::perms::owner_all);
    fs::create_symlink(target, link);
    check_right(cached(link));
    CHECK(files(target).empty());

    check_right(cached("/proc/minirun/cannot/be/made"));
}

TEST_CASE("seccomp cache: what a killed minirun has left is no obstacle, and nothing is left otherwise") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    const auto file = files(directory)[0];
    fs::remove(file);
    write(fs::path(directory) / cat('.', file.filename().string(), '.', ::gettid()), "half a fil");
    check_right(cached(directory));
    CHECK(files(directory) == std::vector{file});
}

TEST_CASE("seccomp cache: it does not grow for ever") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    cached(directory);
    for (int i = 0; i < 300; i++) write(fs::path(directory) / cat(i, ".seccomp"), "old");
    write(fs::path(directory) / "keep", "of somebody else");
    cached(directory, other_profile);
    CHECK(files(directory).size() == 2);
    CHECK(fs::exists(fs::path(directory) / "keep"));
}

TEST_CASE("seccomp cache: a bad profile leaves nothing behind") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    CHECK(error_of([&] { cached(directory, "{}"); }) == "p.json: .defaultAction: missing");
    CHECK(files(directory).empty());
    CHECK(error_of([&] { cached(directory, profile, {"CAP_X"}); }) == "unknown capability 'CAP_X'");
}

TEST_CASE("seccomp filter: the default profile comes from the program itself where it fits") {
    const TemporaryDirectory temporary;
    const auto directory = temporary.sub("cache");
    const auto filter = seccomp_filter(default_seccomp_profile(), {"CAP_SYS_CHROOT", "CAP_KILL"}, directory);
    CHECK(filter.program.size() == default_seccomp_filter().size());
    CHECK_FALSE(fs::exists(directory));
    CHECK(evaluate(filter.program, call("mount")) == fail(EPERM));

    const auto with_mount = seccomp_filter(default_seccomp_profile(), {"CAP_SYS_ADMIN"}, directory);
    CHECK(evaluate(with_mount.program, call("mount")) == allow);
    CHECK(files(directory).size() == 1);

    CHECK(error_of([&] { static_cast<void>(seccomp_filter("{}", {}, directory)); }) ==
          "the seccomp profile: .defaultAction: missing");
}
