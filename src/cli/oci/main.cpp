// minirun-oci: the options that all commands have, and the command.
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <string_view>
#include <vector>

#include "base/standard_streams.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "cli/command_line.hpp"
#include "cli/oci/commands.hpp"
#include "cli/oci/log.hpp"
#include "cli/render.hpp"
#include "launch/signals.hpp"
#include "minirun/error.hpp"
#include "runtime/driven_launch.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {0, "root", "DIR", "where the state of containers is (default: /run/minirun)"},
    {0, "log", "FILE", "where errors go, beside standard error"},
    {0, "log-format", "FORMAT", "of the log: text or json"},
    {0, "debug", "", "say more in the log"},
    {0, "cgroup-manager", "NAME", "cgroupfs, systemd or disabled"},
    {0, "systemd-cgroup", "", "the same as --cgroup-manager systemd"},
    {0, "rootless", "VALUE", "taken for runc's sake: true, false or auto"},
    {0, "criu", "PATH", ""},
    {'v', "version", "", "print the version"},
    {'h', "help", "", "print this text"},
};

struct Command {
    std::string_view name;
    OciCommand run;
    std::string_view help;
};
constexpr std::array commands{
    Command{"create", oci_create, "make a container of a bundle"},
    Command{"start", oci_start, "run the program of a container that was created"},
    Command{"run", oci_run, "both, and wait for its end"},
    Command{"state", oci_state, "tell what a container is doing"},
    Command{"exec", oci_exec, "run another process in a container"},
    Command{"kill", oci_kill, "send a signal to a container"},
    Command{"delete", oci_delete, "undo what create has made"},
    Command{"list", oci_list, "list the containers"},
    Command{"ps", oci_ps, "list the processes of a container"},
    Command{"pause", oci_pause, "stop all processes of a container where they are"},
    Command{"resume", oci_resume, "let them go on"},
    Command{"update", oci_update, "change the limits of a container"},
    Command{"events", oci_events, "tell what a container uses"},
    Command{"features", oci_features, "tell what this runtime can do"},
    Command{"spec", oci_spec, "write a config.json to begin with"},
};

// dockerd reads the name and version from the first line, then "commit:" and "spec:"; the last is for who knows crun.
int print_version() {
    print_output("minirun-oci version " MINIRUN_VERSION "\ncommit: " MINIRUN_VERSION
                 "\nspec: 1.2.0\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n");
    return 0;
}

int print_help() {
    auto text =
        cat("Usage: minirun-oci [OPTIONS] COMMAND [ARG…]\n\nAn OCI runtime: the commands and options are runc's.\n",
            "\nOptions:\n", options_help(options), "\nCommands:\n");
    for (const auto& command : commands)
        append(text, cat("  ", command.name, std::string(12 - command.name.size(), ' '), command.help, '\n'));
    print_output(text);
    return 0;
}

// What was read so far, so that an error further on gets into the log.
int read_options(OciSetting& setting, CommandLine& line, int argc, char** argv) {
    line = read_command_line(options, {}, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "root") setting.root = given.value;
        if (name == "log") setting.log = given.value;
        if (name == "log-format") setting.log_as_json = given.value == "json";
        if (name == "debug") setting.debug = given.on;
        if (name == "cgroup-manager") setting.cgroup_manager = given.value;
        if (name == "systemd-cgroup" && given.on) setting.cgroup_manager = "systemd";
    }
    check_log(setting);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "log-format" && given.value != "json" && given.value != "text")
            throw Error(ErrorKind::usage, cat("there is no log format ", quote(given.value)), "text or json");
        if (name == "cgroup-manager" && given.value != "cgroupfs" && given.value != "systemd" &&
            given.value != "disabled")
            throw Error(ErrorKind::usage, cat("there is no cgroup manager ", quote(given.value)),
                        "cgroupfs, systemd or disabled");
        if (name == "version") return print_version(), 1;
        if (name == "help") return print_help(), 1;
    }
    return 0;
}

int dispatch(const OciSetting& setting, const CommandLine& line) {
    if (setting.debug) write_log(setting, "debug", cat("minirun-oci ", join(line.arguments, " ")));
    if (line.arguments.empty())
        throw Error(ErrorKind::usage, "no command is named", "minirun-oci --help lists the commands");
    const auto& name = line.arguments.front();
    std::vector<std::string> words(line.arguments);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string_view> names;
    for (const auto& command : commands) {
        if (command.name == name) return command.run(setting, static_cast<int>(words.size()), argv.data());
        names.push_back(command.name);
    }
    if (name == "help") return print_help();
    const auto near = nearest_word(name, names);
    throw Error(ErrorKind::usage, cat("unknown command ", quote(name)),
                near.empty() ? "minirun-oci --help lists the commands" : cat("did you mean ", near, "?"));
}

int fail(const OciSetting& setting, const Error& error) {
    write_log(setting, "error", one_line(error));
    print_error("minirun-oci", error);
    const int code = exit_code(error.kind());
    return code == 125 ? 1 : code;  // runc's for its own failures
}

int run(int argc, char** argv) {
    open_missing_standard_streams();
    hear_of_children();
    OciSetting setting;
    setting.own_argv = argv;
    set_warning_log([&](const std::string& text) {
        write_log(setting, "warning", text);
        print_notice("minirun-oci", text);
    });
    try {
        CommandLine line;
        if (read_options(setting, line, argc, argv) != 0) return 0;
        return dispatch(setting, line);
    } catch (const Error& error) {
        return fail(setting, error);
    } catch (const std::exception& error) {
        return fail(setting, {ErrorKind::system, cat("internal error: ", error.what())});
    }
}

}  // namespace
}  // namespace minirun

// What is left then goes with the process: to give it back would touch all of it once more.
int main(int argc, char** argv) { ::_exit(minirun::run(argc, argv)); }
