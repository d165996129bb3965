#include "kernel/syscall_names.hpp"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/text.hpp"

namespace minirun {
namespace {

struct Row {
    int number;
    std::string_view name;
};

// What may be newer than the libseccomp that minirun is built with, which knows the rest. Since Linux 5.0 new system
// calls have one number on all architectures (but Alpha), from 424 on; 403 to 423 exist on 32-bit ones only.
constexpr std::array newer = {
#if defined(__x86_64__)
    Row{335, "uretprobe"},
    Row{336, "uprobe"},
#endif
    Row{440, "process_madvise"},
    Row{441, "epoll_pwait2"},
    Row{442, "mount_setattr"},
    Row{443, "quotactl_fd"},
    Row{444, "landlock_create_ruleset"},
    Row{445, "landlock_add_rule"},
    Row{446, "landlock_restrict_self"},
    Row{447, "memfd_secret"},
    Row{448, "process_mrelease"},
    Row{449, "futex_waitv"},
    Row{450, "set_mempolicy_home_node"},
    Row{451, "cachestat"},
    Row{452, "fchmodat2"},
    Row{453, "map_shadow_stack"},
    Row{454, "futex_wake"},
    Row{455, "futex_wait"},
    Row{456, "futex_requeue"},
    Row{457, "statmount"},
    Row{458, "listmount"},
    Row{459, "lsm_get_self_attr"},
    Row{460, "lsm_set_self_attr"},
    Row{461, "lsm_list_modules"},
    Row{462, "mseal"},
    Row{463, "setxattrat"},
    Row{464, "getxattrat"},
    Row{465, "listxattrat"},
    Row{466, "removexattrat"},
    Row{467, "open_tree_attr"},
    Row{468, "file_getattr"},
    Row{469, "file_setattr"},
    Row{470, "listns"},
    Row{471, "rseq_slice_yield"},
};

struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
};

std::optional<std::string> name_of(int number) {
    const auto* found = std::find_if(newer.begin(), newer.end(), [&](const Row& row) { return row.number == number; });
    if (found != newer.end()) return std::string(found->name);
    const std::unique_ptr<char, Free> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number));
    return name ? std::optional(std::string(name.get())) : std::nullopt;
}

}  // namespace

std::optional<int> syscall_number(std::string_view name) {
    const auto* found = std::find_if(newer.begin(), newer.end(), [&](const Row& row) { return row.name == name; });
    if (found != newer.end()) return found->number;
    // libseccomp gives names of other architectures negative numbers of its own.
    const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
    return number >= 0 ? std::optional(number) : std::nullopt;
}

std::string syscall_name(int number) { return name_of(number).value_or(cat("syscall ", number)); }

std::vector<KnownSyscall> known_syscalls() {
    // A libseccomp newer than the table may know more: look a good way past its end.
    constexpr int end = newer.back().number + 100;
    std::vector<KnownSyscall> all;
    for (int number = 0; number < end; number++)
        if (auto name = name_of(number)) all.push_back({number, std::move(*name)});
    return all;
}

}  // namespace minirun
