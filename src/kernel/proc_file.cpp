#include "kernel/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace minirun::kernel {

std::string read_proc(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[4096];
    const auto n = file ? ::read(file.get(), text, sizeof text) : -1;
    return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
}

ProcessStat::ProcessStat(std::string_view pid) {
    const auto stat = read_proc(cat("/proc/", pid, "/stat"));
    fields_ = split(std::string_view(stat).substr(stat.rfind(')') + 1), ' ');
}

std::string ProcessStat::field(std::size_t number) const {
    const std::size_t behind_the_name = number - 2;
    return behind_the_name < fields_.size() ? fields_[behind_the_name] : "";
}

std::uint64_t ProcessStat::number(std::size_t number) const {
    return parse_number<std::uint64_t>(field(number)).value_or(0);
}

}  // namespace minirun::kernel
