#include "kernel/syscall_names.hpp"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstdint>
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

// i386 has these calls by themselves since Linux 4.3 (sockets) and 5.1 (System V IPC); libseccomp answers with numbers
// of its own, which stand for the older socketcall(2) and ipc(2).
constexpr std::array once_multiplexed = {
    Row{359, "socket"},      Row{360, "socketpair"},  Row{361, "bind"},       Row{362, "connect"},
    Row{363, "listen"},      Row{364, "accept4"},     Row{365, "getsockopt"}, Row{366, "setsockopt"},
    Row{367, "getsockname"}, Row{368, "getpeername"}, Row{369, "sendto"},     Row{370, "sendmsg"},
    Row{371, "recvfrom"},    Row{372, "recvmsg"},     Row{373, "shutdown"},   Row{393, "semget"},
    Row{394, "semctl"},      Row{395, "shmget"},      Row{396, "shmctl"},     Row{397, "shmat"},
    Row{398, "shmdt"},       Row{399, "msgget"},      Row{400, "msgsnd"},     Row{401, "msgrcv"},
    Row{402, "msgctl"},
};
constexpr int first_common_number = 424;

// The row of our own tables that fits, or null.
template <class Fits>
const Row* find_row(Abi abi, Fits fits) {
    const auto* row = std::find_if(newer.begin(), newer.end(), [&](const Row& one) {
        return fits(one) && (abi == Abi::native || one.number >= first_common_number);
    });
    if (row != newer.end()) return row;
    const auto* direct = std::find_if(once_multiplexed.begin(), once_multiplexed.end(), fits);
    return abi == Abi::compat && direct != once_multiplexed.end() ? direct : nullptr;
}

std::uint32_t token_of(Abi abi) { return abi == Abi::native ? SCMP_ARCH_NATIVE : SCMP_ARCH_X86; }

struct Free {
    void operator()(char* text) const noexcept { std::free(text); }
};

std::optional<std::string> name_of(int number, Abi abi) {
    if (const auto* row = find_row(abi, [&](const Row& one) { return one.number == number; }))
        return std::string(row->name);
    const std::unique_ptr<char, Free> name(seccomp_syscall_resolve_num_arch(token_of(abi), number));
    return name ? std::optional(std::string(name.get())) : std::nullopt;
}

}  // namespace

std::optional<int> syscall_number(std::string_view name, Abi abi) {
    if (abi == Abi::compat && !has_compat) return std::nullopt;
    if (const auto* row = find_row(abi, [&](const Row& one) { return one.name == name; })) return row->number;
    // libseccomp gives names of other architectures negative numbers of its own.
    const int number = seccomp_syscall_resolve_name_arch(token_of(abi), std::string(name).c_str());
    return number >= 0 ? std::optional(number) : std::nullopt;
}

std::string syscall_name(int number) { return name_of(number, Abi::native).value_or(cat("syscall ", number)); }

std::vector<KnownSyscall> known_syscalls(Abi abi) {
    // A libseccomp newer than the table may know more: look a good way past its end.
    constexpr int end = newer.back().number + 100;
    std::vector<KnownSyscall> all;
    for (int number = 0; number < end; number++)
        if (auto name = name_of(number, abi)) all.push_back({number, std::move(*name)});
    return all;
}

}  // namespace minirun
