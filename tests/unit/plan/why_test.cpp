#include "plan/why.hpp"

#include <doctest/doctest.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>

#include "kernel/process.hpp"
#include "plan/describe.hpp"

using namespace minirun;

namespace {

template <std::size_t Index>
Operation empty_operation() {
    std::variant_alternative_t<Index, Operation> operation{};
    if constexpr (requires { operation.type = "tmpfs"; }) operation.type = "tmpfs";
    if constexpr (requires { operation.path = ""; }) operation.path = "";
    return operation;
}

template <std::size_t... Indexes>
std::vector<Operation> one_of_each(std::index_sequence<Indexes...>) {
    return {empty_operation<Indexes>()...};
}

std::vector<Operation> one_of_each() { return one_of_each(std::make_index_sequence<std::variant_size_v<Operation>>()); }

op::MountFilesystem filesystem(const char* type, const char* path = "", std::uint64_t attributes = 0,
                               Slot keep_as = Slot::none) {
    return {type, type, {}, attributes, 0, {Slot::root, path, Create::no}, keep_as};
}

op::MakeDevice device(mode_t type, std::uint32_t major, std::uint32_t minor, Slot at = Slot::dev) {
    return {at, "x", type | 0666, major, minor, 0, 0};
}

void check_sentence(std::string_view text) {
    CAPTURE(text);
    REQUIRE(!text.empty());
    CHECK(text.back() == '.');
    CHECK(text.find('\n') == text.npos);
    CHECK(text.size() <= 120);  // two lines of a page
    for (const char c : text) CHECK((c >= ' ' && c <= '~'));
}

}  // namespace

TEST_CASE("why: every kind of step has a sentence") {
    for (const auto& operation : one_of_each()) {
        CAPTURE(operation_name(operation));
        check_sentence(why(operation));
    }
}

TEST_CASE("why: kinds of steps with one purpose share a sentence, the others do not") {
    std::set<std::string_view> sentences;
    for (const auto& operation : one_of_each()) sentences.insert(why(operation));
    // WriteFile and a BindMount of what it wrote are two halves of one thing.
    CHECK(sentences.size() >= std::variant_size_v<Operation> - 1);
    CHECK(why(op::WriteFile{}) == why(op::BindMount{Slot::provided, "hosts", false, 0, 0, 0, false, {}}));
}

TEST_CASE("why: a file system's purpose depends on what it is and where") {
    CHECK(why(filesystem("proc")) ==
          "Shows the processes of this pid namespace only: the container sees just its own.");
    CHECK(why(filesystem("tmpfs", "/dev", 0, Slot::dev)) ==
          "A /dev of its own, empty at first: none of the host's devices are in it.");
    CHECK(why(filesystem("tmpfs", "/dev/shm")) == "Shared memory of its own, of a size that is bounded.");
    CHECK(why(filesystem("tmpfs", "/scratch")) == "Memory that looks like a directory: gone when the container ends.");
    CHECK(why(filesystem("tmpfs", "memory", 0, Slot::upper)) ==
          "The writable layer lives in memory: fast, and nothing of it ever reaches a disk.");
    CHECK(why(filesystem("ext4", "/data")) == "A file system that the container was given on purpose.");
}

TEST_CASE("why: read-only is not claimed of what can be written") {
    for (const char* type : {"sysfs", "cgroup", "cgroup2"}) {
        CAPTURE(type);
        const auto read_only = why(filesystem(type, "/x", MOUNT_ATTR_RDONLY));
        const auto writable = why(filesystem(type, "/x", MOUNT_ATTR_NOSUID));
        check_sentence(read_only);
        check_sentence(writable);
        CHECK(read_only != writable);
    }
    CHECK(why(filesystem("sysfs", "/sys", MOUNT_ATTR_RDONLY)) ==
          "Programs look up devices and kernel settings here; read-only, since they are the host's.");
    CHECK(why(filesystem("cgroup2", "/sys/fs/cgroup", MOUNT_ATTR_RDONLY)) ==
          "Programs can read the limits they live under here, but not lift them.");
}

TEST_CASE("why: only devices without power over the host are called so") {
    constexpr std::string_view harmless = "Every program may need it, and it gives no power over the host.";
    constexpr std::string_view given = "A device of the host that the container was given on purpose.";
    for (const std::uint32_t minor : {3u, 5u, 7u, 8u, 9u}) CHECK(why(device(S_IFCHR, 1, minor)) == harmless);
    CHECK(why(device(S_IFCHR, 5, 0)) == harmless);
    CHECK(why(device(S_IFCHR, 1, 1)) == given);   // mem
    CHECK(why(device(S_IFCHR, 1, 2)) == given);   // kmem
    CHECK(why(device(S_IFCHR, 1, 11)) == given);  // kmsg
    CHECK(why(device(S_IFCHR, 5, 1)) == given);   // console
    CHECK(why(device(S_IFBLK, 1, 3)) == given);   // a RAM disk
    CHECK(why(device(S_IFCHR, 1, 3, Slot::provided)) ==
          "The cover for files that are masked: a null device that nobody else uses.");
}

TEST_CASE("why: directories and binds are told apart by what they are for") {
    CHECK(why(op::HostDirectory{"/c/upper", 0755}) ==
          "The writable layer: what the container changes lands here, never in the image's layers.");
    CHECK(why(op::HostDirectory{"/c/work", 0700}) ==
          "overlayfs prepares files here, so that they appear in the writable layer in one step.");
    CHECK(why(op::HostDirectory{"/c/memory", 0700}) ==
          "A place of this container's own; it is removed when the container has ended.");
    CHECK(why(op::MakeDirectory{Slot::provided, "empty", 0555}) ==
          "The cover for directories that are masked: an empty one.");
    CHECK(why(op::BindMount{Slot::host, "/tmp", true, 0, 0, 0, false, {}}) ==
          "A place of the host that the container was given on purpose.");
}

TEST_CASE("why: what each namespace means, one's own and the host's") {
    for (const int one : {CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP,
                          CLONE_NEWUSER, CLONE_NEWTIME}) {
        const auto flag = static_cast<std::uint64_t>(one);
        CAPTURE(namespace_names(flag));
        check_sentence(own_namespace(flag));
        check_sentence(host_namespace(flag));
        CHECK(own_namespace(flag).starts_with("Its own "));
        CHECK(host_namespace(flag).starts_with("The host's: "));
    }
    CHECK(own_namespace(0).empty());
}
