#include "kernel/syscall_names.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>

using namespace minirun;

TEST_CASE("system calls: numbers of this architecture") {
    CHECK(syscall_number("read") == SYS_read);
    CHECK(syscall_number("openat") == SYS_openat);
    CHECK(syscall_number("clone3") == SYS_clone3);
    CHECK(syscall_number("futex_waitv") == 449);
    CHECK(syscall_number("rseq_slice_yield") == 471);
}

TEST_CASE("system calls: names that are none here") {
    CHECK_FALSE(syscall_number("").has_value());
    CHECK_FALSE(syscall_number("no_such_call").has_value());
    CHECK_FALSE(syscall_number("READ").has_value());
    // Of 32-bit x86 only; libseccomp knows it by a negative number.
    CHECK_FALSE(syscall_number("socketcall").has_value());
}

TEST_CASE("system calls: every known one has a name of its own, in order") {
    const auto all = known_syscalls();
    REQUIRE(all.size() > 300);
    std::set<std::string> names;
    for (std::size_t i = 0; i < all.size(); i++) {
        CAPTURE(all[i].name);
        CHECK(syscall_number(all[i].name) == all[i].number);
        CHECK(syscall_name(all[i].number) == all[i].name);
        CHECK(names.insert(all[i].name).second);
        CHECK((i == 0 || all[i - 1].number < all[i].number));
    }
    CHECK(all.back().number >= 471);
}

TEST_CASE("system calls: a number without a name") {
    CHECK(syscall_name(9999) == "syscall 9999");
    CHECK(syscall_name(-1) == "syscall -1");
}

#if defined(__x86_64__)
TEST_CASE("system calls: the numbers of x86-64 that libseccomp may not know") {
    CHECK(syscall_name(335) == "uretprobe");
    CHECK(syscall_name(336) == "uprobe");
    CHECK(syscall_name(337) == "syscall 337");
}
#endif
