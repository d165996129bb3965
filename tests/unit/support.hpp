// What many unit tests use: a directory that vanishes, the text of an error, loud skips.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "minirun/error.hpp"

namespace minirun::test {

/// The message and the hint of the minirun::Error that `call` throws, "no error" if it throws none.
template <class Call>
std::string error_text(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.message() + " | " + error.hint();
    }
    return "no error";
}

template <class Call>
ErrorKind error_kind(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("no error");
    return ErrorKind::system;
}

/// Says loudly that a test could not run here; a failure where MUST_RUN=1 asks for all of them.
inline void skip(std::string_view reason) {
    const char* must_run = std::getenv("MUST_RUN");
    const std::string text =
        std::string(doctest::getContextOptions()->currentTest->m_name) + ": " + std::string(reason);
    if (must_run != nullptr && std::string_view(must_run) == "1") FAIL("cannot run " << text);
    std::fprintf(stderr, "SKIPPED %s\n", text.c_str());
}

/// A directory of the test's own, with short words to fill it. Paths are relative to it; parents are made.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        auto pattern = std::filesystem::canonical(std::filesystem::temp_directory_path()).string() + "/minirun.XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }
    std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

    std::string directory(std::string_view name) const {
        std::filesystem::create_directories(*this / name);
        return *this / name;
    }
    std::string file(std::string_view name, std::string_view text = "") const {
        make_parent(name);
        std::ofstream out(*this / name, std::ios::binary | std::ios::trunc);
        out << text;
        REQUIRE(out.flush().good());
        return *this / name;
    }
    std::string link(std::string_view name, std::string_view target) const {
        make_parent(name);
        REQUIRE(symlink(std::string(target).c_str(), (*this / name).c_str()) == 0);
        return *this / name;
    }
    std::string fifo(std::string_view name) const {
        make_parent(name);
        REQUIRE(mkfifo((*this / name).c_str(), 0600) == 0);
        return *this / name;
    }
    /// Whether a 0/0 character device could be made; Linux lets everybody make them since 5.8, not every file system.
    bool whiteout_device(std::string_view name) const {
        make_parent(name);
        return mknod((*this / name).c_str(), S_IFCHR, makedev(0, 0)) == 0;
    }
    /// Whether the attribute could be set; trusted.* is for CAP_SYS_ADMIN only.
    bool attribute(std::string_view name, const char* key, std::string_view value) const {
        return setxattr((*this / name).c_str(), key, value.data(), value.size(), 0) == 0;
    }
    std::string text(std::string_view name) const {
        std::ifstream in(*this / name, std::ios::binary);
        std::ostringstream all;
        all << in.rdbuf();
        return all.str();
    }

private:
    void make_parent(std::string_view name) const {
        std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    }
    std::string path_;
};

}  // namespace minirun::test
