// minirun ps: the containers that there are.
#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/disk_usage.hpp"
#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/container_text.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'a', "all", "", "also those that do not run"},
    {'q', "quiet", "", "ids only"},
    {'n', "last", "N", "the N that were made last, whether they run or not"},
    {'l', "latest", "", "the one that was made last"},
    {'s', "size", "", "with what they have written on disk"},
    {'f', "filter", "KEY=VALUE", "those with this name, id, label, status, health, ancestor, …"},
    {0, "no-trunc", "", "ids and commands in full"},
    {0, "format", "FORMAT", "table, json (an object a line), or '{{.ID}}' and other fields"},
    {0, "help", "", "print this text"},
};

using Filters = std::vector<std::pair<std::string, std::string>>;

struct Asked {
    bool all = false, quiet = false, whole = false, size = false, help = false;
    std::optional<std::size_t> most;
    Filters filters;
    std::string format = "table";
};

std::pair<std::string, std::string> filter_value(const std::string& text) {
    constexpr std::string_view known[] = {"name", "id", "label", "status", "ancestor", "exited", "health"};
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    if (equals == std::string::npos || std::find(std::begin(known), std::end(known), key) == std::end(known))
        throw Error(ErrorKind::usage, cat("--filter ", quote(text), ": expected KEY=VALUE"),
                    "the keys are name, id, label, status, ancestor, exited and health");
    return {key, text.substr(equals + 1)};
}

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "all") asked.all = given.on;
        if (name == "quiet") asked.quiet = given.on;
        if (name == "no-trunc") asked.whole = given.on;
        if (name == "size") asked.size = given.on;
        if (name == "help") asked.help = true;
        if (name == "latest") asked.most = 1;
        if (name == "format") asked.format = given.value;
        if (name == "filter") asked.filters.push_back(filter_value(given.value));
        if (name != "last") continue;
        asked.most = parse_number<std::size_t>(given.value);
        if (!asked.most) throw Error(ErrorKind::usage, cat("--last ", quote(given.value), ": expected a number"));
    }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun ps takes no containers", "see --filter");
    return asked;
}

bool has_label(const ContainerSummary& one, const std::string& wanted) {
    const auto equals = wanted.find('=');
    const auto found = one.labels.find(wanted.substr(0, equals));
    if (found == one.labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

bool passes(const ContainerSummary& one, const std::string& key, const std::string& value) {
    if (key == "name") return one.name.find(value) != std::string::npos;
    if (key == "id") return one.id.starts_with(value);
    if (key == "label") return has_label(one, value);
    if (key == "status") return phase_word(one.phase) == value;
    if (key == "health") return (one.health ? health_word(one.health->status) : "none") == value;
    if (key == "exited") return one.phase == ContainerPhase::exited && cat(one.exit_code) == value;
    return one.image_name == value || (!one.image_id.empty() && one.image_id.starts_with(value));
}

// As Docker: values of one key are alternatives, all keys have to be met. Labels have to be there all.
bool passes_all(const ContainerSummary& one, const Filters& filters) {
    return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
        if (filter.first == "label") return passes(one, filter.first, filter.second);
        return std::any_of(filters.begin(), filters.end(), [&](const auto& other) {
            return other.first == filter.first && passes(one, other.first, other.second);
        });
    });
}

void for_each_wanted(const Asked& asked, const std::function<void(const ContainerSummary&)>& see) {
    const bool by_phase = std::any_of(asked.filters.begin(), asked.filters.end(), [](const auto& filter) {
        return filter.first == "status" || filter.first == "exited";
    });
    const bool any_phase = asked.all || asked.most || by_phase;
    std::size_t left = asked.most.value_or(SIZE_MAX);
    Containers().each([&](const ContainerSummary& one) {
        if (left == 0) return false;
        left--;
        if ((any_phase || !is_at_rest(one.phase)) && passes_all(one, asked.filters)) see(one);
        return true;
    });
}

std::string size_of(const ContainerSummary& one) {
    DiskUsage disk;
    return decimal_size(disk.add(one.directory + "/upper"));
}

std::string ports_text(const std::vector<PublishedPorts>& ports) {
    std::string text;
    for (const auto& one : endpoints_of(ports))
        text += cat(text.empty() ? "" : ", ", address_text(one), "->", one.container);
    return text;
}

std::string id_of(const ContainerSummary& one, const Asked& asked) {
    return asked.whole ? one.id : one.id.substr(0, 12);
}

std::string command_of(const ContainerSummary& one, const Asked& asked) {
    return cat('"', command_text(one.args, asked.whole ? std::string::npos : 20), '"');
}

std::string ports_of(const ContainerSummary& one) { return one.pid != 0 ? ports_text(one.ports) : ""; }

Json fields_of(const ContainerSummary& one, const Asked& asked) {
    std::string labels;
    for (const auto& [key, value] : one.labels) labels += cat(labels.empty() ? "" : ",", key, '=', value);
    Json fields{{"ID", id_of(one, asked)},
                {"Image", one.image_name},
                {"Command", command_of(one, asked)},
                {"CreatedAt", one.created},
                {"RunningFor", ago(seconds_of(one.created))},
                {"Ports", ports_of(one)},
                {"State", phase_word(one.phase)},
                {"Status", status_text(one)},
                {"Names", one.name},
                {"Labels", labels}};
    const bool sized = asked.size || asked.format.find(".Size") != std::string::npos;
    fields["Size"] = sized ? size_of(one) : "0B";
    return fields;
}

// Without the document of all fields, which takes longer to make than all else: there may be hundreds.
std::string as_table(const Asked& asked) {
    Table table;
    for (const auto* heading : {"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"})
        table.add(heading);
    if (asked.size) table.add("SIZE");
    table.end_row();
    for_each_wanted(asked, [&](const ContainerSummary& one) {
        table.add(id_of(one, asked));
        table.add(printable(one.image_name));
        table.add(command_of(one, asked));
        table.add(ago(seconds_of(one.created)));
        table.add(status_text(one));
        table.add(printable(ports_of(one)));
        table.add(printable(one.name));
        if (asked.size) table.add(size_of(one));
        table.end_row();
    });
    return table.text();
}

std::string text_of(const Asked& asked) {
    if (!asked.quiet && asked.format == "table") return as_table(asked);
    std::string text;
    for_each_wanted(asked, [&](const ContainerSummary& one) {
        text += asked.quiet              ? id_of(one, asked)
                : asked.format == "json" ? fields_of(one, asked).dump(-1, ' ', false, Json::error_handler_t::replace)
                                         : fill_in(asked.format, fields_of(one, asked));
        text += '\n';
    });
    return text;
}

}  // namespace

int ps_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun ps [OPTIONS]\n"
                "\n"
                "Lists the containers that have a name or run in the background.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (asked.format != "table" && asked.format != "json") (void)fill_in(asked.format, fields_of({}, {}));
    print_output(text_of(asked));
    return 0;
}

}  // namespace minirun
