#include "kernel/system_call.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/process.hpp"
#include "support.hpp"

namespace minirun {
namespace {

TEST_CASE("system call: an error is part of the answer, and errno stays as it was") {
    errno = 0;
    CHECK(sys::call(SYS_close, -1) == -EBADF);
    CHECK(sys::open("/no/such/file", O_RDONLY).error() == ENOENT);
    CHECK(sys::chdir("/dev/null").error() == ENOTDIR);
    CHECK(errno == 0);
}

TEST_CASE("system call: all six arguments arrive") {
    const auto root = sys::open("/", O_PATH | O_DIRECTORY);
    REQUIRE(root.ok());
    struct stat info {};
    CHECK(sys::fstat(root.value(), info).ok());
    CHECK(S_ISDIR(info.st_mode));
    sys::close(root.value());

    const int file = ::memfd_create("test", 0);
    REQUIRE(::ftruncate(file, 3 * 4096) == 0);
    REQUIRE(::pwrite(file, "here", 5, 8192) == 5);
    const long address = sys::call(SYS_mmap, nullptr, 4096, PROT_READ, MAP_SHARED, file, 8192);
    REQUIRE(address > 0);
    auto* const memory = reinterpret_cast<char*>(address);
    CHECK(std::strcmp(memory, "here") == 0);
    ::munmap(memory, 4096);
    ::close(file);
}

struct Meeting {
    long childs_pid = 0;
    int childs_error = 0;
};

void leave_a_note(void* meeting) {
    auto& note = *static_cast<Meeting*>(meeting);
    note.childs_pid = sys::call(SYS_getpid);
    note.childs_error = sys::status(SYS_close, -1).error();
    kernel::exit_now(7);
}

TEST_CASE("system call: a child in our memory has a number of its own, and leaves our errno alone") {
    // Not on our own: what never returns leaves its frames marked in the address sanitizer's memory.
    alignas(16) static std::array<std::byte, 16384> stack;
    Meeting meeting;
    errno = 0;
    const auto cloned = kernel::clone_process_in_memory(0, stack, leave_a_note, &meeting);
    REQUIRE(cloned.ok());
    const auto ended = kernel::wait_pidfd(cloned.value().pidfd);
    REQUIRE(ended.ok());
    CHECK(ended.value().code == 7);
    CHECK(!ended.value().signaled);
    CHECK(meeting.childs_pid == cloned.value().pid);
    CHECK(meeting.childs_error == EBADF);
    CHECK(errno == 0);
    ::close(cloned.value().pidfd);
}

TEST_CASE("process: where there is no pidfd, its end is waited for as long as was asked") {
    const int self = ::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(self >= 0);
    const auto begin = kernel::monotonic_nanoseconds();
    CHECK_FALSE(kernel::await_end(self, 100));
    CHECK(kernel::monotonic_nanoseconds() - begin >= 100'000'000);
    ::close(self);
}

}  // namespace
}  // namespace minirun
