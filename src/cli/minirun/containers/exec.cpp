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
#include "runtime/container_record.hpp"
#include "runtime/events.hpp"
#include "runtime/make_request.hpp"

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
void set_user(ProcessSpec& process, const std::string& user, const std::string& id) {
    // Whoever starts it holds the lock as long as the host's tree is in its mounts.
    auto record = ContainerRecord::open(default_paths().containers, id);
    record.lock();
    LayerView root({Layer{"the container", cat("/proc/", record.pid(), "/root")}});
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
    bool detached = false;
    std::string user, directory;
    std::vector<std::string> env;
};

Asked read_options(const CommandLine& line) {
    Asked asked;
    auto& exec = asked.exec;
    exec.for_person = true;
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "interactive") exec.interactive = given.on;
        if (name == "tty") exec.process.terminal = given.on;
        if (name == "detach") asked.detached = given.on;
        if (name == "env") asked.env.push_back(env_value(given.value));
        if (name == "env-file")
            for (auto& one : read_env_file(given.value)) asked.env.push_back(std::move(one));
        if (name == "user") asked.user = given.value;
        if (name == "workdir") asked.directory = given.value;
        if (name == "privileged") exec.privileged = given.on;
    }
    if (asked.detached && (exec.process.terminal || exec.interactive))
        throw Error(ErrorKind::usage, "with --detach nobody is there for a terminal or for input",
                    "leave out -t and -i");
    return asked;
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
    const auto container = Containers().summary(line->arguments[0]);
    if (container.phase != ContainerPhase::running)
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(container.name), " is not running: it is ", phase_word(container.phase)),
                    container.phase == ContainerPhase::paused ? "minirun unpause lets it go on" : "");
    const Lifecycle lifecycle(default_paths().containers);
    auto asked = read_options(*line);
    auto& exec = asked.exec;
    auto process = lifecycle.process_of(container.id);
    process.terminal = exec.process.terminal;
    if (!asked.directory.empty()) process.cwd = asked.directory;
    process.args.assign(line->arguments.begin() + 1, line->arguments.end());
    if (!asked.user.empty()) set_user(process, asked.user, container.id);
    if (process.terminal) set_variable(process.env, "TERM=xterm");
    for (const auto& assignment : asked.env) set_variable(process.env, assignment);
    if (exec.privileged) set_all_capabilities(process);
    exec.id = container.id;
    exec.process = std::move(process);
    const auto command = join(exec.process.args, " ");
    const auto tell = [id = exec.id](std::string_view action, const EventAttributes& more = {}) {
        tell_container_event(id, action, more);
    };
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
