#include "base/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace minirun {

void open_missing_standard_streams() noexcept {
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd > STDERR_FILENO) ::close(fd);
        if (fd < 0 || fd > STDERR_FILENO) return;
        ::fcntl(fd, F_SETFD, 0);
    }
}

}  // namespace minirun
