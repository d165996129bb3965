// The options of `minirun run` that say what the container may use: Docker's words, to Resources. All throw
// Error{usage} that names the option and the value.
#pragma once

#include <string>

#include "minirun/run_options.hpp"

namespace minirun::resource_options {

void memory(RunOptions& options, const std::string& text);
void memory_reservation(RunOptions& options, const std::string& text);
void memory_swap(RunOptions& options, const std::string& text);
void memory_swappiness(RunOptions& options, const std::string& text);
void cpus(RunOptions& options, const std::string& text);
void cpu_shares(RunOptions& options, const std::string& text);
void cpu_period(RunOptions& options, const std::string& text);
void cpu_quota(RunOptions& options, const std::string& text);
void cpuset_cpus(RunOptions& options, const std::string& text);
void cpuset_mems(RunOptions& options, const std::string& text);
void pids_limit(RunOptions& options, const std::string& text);
void blkio_weight(RunOptions& options, const std::string& text);
void blkio_weight_device(RunOptions& options, const std::string& text);
void device_read_bps(RunOptions& options, const std::string& text);
void device_write_bps(RunOptions& options, const std::string& text);
void device_read_iops(RunOptions& options, const std::string& text);
void device_write_iops(RunOptions& options, const std::string& text);
void device_cgroup_rule(RunOptions& options, const std::string& text);
void cpu_time(RunOptions& options, const std::string& text);
void output_limit(RunOptions& options, const std::string& text);
void disk_limit(RunOptions& options, const std::string& text);
void file_size_limit(RunOptions& options, const std::string& text);
void nofile(RunOptions& options, const std::string& text);
void cgroup_parent(RunOptions& options, const std::string& text);

}  // namespace minirun::resource_options
