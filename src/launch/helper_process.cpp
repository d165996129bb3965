#include "launch/helper_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/text.hpp"
#include "kernel/system_error.hpp"

namespace minirun {

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make a pipe", errno);
    return {Fd(ends[0]), Fd(ends[1])};
}

Fd small_file() {
    constexpr off_t most = 16384;
    Fd file(::memfd_create("complaints", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ::ftruncate(file.get(), most) < 0 || ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) < 0)
        throw system_error("cannot make a file in memory", errno);
    return file;
}

std::string text_in(const Fd& file) {
    char text[2048];
    const auto n = ::pread(file.get(), text, sizeof text, 0);
    const std::string all(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    return all.substr(0, all.find('\0'));
}

std::string complaints_in(const Fd& file) {
    std::vector<std::string> lines;
    for (const auto& line : split(text_in(file), '\n'))
        if (!line.empty() && line.find("to syslog") == std::string::npos) lines.push_back(printable(line));
    return join(lines, "; ");
}

}  // namespace minirun
