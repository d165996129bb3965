// minirun exec: another process in a container that runs.
#include <algorithm>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/background.hpp"
#include "cli/minirun/run_values.hpp"
#include "image/layer_view.hpp"
#include "kernel/credentials.hpp"
#include "kernel/names.hpp"
#include "kernel/system_error.hpp"
#include "launch/own_program.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/paths.hpp"
#include "model/request_parts.hpp"
#include "model/user_database.hpp"
#include "runtime/events.hpp"
#include "runtime/make_request.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'i', "interactive", "", "pass standard input on"},
    {'t', "tty", "", "a terminal of its own"},
    {'d', "detach", "", "do not wait for its end"},
    {'e', "env", "NAME[=VALUE]", "set a variable; without =, the host's"},
    {0, "env-file", "FILE", "variables from a file, a line each"},
    {'u', "user", "USER[:GROUP]", "names or ids"},
    {'w', "workdir", "DIR", "the working directory"},
    {0, "privileged", "", "all capabilities, and no seccomp filter"},
    {0, "help", "", "print this text"},
};

// The user as the container's own files have it, now: its processes may have changed them.
void set_user(ProcessSpec& process, const std::string& user, pid_t first) {
    LayerView root({Layer{"the container", cat("/proc/", first, "/root")}});
    const auto passwd = root.read_file("/etc/passwd", max_etc_file).value_or("");
    const auto group = root.read_file("/etc/group", max_etc_file).value_or("");
    const auto resolved = resolve_user(user, passwd, group);
    process.user.uid = resolved.uid;
    process.user.gid = resolved.gid;
    process.user.additional_gids = {resolved.gid};
    for (const auto gid : resolved.additional_gids)
        if (gid != resolved.gid) process.user.additional_gids.push_back(gid);
    set_variable(process.env, "HOME=" + resolved.home);
    if (!process.capabilities) return;
    auto& sets = *process.capabilities;
    sets.effective = sets.permitted = resolved.uid == 0 ? sets.bounding : std::vector<std::string>{};
    sets.inheritable.clear();
    sets.ambient.clear();
}

void set_all_capabilities(ProcessSpec& process) {
    const auto held = kernel::permitted_capabilities();
    CapabilitySpec sets;
    for (int number = 0; held && number < 64; number++)
        if ((held.value() >> number & 1) != 0) sets.bounding.push_back(capability_name(number));
    sets.effective = sets.permitted = sets.bounding;
    process.capabilities = sets;
}

// Until its command runs, the new process is this program, and the container's processes can get hold of that.
void enter_from_readonly_mount(int argc, char** argv) {
    char name[] = "minirun", command[] = "exec";
    std::vector<char*> words{name, command};
    words.insert(words.end(), argv + 1, argv + argc);
    words.push_back(nullptr);
    run_from_readonly_mount(words.data());
}

struct Asked {
    ExecOptions exec;
    bool detached = false, terminal = false;
    std::string user, directory;
    std::vector<std::string> args, env;
};

Asked read_options(const CommandLine& line) {
    Asked asked;
    auto& exec = asked.exec;
    exec.for_person = true;
    asked.args.assign(line.arguments.begin() + 1, line.arguments.end());
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "interactive") exec.interactive = given.on;
        if (name == "tty") asked.terminal = given.on;
        if (name == "detach") asked.detached = given.on;
        if (name == "env") asked.env.push_back(env_value(given.value));
        if (name == "env-file")
            for (auto& one : read_env_file(given.value)) asked.env.push_back(std::move(one));
        if (name == "user") asked.user = given.value;
        if (name == "workdir") asked.directory = given.value;
        if (name == "privileged") exec.privileged = given.on;
    }
    if (asked.detached && (asked.terminal || exec.interactive))
        throw Error(ErrorKind::usage, "with --detach nobody is there for a terminal or for input",
                    "leave out -t and -i");
    return asked;
}

// The container's own process, with what was asked for.
ProcessSpec process_from(const Asked& asked, ProcessSpec process, pid_t first) {
    process.args = asked.args;
    process.terminal = asked.terminal;
    if (!asked.directory.empty()) process.cwd = asked.directory;
    if (!asked.user.empty()) set_user(process, asked.user, first);
    if (asked.terminal) set_variable(process.env, "TERM=xterm");
    for (const auto& assignment : asked.env) set_variable(process.env, assignment);
    if (asked.exec.privileged) set_all_capabilities(process);
    return process;
}

void require_running(StoredContainer& container) {
    const auto phase = container.observe().phase;
    if (phase == ContainerPhase::running) return;
    throw Error(ErrorKind::conflict,
                cat("container ", quote(container.facts().name), " is not running: it is ", phase_word(phase)),
                phase == ContainerPhase::paused ? "minirun unpause lets it go on" : "");
}

}  // namespace

int exec_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"exec [OPTIONS] CONTAINER COMMAND [ARG…]", "Runs another process in a container that runs.", options}, argc,
        argv, false);
    if (!line) return 0;
    if (line->arguments.size() < 2)
        throw Error(ErrorKind::usage, "the command to run is missing", "minirun exec CONTAINER COMMAND [ARG…]");
    enter_from_readonly_mount(argc, argv);
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, line->arguments[0]);
    require_running(container);
    const Lifecycle lifecycle(paths.containers);
    const auto asked = read_options(*line);
    auto exec = asked.exec;
    exec.id = container.id();
    exec.process = [&](const ContainerSpec& own, pid_t first) { return process_from(asked, own.process, first); };
    const auto tell = [&](std::string_view action, const EventAttributes& more = {}) {
        tell_event(paths, container.facts(), action, more);
    };
    const auto command = join(asked.args, " ");
    tell(cat("exec_create: ", command));
    exec.started = [&] { tell(cat("exec_start: ", command)); };
    if (!asked.detached) {
        const int code = lifecycle.exec(exec);
        tell("exec_die", {{"exitCode", cat(code)}});
        return code;
    }
    // Somebody has to wait for it: the end of a container waits for all that was born outside of it.
    do_in_background([&](const std::function<void()>& started) {
        exec.started = [&] {
            tell(cat("exec_start: ", command));
            started();
        };
        tell("exec_die", {{"exitCode", cat(lifecycle.exec(exec))}});
    });
    return 0;
}

}  // namespace minirun
