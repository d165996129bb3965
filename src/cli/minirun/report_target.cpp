#include "cli/minirun/report_target.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {

ReportTarget::ReportTarget(const std::string& where) {
    if (where.empty()) return;
    constexpr std::string_view prefix = "fd:";
    if (where == "-") {
        descriptor_ = STDOUT_FILENO;
    } else if (where.starts_with(prefix)) {
        const auto number = parse_number<int>(std::string_view(where).substr(prefix.size()));
        const int flags = number ? ::fcntl(*number, F_GETFL) : -1;
        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
            throw Error(ErrorKind::usage, cat("--report ", quote(where), ": this descriptor is not open for writing"),
                        "the shell opens one: 3>report.json");
        descriptor_ = *number;
    } else {
        file_ = where;
        const auto slash = where.rfind('/');
        const auto directory = slash == std::string::npos ? "." : where.substr(0, slash + 1);
        if (::access(directory.c_str(), W_OK) < 0)
            throw system_error(cat("--report ", quote(where), ": cannot write to the directory"), errno);
        if (is_directory(where)) throw Error(ErrorKind::usage, cat("--report ", quote(where), " is a directory"));
    }
}

void ReportTarget::write(const std::string& text) const {
    if (!file_.empty()) return replace_file(file_, text, 0644);
    if (descriptor_ < 0) return;
    if (const auto written = kernel::write_all(descriptor_, text.data(), text.size()); !written)
        throw system_error("cannot write the report", written.error());
}

}  // namespace minirun
