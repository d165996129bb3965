// minirun logs: what a container has written.
#include <unistd.h>

#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "kernel/files.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "runtime/log_file.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'f', "follow", "", "also what comes from now on, until it ends"},
    {'n', "tail", "N", "the last N lines; all"},
    {0, "since", "TIME", "from then on: 10m (ago), 2026-03-04T05:06:07Z, or seconds since 1970"},
    {0, "until", "TIME", "up to then"},
    {'t', "timestamps", "", "with the time of each line"},
    {0, "help", "", "print this text"},
};

std::optional<std::size_t> tail_value(const std::string& text) {
    if (text == "all") return std::nullopt;
    if (const auto number = parse_number<std::size_t>(text)) return number;
    throw Error(ErrorKind::usage, cat("--tail ", quote(text), ": expected a number of lines, or all"));
}

// What it wrote where it wrote it. Nobody reads any more: that is the end.
void print_entry(const LogEntry& entry, bool times) {
    const auto text = times ? cat(entry.time, ' ', entry.text) : entry.text;
    const int stream = entry.is_error ? STDERR_FILENO : STDOUT_FILENO;
    if (!kernel::write_all(stream, text.data(), text.size())) throw Error(ErrorKind::system, "cannot write the log");
}

}  // namespace

int logs_command(int argc, char** argv) {
    const auto line =
        read_container_line({"logs [OPTIONS] CONTAINER", "Prints what a container has written.", options}, argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 1) throw Error(ErrorKind::usage, "minirun logs takes one container");
    LogRange range;
    bool times = false, follows = false;
    for (const auto& given : line->options) {
        const auto name = options[given.index].name;
        if (name == "follow") follows = given.on;
        if (name == "timestamps") times = given.on;
        if (name == "tail") range.last = tail_value(given.value);
        if (name == "since") range.since = rfc3339(time_value("--since", given.value));
        if (name == "until") range.until = rfc3339(time_value("--until", given.value));
    }
    const auto container = Containers().summary(line->arguments[0]);
    if (container.log.journal)
        throw Error(ErrorKind::conflict, cat("container ", quote(container.name), " writes into the host's journal"),
                    cat("journalctl CONTAINER_NAME=", container.name, " reads it"));
    if (container.log_file.empty())
        throw Error(ErrorKind::conflict, cat("container ", quote(container.name), " keeps no log"),
                    "it was made with --log-driver none");
    const auto& id = container.id;
    const auto runs = [&id] {
        try {
            const auto phase = Containers().summary(id).phase;
            return !is_at_rest(phase);
        } catch (const Error&) {
            return false;  // it was removed
        }
    };
    if (follows) range.more_comes = runs;
    read_log(container.log_file, range, [times](const LogEntry& entry) { print_entry(entry, times); });
    return 0;
}

}  // namespace minirun
