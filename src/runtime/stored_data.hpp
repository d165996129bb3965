// Which files are stored data.
#pragma once

namespace minirun {

/// Whether the file behind a descriptor (O_PATH is enough) is on a file system that holds stored data, and not on one
/// of the kernel's interfaces (proc, sysfs, cgroup, …): there to read or write a file can block, or do something.
bool is_stored_data(int file) noexcept;

}  // namespace minirun
