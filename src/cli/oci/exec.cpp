// exec: another process in a container.
#include <algorithm>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/container_record.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'p', "process", "FILE", "a document with the process, in place of what follows"},
    {0, "cwd", "DIR", "its working directory"},
    {'e', "env", "NAME=VALUE", "a variable of its environment"},
    {'t', "tty", "", "give it a terminal"},
    {'u', "user", "UID[:GID]", "its user"},
    {'g', "additional-gids", "GID", "one more of its groups"},
    {'c', "cap", "NAME", "one more capability"},
    {0, "no-new-privs", "", "set no_new_privs"},
    {0, "apparmor", "PROFILE", "its AppArmor profile"},
    {0, "process-label", "LABEL", "its SELinux label"},
    {'d', "detach", "", "do not wait for its end"},
    {0, "console-socket", "PATH", "the Unix socket that gets the terminal"},
    {0, "pid-file", "FILE", "where the pid is written"},
    {0, "pidfd-socket", "PATH", "the Unix socket that gets a pidfd of the process"},
    {0, "preserve-fds", "N", "hand on N descriptors from 3 on"},
    {0, "cgroup", "PATH", "a cgroup below the container's"},
    {0, "ignore-paused", "", "also in a container that is paused"},
    {0, "no-subreaper", "", "taken for runc's sake"},
    {0, "help", "", "print this text"},
};

std::uint32_t id_of(std::string_view text, std::string_view option) {
    const auto id = parse_number<std::uint32_t>(text);
    if (!id || *id == UINT32_MAX)
        throw Error(ErrorKind::usage, cat(option, " takes numbers, not ", quote(text)),
                    "an OCI runtime knows no names: UID, or UID:GID");
    return *id;
}

void set_user(UserSpec& user, std::string_view text) {
    const auto colon = text.find(':');
    user.uid = id_of(text.substr(0, colon), "--user");
    if (colon != std::string_view::npos) user.gid = id_of(text.substr(colon + 1), "--user");
}

void add_capability(ProcessSpec& process, std::string_view word) {
    const auto number = capability_number(word);
    if (!number)
        throw Error(ErrorKind::usage, cat("there is no capability ", quote(word)), "capabilities(7) lists them");
    const auto name = capability_name(*number);
    auto sets = process.capabilities.value_or(CapabilitySpec{});
    for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted})
        if (std::find(set->begin(), set->end(), name) == set->end()) set->push_back(name);
    process.capabilities = sets;
}

// The container's process, with what the command line says.
ProcessSpec process_from(const OciLine& line, ProcessSpec process) {
    process.terminal = line.has("tty");
    process.args.assign(line.line.arguments.begin() + 1, line.line.arguments.end());
    for (const auto& given : line.line.options) {
        const auto name = options[given.index].name;
        if (name == "cwd") process.cwd = given.value;
        if (name == "env") process.env.push_back(given.value);
        if (name == "user") set_user(process.user, given.value);
        if (name == "additional-gids") process.user.additional_gids.push_back(id_of(given.value, "--additional-gids"));
        if (name == "cap") add_capability(process, given.value);
        if (name == "no-new-privs") process.no_new_privileges = given.on;
        if (name == "apparmor") process.apparmor_profile = given.value;
        if (name == "process-label") process.selinux_label = given.value;
    }
    return process;
}

}  // namespace

int oci_exec(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(options, "exec [OPTIONS] ID COMMAND [ARG…]", argc, argv, true);
    if (line.done) return 0;
    get_ready_to_enter(setting, line.id());
    const Lifecycle containers(setting.root);
    ExecOptions exec;
    exec.id = line.id();
    const auto file = line.value("process");
    if (file.empty() && line.line.arguments.size() < 2)
        throw Error(ErrorKind::usage, "the command to run is missing", "minirun-oci exec ID COMMAND [ARG…]");
    const auto document = file.empty() ? "" : read_file_or_pipe(file, max_config_size);
    exec.process = [&](const ContainerSpec& container, pid_t) {
        if (file.empty()) return process_from(line, container.process);
        auto process = parse_process(document, file, container);
        process.terminal = process.terminal || line.has("tty");
        return process;
    };
    exec.streams = {line.value("console-socket"),
                    line.number("preserve-fds"),
                    line.value("pid-file"),
                    line.value("pidfd-socket"),
                    0,
                    ""};
    check_preserved(exec.streams.preserve_fds);
    exec.cgroup = line.value("cgroup");
    exec.detach = line.has("detach");
    exec.even_if_paused = line.has("ignore-paused");
    return containers.exec(exec);
}

}  // namespace minirun
