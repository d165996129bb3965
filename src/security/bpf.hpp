// Classic BPF over seccomp_data: what a filter answers, without a kernel.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace minirun {

#if defined(__x86_64__)
inline constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_X86_64;
inline constexpr std::uint32_t compat_audit_arch = AUDIT_ARCH_I386;
#elif defined(__aarch64__)
inline constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_AARCH64;
inline constexpr std::uint32_t compat_audit_arch = AUDIT_ARCH_ARM;
#else
#error "seccomp filters: the audit architecture of this machine is missing here"
#endif

/// The value that the filter returns (SECCOMP_RET_* with data). Throws Error{bad_input} for a program that the kernel
/// would refuse to load.
std::uint32_t evaluate(std::span<const sock_filter> filter, const seccomp_data& data);

/// All values that the filter can return for a system call of the native architecture, whatever its arguments: both
/// ways are followed where a decision depends on an argument. Sorted. (Tests of arguments that exclude each other are
/// not recognized as such, so a value may be listed that no argument leads to; none is missing.)
std::vector<std::uint32_t> possible_results(std::span<const sock_filter> filter, int syscall_number);

/// Names of the known system calls that are refused whatever their arguments, sorted.
std::vector<std::string> denied_syscalls(std::span<const sock_filter> filter);
/// Names of those that are refused with some arguments and let through with others, sorted.
std::vector<std::string> conditional_syscalls(std::span<const sock_filter> filter);

}  // namespace minirun
