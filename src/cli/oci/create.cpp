// create, start, run: a container from its bundle.
#include <unistd.h>

#include <cstdlib>

#include "base/text.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"

namespace minirun {
namespace {

constexpr OptionWords create_options[] = {
    {'b', "bundle", "DIR", "the directory of config.json (default: this one)"},
    {'f', "config", "FILE", "another document in place of config.json"},
    {0, "console-socket", "PATH", "the Unix socket that gets the terminal"},
    {0, "pid-file", "FILE", "where the pid is written"},
    {0, "pidfd-socket", "PATH", "the Unix socket that gets a pidfd of the process"},
    {0, "preserve-fds", "N", "hand on N descriptors from 3 on"},
    {0, "no-pivot", "", "move the root instead of pivot_root(2)"},
    {0, "no-new-keyring", "", "keep the session keyring"},
    {0, "no-subreaper", "", "taken for runc's sake"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords run_options[] = {
    {'b', "bundle", "DIR", "the directory of config.json (default: this one)"},
    {'f', "config", "FILE", "another document in place of config.json"},
    {'d', "detach", "", "do not wait for its end"},
    {0, "console-socket", "PATH", "the Unix socket that gets the terminal"},
    {0, "pid-file", "FILE", "where the pid is written"},
    {0, "pidfd-socket", "PATH", "the Unix socket that gets a pidfd of the process"},
    {0, "preserve-fds", "N", "hand on N descriptors from 3 on"},
    {0, "keep", "", "do not delete it when it has ended"},
    {0, "no-pivot", "", "move the root instead of pivot_root(2)"},
    {0, "no-new-keyring", "", "keep the session keyring"},
    {0, "no-subreaper", "", "taken for runc's sake"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords start_options[] = {{0, "help", "", "print this text"}};

// sd_listen_fds(3): meant for this process only if its number is there.
unsigned listen_fds() {
    const char* fds = std::getenv("LISTEN_FDS");
    const char* pid = std::getenv("LISTEN_PID");
    if (fds == nullptr || pid == nullptr || parse_number<pid_t>(pid) != ::getpid()) return 0;
    const auto number = parse_number<unsigned>(fds);
    constexpr unsigned most = 1 << 16;
    return number && *number <= most ? *number : 0;
}

CreateOptions::CgroupManager manager_of(const std::string& word) {
    using enum CreateOptions::CgroupManager;
    return word == "systemd" ? systemd : word == "disabled" ? disabled : files;
}

CreateOptions options_of(const OciSetting& setting, const OciLine& line) {
    CreateOptions options;
    options.id = line.id();
    if (line.line.arguments.size() > 1)
        throw Error(ErrorKind::usage, cat("one container at a time: ", quote(line.line.arguments[1]), " is too much"));
    if (const auto bundle = line.value("bundle"); !bundle.empty()) options.bundle = bundle;
    options.cgroup_manager = manager_of(setting.cgroup_manager);
    options.config_file = line.value("config");
    const char* notify = std::getenv("NOTIFY_SOCKET");
    options.streams = {line.value("console-socket"),
                       line.number("preserve-fds"),
                       line.value("pid-file"),
                       line.value("pidfd-socket"),
                       listen_fds(),
                       notify == nullptr ? "" : notify};
    options.streams.preserve_fds += options.streams.listen_fds;
    check_preserved(options.streams.preserve_fds);
    options.pivot_root = !line.has("no-pivot");
    options.new_keyring = !line.has("no-new-keyring");
    options.detach = line.has("detach");
    options.keep = line.has("keep");
    return options;
}

}  // namespace

int oci_create(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(create_options, "create [OPTIONS] ID", argc, argv);
    if (line.done) return 0;
    get_ready_to_create(setting);
    Lifecycle(setting.root).create(options_of(setting, line));
    return 0;
}

int oci_run(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(run_options, "run [OPTIONS] ID", argc, argv);
    if (line.done) return 0;
    auto options = options_of(setting, line);
    options.config = read_bundle_config(options);
    get_ready_to_run(setting, options.config->spec);
    return Lifecycle(setting.root).run(options);
}

int oci_start(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(start_options, "start ID", argc, argv);
    if (line.done) return 0;
    get_ready_to_start(setting, line.id());
    Lifecycle(setting.root).start(line.id());
    return 0;
}

}  // namespace minirun
