// The eBPF program that keeps device rules on cgroup v2: the kernel runs it for each open(2) and mknod(2) of a device
// by a process of the cgroup; see linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <vector>

#include "kernel/sys_result.hpp"
#include "minirun/resources.hpp"

namespace minirun {

/// One program of all rules, from the last to the first.
std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules);

/// Attaches the program to a cgroup in the place of those that are there: of an earlier set of rules, as this function
/// is the only one that attaches any to it. The new one is there before the old ones go.
SysStatus attach_device_program(int cgroup, std::span<const bpf_insn> program);

}  // namespace minirun
