#include "kernel/page_cache.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/fd.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

TEST_CASE("what was just written is in memory, in whole pages, by both calls") {
    const TemporaryDirectory directory;
    const Fd file(::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // More than one piece of those that are looked at by mincore.
    const std::string text(page * 5000 + 1, 'x');
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    CHECK(kernel::cached_bytes(file.get(), text.size()).value() == page * 5001);
    CHECK(kernel::cached_bytes_by_mincore(file.get(), text.size()).value() == page * 5001);
}

TEST_CASE("what the kernel was told to forget is not") {
    const TemporaryDirectory directory;
    const Fd file(::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::string text(1 << 20, 'x');
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::fsync(file.get());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    // Where the file system is memory itself, it keeps all.
    const auto left = kernel::cached_bytes(file.get(), text.size());
    CHECK(left.value() == kernel::cached_bytes_by_mincore(file.get(), text.size()).value());
}
