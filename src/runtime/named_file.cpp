#include "runtime/named_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"

namespace minirun {

NamedFile::NamedFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    file_.reset(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    if (!file_)
        throw system_error(cat("cannot make the file ", quote(path)), errno,
                           errno == EEXIST ? "remove it, or choose another name" : "");
}

NamedFile::~NamedFile() {
    if (!kept_ && !path_.empty()) ::unlink(path_.c_str());
}

void NamedFile::write(std::string_view text) {
    if (!file_) return;
    if (const auto written = kernel::write_all(file_.get(), text.data(), text.size()); !written)
        throw system_error(cat("cannot write the file ", quote(path_)), written.error());
}

}  // namespace minirun
