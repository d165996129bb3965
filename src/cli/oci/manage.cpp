// kill, delete, state, list: what becomes of a container.
#include <csignal>
#include <regex>

#include "base/text.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "cli/render.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"

namespace minirun {
namespace {

constexpr OptionWords kill_options[] = {{'a', "all", "", "all processes of the container"},
                                        {0, "help", "", "print this text"}};
constexpr OptionWords delete_options[] = {{'f', "force", "", "also one that runs, or is not there"},
                                          {0, "regex", "", "all whose ids match a regular expression"},
                                          {0, "help", "", "print this text"}};
constexpr OptionWords state_options[] = {{0, "help", "", "print this text"}};
constexpr OptionWords list_options[] = {
    {'q', "quiet", "", "only ids"}, {'f', "format", "FORMAT", "table or json"}, {0, "help", "", "print this text"}};

int signal_of(const OciLine& line) {
    if (line.line.arguments.size() < 2) return SIGTERM;
    const auto& word = line.line.arguments[1];
    const auto number = signal_number(word);
    if (!number) throw Error(ErrorKind::usage, cat("there is no signal ", quote(word)), "signal(7) lists them");
    return *number;
}

std::vector<std::string> ids_to_delete(const Lifecycle& containers, const OciLine& line) {
    if (!line.has("regex")) return line.line.arguments;
    std::vector<std::string> ids;
    try {
        const std::regex wanted(line.id());
        for (const auto& state : containers.list())
            if (std::regex_search(state.id, wanted)) ids.push_back(state.id);
    } catch (const std::regex_error& error) {
        throw Error(ErrorKind::usage, cat(quote(line.id()), " is no regular expression: ", error.what()));
    }
    return ids;
}

std::string table_of(const std::vector<ContainerState>& containers) {
    std::vector<std::vector<std::string>> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
    for (const auto& one : containers)
        rows.push_back({one.id, cat(one.pid), std::string(status_word(one.status)), printable(one.bundle), one.created,
                        one.owner});
    std::vector<std::size_t> widths(rows[0].size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); i++)
            text += row[i] + (i + 1 < row.size() ? std::string(widths[i] + 3 - row[i].size(), ' ') : "\n");
    }
    return text;
}

std::string json_of(const std::vector<ContainerState>& containers) {
    std::vector<std::string> documents;
    for (const auto& one : containers) documents.push_back(state_json(one));
    return cat('[', join(documents, ","), "]\n");
}

}  // namespace

int oci_kill(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(kill_options, "kill [OPTIONS] ID [SIGNAL]", argc, argv);
    if (!line.done) Lifecycle(setting.root).kill(line.id(), signal_of(line), line.has("all"));
    return 0;
}

int oci_delete(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(delete_options, "delete [OPTIONS] ID…", argc, argv);
    if (line.done) return 0;
    (void)line.id();
    const Lifecycle containers(setting.root);
    for (const auto& id : ids_to_delete(containers, line)) containers.remove(id, line.has("force"));
    return 0;
}

int oci_state(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(state_options, "state ID", argc, argv);
    if (!line.done) print_output(state_json(Lifecycle(setting.root).state(line.id())) + "\n");
    return 0;
}

int oci_list(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(list_options, "list [OPTIONS]", argc, argv);
    if (line.done) return 0;
    const auto format = line.value("format");
    if (!format.empty() && format != "table" && format != "json")
        throw Error(ErrorKind::usage, cat("there is no format ", quote(format)), "table or json");
    const auto containers = Lifecycle(setting.root).list();
    if (line.has("quiet"))
        for (const auto& one : containers) print_output(one.id + "\n");
    else
        print_output(format == "json" ? json_of(containers) : table_of(containers));
    return 0;
}

}  // namespace minirun
