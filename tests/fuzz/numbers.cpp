// The values of other options: sizes, times, limits, hosts, sysctls, paths, ports.
#include "base/path.hpp"
#include "cli/minirun/run_values.hpp"
#include "fuzz.hpp"
#include "model/published_ports.hpp"
#include "model/sysctl.hpp"
#include "network/etc_files.hpp"

using namespace minirun;

namespace {

void check_sizes(std::string_view text) {
    const auto size = parse_size(text);
    if (size) fuzz::promise(*size >= 0, "a size is not negative");
    if (size) (void)human_size(static_cast<std::uint64_t>(*size));
    if (const auto number = parse_number<std::int64_t>(text); number && !text.starts_with('-'))
        fuzz::promise(size == number, "a whole number is so many bytes");
    if (const auto time = parse_duration(text)) fuzz::promise(*time >= 0, "a time is not negative");
}

void check_hosts(const std::string& text) {
    if (const auto entry = fuzz::unless_refused([&] { return parse_add_host(text); })) {
        fuzz::promise(is_host_name(entry->name), "--add-host takes host names");
        fuzz::promise(fuzz::is_printable(entry->address) && entry->address.find(' ') == std::string::npos,
                      "an address is one word of a line");
    }
    (void)fuzz::unless_refused([&] { return check_name_server(text), 0; });
}

// Neither "//" nor "." nor ".." is left in it.
bool is_clean(const std::string& path) {
    const auto parts = split(path, '/');
    for (std::size_t i = 1; i < parts.size(); i++)
        if (parts[i] == "." || parts[i] == ".." || (parts[i].empty() && path != "/")) return false;
    return parts[0].empty() && parts.size() > 1;
}

void check_paths(const std::string& text) {
    fuzz::promise(is_clean(clean_path(text)), "a clean path has no . and .. in it");
    fuzz::promise(is_clean(absolute_path(text, "/a/b")), "an absolute path has no . and .. in it");
    fuzz::promise(is_at_or_below(clean_path("/srv/" + clean_path(text)), "/srv"), "a clean path stays below its root");
    // Below /proc/sys, where it is written to.
    if (const auto path = sysctl_path(text)) fuzz::promise(is_clean("/" + *path), "a sysctl has no . and .. in it");
}

void check_limits(const std::string& text) {
    const auto limit = fuzz::unless_refused([&] { return ulimit_value(text); });
    if (limit) fuzz::promise(limit->soft <= limit->hard, "the soft limit is not over the hard one");
}

void check_ports(const std::string& text) {
    const auto all = fuzz::unless_refused([&] { return parse_published_ports(text); });
    if (!all) return;
    fuzz::promise(!all->empty(), "what is published is a port at least");
    for (const auto& one : *all) {
        fuzz::promise(one.container_port > 0 && one.count > 0, "a port of the container is given");
        fuzz::promise(one.host_port > 0 || one.count == 1, "a port that is chosen is one");
        fuzz::promise(one.host_port + one.count <= 65536 && one.container_port + one.count <= 65536,
                      "ports have 16 bits");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_sizes(text);
    check_hosts(text);
    check_paths(text);
    check_limits(text);
    check_ports(text);
    return 0;
}
