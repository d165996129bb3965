// stop, kill, restart, start, pause, unpause, wait, rename, rm, top, container prune: what is done to containers.
#include <csignal>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/background.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/minirun/run_values.hpp"
#include "cli/render.hpp"
#include "kernel/names.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

constexpr OptionWords no_options[] = {{0, "help", "", "print this text"}};
constexpr OptionWords stop_options[] = {
    {'t', "time", "TIME", "from the stop signal to SIGKILL (the container's own: 10s)"},
    {0, "timeout", "TIME", ""},
    {0, "help", "", "print this text"},
};
constexpr OptionWords kill_options[] = {
    {'s', "signal", "SIGNAL", "KILL, or another one: HUP, SIGUSR1, 15"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords rm_options[] = {
    {'f', "force", "", "also one that runs: it is killed"},
    {'v', "volumes", "", "taken for Docker's sake: anonymous volumes go with it anyway"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords prune_options[] = {
    {'f', "force", "", "taken for Docker's sake: nothing is asked"},
    {0, "help", "", "print this text"},
};

using Time = std::optional<std::chrono::nanoseconds>;

Time stop_time(const CommandLine& line) {
    Time time;
    for (const auto& given : line.options) time = duration_value("--time", given.value, true);
    return time;
}

// One of the commands that do one thing to each container, and print its word.
int simple(const ContainerCommand& command, int argc, char** argv,
           const std::function<void(const CommandLine&, const std::string&)>& act) {
    const auto line = read_container_line(command, argc, argv);
    if (!line) return 0;
    return for_each_container(line->arguments, [&](const std::string& word) {
        act(*line, word);
        return word;
    });
}

int signal_of(const CommandLine& line) {
    if (line.options.empty()) return SIGKILL;
    const auto& word = line.options.back().value;
    if (const auto number = signal_number(word)) return *number;
    throw Error(ErrorKind::usage, cat("--signal ", quote(word), ": there is no such signal"),
                "signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …");
}

// The words of a command line, as /proc has it.
std::string command_of(pid_t pid) {
    auto text = read_optional_file(cat("/proc/", pid, "/cmdline"), 1 << 20).value_or("");
    while (!text.empty() && text.back() == '\0') text.pop_back();
    for (auto& c : text)
        if (c == '\0') c = ' ';
    return printable(text);
}

}  // namespace

int stop_command(int argc, char** argv) {
    return simple({"stop [OPTIONS] CONTAINER…",
                   "Asks containers to end, with the image's stop signal, and kills those that do not.", stop_options},
                  argc, argv,
                  [](const CommandLine& line, const std::string& word) { Containers().stop(word, stop_time(line)); });
}

int restart_command(int argc, char** argv) {
    return simple({"restart [OPTIONS] CONTAINER…", "Ends containers and starts them again.", stop_options}, argc, argv,
                  [](const CommandLine& line, const std::string& word) {
                      const auto id = Containers().summary(word).id;
                      Containers().stop(id, stop_time(line));
                      start_in_background(id);
                      tell_container_event(id, "restart");
                  });
}

int kill_command(int argc, char** argv) {
    return simple({"kill [OPTIONS] CONTAINER…", "Sends the first process of containers a signal.", kill_options}, argc,
                  argv,
                  [](const CommandLine& line, const std::string& word) { Containers().kill(word, signal_of(line)); });
}

int pause_command(int argc, char** argv) {
    return simple({"pause CONTAINER…", "Stops all processes of containers where they are.", no_options}, argc, argv,
                  [](const CommandLine&, const std::string& word) { Containers().pause(word); });
}

int unpause_command(int argc, char** argv) {
    return simple({"unpause CONTAINER…", "Lets the processes of paused containers go on.", no_options}, argc, argv,
                  [](const CommandLine&, const std::string& word) { Containers().unpause(word); });
}

int rm_command(int argc, char** argv) {
    return simple({"rm [OPTIONS] CONTAINER…", "Removes containers, with what they have written.", rm_options}, argc,
                  argv, [](const CommandLine& line, const std::string& word) {
                      bool force = false;
                      for (const auto& given : line.options)
                          if (rm_options[given.index].name == "force") force = given.on;
                      Containers().remove(word, force);
                  });
}

int wait_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"wait CONTAINER…", "Waits until containers have ended, and prints their exit codes.", no_options}, argc, argv);
    if (!line) return 0;
    return for_each_container(line->arguments, [](const std::string& word) { return cat(Containers().wait(word)); });
}

int rename_command(int argc, char** argv) {
    const auto line =
        read_container_line({"rename CONTAINER NAME", "Gives a container another name.", no_options}, argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 2) throw Error(ErrorKind::usage, "minirun rename takes a container and its new name");
    Containers().rename(line->arguments[0], line->arguments[1]);
    return 0;
}

int top_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"top CONTAINER", "Lists the processes of a container, with the numbers that the host knows them by.",
         no_options},
        argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 1) throw Error(ErrorKind::usage, "minirun top takes one container");
    std::vector<std::vector<std::string>> rows{{"PID", "COMMAND"}};
    for (const auto pid : Containers().processes(line->arguments[0])) rows.push_back({cat(pid), command_of(pid)});
    print_output(table(rows));
    return 0;
}

int container_prune_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(prune_options, argc, argv);
    for (const auto& given : line.options)
        if (prune_options[given.index].name == "help") {
            print_output(
                cat("Usage: minirun container prune [OPTIONS]\n\nRemoves the containers that do not run.\n\n"
                    "Options:\n",
                    options_help(prune_options)));
            return 0;
        }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun container prune takes no containers");
    for (const auto& one : Containers().list()) {
        if (!is_at_rest(one.phase)) continue;
        Containers().remove(one.id, false);
        print_output(cat("Deleted: ", one.id, '\n'));
    }
    return 0;
}

}  // namespace minirun
