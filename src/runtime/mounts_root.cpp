#include "runtime/mounts_root.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <system_error>
#include <thread>

namespace minirun {

// A thread of its own enters: nothing else of this process is to be there.
Fd root_of_mounts(const Fd& mounts, int& error) {
    Fd root;
    try {
        std::thread([&] {
            if (::unshare(CLONE_FS) == 0 && ::setns(mounts.get(), CLONE_NEWNS) == 0)
                root.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
            error = errno;
        }).join();
    } catch (const std::system_error& failed) {
        error = failed.code().value();
    }
    return root;
}

}  // namespace minirun
