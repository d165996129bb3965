// minirun: the command that is named first, or help about all of them.
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "base/standard_streams.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/background.hpp"
#include "cli/render.hpp"
#include "launch/signals.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* overview =
    "Usage: minirun COMMAND [OPTIONS]\n"
    "\n"
    "Runs container images on this host's own kernel.\n"
    "\n"
    "Commands:\n"
    "  run IMAGE [COMMAND] [ARG…]   run an image in a new container\n"
    "  create IMAGE [COMMAND] [ARG…]  make a container that does not run yet\n"
    "  ps [OPTIONS]                 list the containers with a name or in the background\n"
    "  start CONTAINER…             run containers in the background\n"
    "  attach CONTAINER             show what a container writes, and pass on what is typed\n"
    "  stop CONTAINER…              ask containers to end, and see to it\n"
    "  restart CONTAINER…           both\n"
    "  kill CONTAINER…              send the first process of containers a signal\n"
    "  pause CONTAINER…             stop all processes where they are\n"
    "  unpause CONTAINER…           let them go on\n"
    "  wait CONTAINER…              wait for the end, and print the exit codes\n"
    "  rename CONTAINER NAME        give a container another name\n"
    "  rm CONTAINER…                remove containers\n"
    "  exec CONTAINER COMMAND [ARG…]  run another process in a container\n"
    "  logs CONTAINER               print what a container has written\n"
    "  top CONTAINER                list the processes of a container\n"
    "  port CONTAINER [PORT]        tell where its ports are reached\n"
    "  generate systemd CONTAINER   print a unit, so that it runs from the boot on\n"
    "  stats [CONTAINER…]           tell what containers use\n"
    "  update CONTAINER…            give containers other limits\n"
    "  diff CONTAINER               list what a container has changed on its disk\n"
    "  commit CONTAINER [NAME]      make an image of a container and what it has changed\n"
    "  export CONTAINER             write the root file system of a container into an archive\n"
    "  cp SOURCE TARGET             copy files out of a container or into it (CONTAINER:PATH)\n"
    "  inspect NAME…                tell all of containers, or of images\n"
    "  container COMMAND            the same commands, and prune\n"
    "  network COMMAND              create, ls, inspect, rm, connect, disconnect, prune\n"
    "  test IMAGE [COMMAND] [ARG…]  run a list of tests, each in a new container\n"
    "  explain IMAGE                tell what the image and its container are made of\n"
    "  load [FILE|DIRECTORY]        put the images of an archive into the store\n"
    "  save IMAGE…                  write images into an archive\n"
    "  import FILE [NAME]           make an image of a root file system\n"
    "  images [NAME]                list the images in the store\n"
    "  history IMAGE                tell how an image was made\n"
    "  tag IMAGE NAME               give an image another name\n"
    "  rmi IMAGE…                   remove images from the store\n"
    "  image COMMAND                inspect, prune, tree, unpack, verify, dedup, and more\n"
    "  events [OPTIONS]             tell what happens to containers and images\n"
    "  system df                    tell how much space images and containers take\n"
    "  system prune                 remove containers that do not run, and images without a name\n"
    "  info [OPTIONS]               tell what there is, and what this host can do\n"
    "  version                      print the version\n"
    "  help [COMMAND]               print this text, or the options of a command\n"
    "\n"
    "An image is a bundle (a directory with config.json and layers/, or its name), or\n"
    "an image in the store: NAME[:TAG], or the beginning of its id.\n";

int print_overview() {
    print_output(overview);
    return 0;
}

struct Command {
    std::string_view name;
    int (*run)(int argc, char** argv);
};

// Docker has a group of commands for images; some of them are known without it, too.
constexpr std::array image_commands{Command{"inspect", image_inspect_command},
                                    Command{"prune", image_prune_command},
                                    Command{"ls", images_command},
                                    Command{"history", history_command},
                                    Command{"tag", tag_command},
                                    Command{"rm", rmi_command},
                                    Command{"load", image_program},
                                    Command{"save", image_program},
                                    Command{"import", image_program},
                                    Command{"tree", image_program},
                                    Command{"unpack", image_program},
                                    Command{"verify", image_program},
                                    Command{"dedup", image_program}};

bool is_help(std::string_view word) { return word == "--help" || word == "-h"; }

// Docker's "image inspect" and the like: a word that names the group, and one of its commands.
int group_command(std::string_view group, std::string_view about, std::span<const Command> commands, int argc,
                  char** argv) {
    std::vector<std::string_view> names;
    std::string listed;
    for (const auto& command : commands) {
        if (argc > 1 && command.name == argv[1]) return command.run(argc - 1, argv + 1);
        names.push_back(command.name);
        listed += cat(listed.empty() ? "" : ", ", command.name);
    }
    if (argc > 1 && is_help(argv[1])) {
        print_output(cat("Usage: minirun ", group, " COMMAND [OPTIONS]\n\n", about,
                         "; each command has a --help.\n\nCommands:\n  ", listed, "\n"));
        return 0;
    }
    const auto near = argc > 1 ? nearest_word(argv[1], names) : "";
    throw Error(ErrorKind::usage,
                argc > 1 ? cat("unknown command ", quote(cat(group, " ", argv[1])))
                         : cat("minirun ", group, " needs a command"),
                near.empty() ? cat("there are ", listed) : cat("did you mean minirun ", group, " ", near, "?"));
}

int image_command(int argc, char** argv) {
    return group_command("image", "What can be done with the images in the store", image_commands, argc, argv);
}

constexpr std::array container_commands{Command{"run", run_command},
                                        Command{"create", create_command},
                                        Command{"start", start_command},
                                        Command{"attach", attach_command},
                                        Command{"stop", stop_command},
                                        Command{"restart", restart_command},
                                        Command{"kill", kill_command},
                                        Command{"pause", pause_command},
                                        Command{"unpause", unpause_command},
                                        Command{"wait", wait_command},
                                        Command{"rename", rename_command},
                                        Command{"rm", rm_command},
                                        Command{"ls", ps_command},
                                        Command{"exec", exec_command},
                                        Command{"logs", logs_command},
                                        Command{"inspect", container_inspect_command},
                                        Command{"top", top_command},
                                        Command{"port", port_command},
                                        Command{"diff", diff_command},
                                        Command{"stats", stats_command},
                                        Command{"update", update_command},
                                        Command{"commit", image_program},
                                        Command{"export", image_program},
                                        Command{"cp", image_program},
                                        Command{"prune", container_prune_command}};

int container_command(int argc, char** argv) {
    return group_command("container", "What can be done with containers", container_commands, argc, argv);
}

constexpr std::array network_commands{
    Command{"create", network_create_command},        Command{"ls", network_ls_command},
    Command{"inspect", network_inspect_command},      Command{"rm", network_rm_command},
    Command{"prune", network_prune_command},          Command{"connect", network_connect_command},
    Command{"disconnect", network_disconnect_command}};

int network_command(int argc, char** argv) {
    return group_command("network", "What can be done with networks that containers share", network_commands, argc,
                         argv);
}

// With Docker's order: containers first, so that their images are free.
int system_prune(int argc, char** argv) {
    const int code = container_prune_command(argc, argv);
    const bool helped = argc > 1 && is_help(argv[argc - 1]);
    return code != 0 || helped ? code : image_prune_command(argc, argv);
}

constexpr std::array system_commands{Command{"df", image_program}, Command{"events", events_command},
                                     Command{"info", info_command}, Command{"prune", system_prune}};

int system_command(int argc, char** argv) {
    return group_command("system", "What can be done with all of them", system_commands, argc, argv);
}

constexpr std::array commands{
    Command{"run", run_command},
    Command{"test", test_command},
    Command{"create", create_command},
    Command{"start", start_command},
    Command{"attach", attach_command},
    Command{"stop", stop_command},
    Command{"restart", restart_command},
    Command{"kill", kill_command},
    Command{"pause", pause_command},
    Command{"unpause", unpause_command},
    Command{"wait", wait_command},
    Command{"rename", rename_command},
    Command{"rm", rm_command},
    Command{"ps", ps_command},
    Command{"exec", exec_command},
    Command{"events", events_command},
    Command{"logs", logs_command},
    Command{"inspect", inspect_command},
    Command{"top", top_command},
    Command{"diff", diff_command},
    Command{"port", port_command},
    Command{"generate", generate_command},
    Command{"stats", stats_command},
    Command{"update", update_command},
    Command{"commit", image_program},
    Command{"export", image_program},
    Command{"cp", image_program},
    Command{"container", container_command},
    Command{"network", network_command},
    Command{"supervise", supervise_command},
    Command{"health-check", health_check_command},
    Command{"explain", explain_command},
    Command{"load", image_program},
    Command{"save", image_program},
    Command{"import", image_program},
    Command{"images", images_command},
    Command{"history", history_command},
    Command{"tag", tag_command},
    Command{"rmi", rmi_command},
    Command{"image", image_command},
    Command{"system", system_command},
    Command{"info", info_command},
    Command{"version", version_command},
    Command{"--version", version_command},
    Command{"-v", version_command},
};

int dispatch(int argc, char** argv);

// `help run` is `run --help`.
int help_command(int argc, char** argv) {
    if (argc < 2 || std::string_view(argv[1]) == "help") return print_overview();
    char option[] = "--help";
    char* words[] = {argv[1], option, nullptr};
    return dispatch(2, words);
}

int dispatch(int argc, char** argv) {
    const std::string_view name = argv[0];
    if (name == "help") return help_command(argc, argv);
    if (is_help(name)) return print_overview();
    for (const auto& command : commands)
        if (command.name == name) return command.run(argc, argv);
    std::vector<std::string_view> names{"help"};
    for (const auto& command : commands)
        if (!command.name.starts_with('-') && command.run != supervise_command && command.run != health_check_command)
            names.push_back(command.name);
    const auto near = nearest_word(name, names);
    throw Error(ErrorKind::usage, cat("unknown command ", quote(name)),
                near.empty() ? "minirun --help lists the commands" : cat("did you mean minirun ", near, "?"));
}

int run(int argc, char** argv) {
    open_missing_standard_streams();
    hear_of_children();
    // Past `ulimit -f` a write then fails, and says so. The container starts with the default again.
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &ignored, nullptr);
    set_health_check_program("/proc/self/exe");
    try {
        if (argc < 2) throw Error(ErrorKind::usage, "no command is named", "minirun --help lists the commands");
        return dispatch(argc - 1, argv + 1);
    } catch (const Error& error) {
        print_error("minirun", error);
        return exit_code(error.kind());
    } catch (const std::exception& error) {
        print_error("minirun", {ErrorKind::system, cat("internal error: ", error.what())});
        return exit_code(ErrorKind::system);
    }
}

}  // namespace
}  // namespace minirun

// What is left then goes with the process: to give it back would touch all of it once more.
int main(int argc, char** argv) { ::_exit(minirun::run(argc, argv)); }
