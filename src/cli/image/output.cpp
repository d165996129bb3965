#include "cli/image/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {

Output::Output(const std::string& path) : path_(path) {
    struct stat status {};
    const bool is_there = ::stat(path.c_str(), &status) == 0;
    if (path.empty()) return;
    if (is_there && S_ISDIR(status.st_mode))
        throw Error(ErrorKind::usage, cat(quote(path), " is a directory, not a file"));
    const bool is_open_elsewhere = path.starts_with("/dev/") || path.starts_with("/proc/");
    if (is_there && (!S_ISREG(status.st_mode) || is_open_elsewhere)) {
        opened_.reset(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
        if (!opened_) throw system_error(cat("cannot open ", quote(path)), errno);
        return;
    }
    file_.emplace(read_link(path).empty() ? path : real_path(path), 0644);
}

int Output::fd() const { return file_ ? file_->fd() : opened_ ? opened_.get() : STDOUT_FILENO; }

TarWriter::Sink Output::sink() const {
    return [this](Bytes bytes) {
        const auto written = kernel::write_all(fd(), bytes.data(), bytes.size());
        if (!written)
            throw system_error(
                cat("cannot write the archive", path_.empty() ? "" : " ", path_.empty() ? "" : quote(path_)),
                written.error());
    };
}

void Output::keep() {
    if (file_) file_->keep();
}

void refuse_terminal(const std::string& path, const std::string& usage) {
    if (path.empty() && ::isatty(STDOUT_FILENO) != 0)
        throw Error(ErrorKind::usage, "no file is given: standard output is a terminal", usage);
}

}  // namespace minirun
