// minirun stats: what containers use.
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/minirun/sharing_text.hpp"
#include "cli/render.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "minirun/sharing.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {0, "no-stream", "", "once, and not every second"},
    {0, "no-trunc", "", "ids in full"},
    {0, "shared", "", "what they share, once: their memory, and what of their layers is in it"},
    {0, "format", "FORMAT", "table, json (an object a line), or '{{.Name}}' and other fields"},
    {0, "help", "", "print this text"},
};

struct Asked {
    bool once = false, whole = false, shared = false, help = false;
    std::string format = "table";
    std::vector<std::string> names;  // empty: all that run
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "no-stream") asked.once = given.on;
        if (name == "no-trunc") asked.whole = given.on;
        if (name == "shared") asked.shared = given.on;
        if (name == "format") asked.format = given.value;
        if (name == "help") asked.help = true;
    }
    asked.names = line.arguments;
    return asked;
}

struct Sample {
    std::string id, name;
    ContainerUsage usage;
    std::chrono::steady_clock::time_point at;
};

// One that has ended meanwhile is left out, unless it was named.
std::vector<Sample> samples_of(const Asked& asked) {
    std::vector<Sample> samples;
    const auto take = [&](const ContainerSummary& one) {
        samples.push_back({one.id, one.name, Containers().usage(one.id), std::chrono::steady_clock::now()});
    };
    for (const auto& name : asked.names) take(Containers().summary(name));
    if (!asked.names.empty()) return samples;
    for (const auto& one : Containers().list()) try {
            if (one.phase == ContainerPhase::running || one.phase == ContainerPhase::paused) take(one);
        } catch (const Error&) {
        }
    return samples;
}

std::string percent(double part) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f%%", part * 100);
    return text;
}

// Of one processor, since the earlier sample.
double cpu_part(const Sample& before, const Sample& now) {
    const auto passed = std::chrono::duration<double, std::nano>(now.at - before.at).count();
    const auto used = now.usage.cpu_nanoseconds.value_or(0) - before.usage.cpu_nanoseconds.value_or(0);
    return passed > 0 ? static_cast<double>(used) / passed : 0;
}

Json fields_of(const Sample& before, const Sample& now, const Asked& asked) {
    const auto& usage = now.usage;
    const auto limit = usage.memory_limit.value_or(0);
    const auto part = limit > 0 ? static_cast<double>(usage.memory.value_or(0)) / static_cast<double>(limit) : 0;
    return {{"ID", asked.whole ? now.id : now.id.substr(0, 12)},
            {"Name", now.name},
            {"CPUPerc", percent(cpu_part(before, now))},
            {"MemUsage", cat(human_size(usage.memory.value_or(0)), " / ", limit > 0 ? human_size(limit) : "--")},
            {"MemPerc", limit > 0 ? percent(part) : "--"},
            {"NetIO", "--"},
            {"BlockIO", cat(decimal_size(usage.read_bytes), " / ", decimal_size(usage.written_bytes))},
            {"PIDs", cat(usage.pids)}};
}

const Sample* find(const std::vector<Sample>& samples, const std::string& id) {
    for (const auto& one : samples)
        if (one.id == id) return &one;
    return nullptr;
}

std::string text_of(const std::vector<Sample>& before, const std::vector<Sample>& now, const Asked& asked) {
    std::vector<std::vector<std::string>> rows{
        {"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"}};
    std::string text;
    for (const auto& one : now) {
        const auto* earlier = find(before, one.id);
        const auto fields = fields_of(earlier == nullptr ? one : *earlier, one, asked);
        if (asked.format != "table") {
            text += (asked.format == "json" ? fields.dump() : fill_in(asked.format, fields)) + "\n";
            continue;
        }
        auto& row = rows.emplace_back();
        for (const auto* key : {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"})
            row.push_back(fields[key].get<std::string>());
    }
    return asked.format == "table" ? table(rows) : text;
}

}  // namespace

int stats_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun stats [OPTIONS] [CONTAINER…]\n"
                "\n"
                "Tells what containers use, all that run or those that are named.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (asked.shared) {
        const auto sharing = sharing_of(asked.names);
        if (asked.format != "table" && asked.format != "json")
            throw Error(ErrorKind::usage, cat("invalid value ", quote(asked.format), " for --format"),
                        "with --shared it is table or json");
        print_output(asked.format == "json" ? sharing_json(sharing) : sharing_tables(sharing));
        return 0;
    }
    const bool live = !asked.once && asked.format == "table" && ::isatty(STDOUT_FILENO) != 0;
    auto before = samples_of(asked);
    while (true) {
        ::sleep(1);
        const auto now = samples_of(asked);
        constexpr std::string_view clear = "\x1b[H\x1b[J";
        print_output(cat(live ? clear : "", text_of(before, now, asked)));
        if (asked.once) return 0;
        before = now;
    }
}

}  // namespace minirun
