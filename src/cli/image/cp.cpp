// minirun cp: files between a container and the host.
#include <unistd.h>

#include <string>
#include <utility>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/cp_stream.hpp"
#include "cli/image/limits.hpp"
#include "cli/image/need_root.hpp"
#include "cli/image/output.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/container_files.hpp"
#include "runtime/copy_files.hpp"
#include "runtime/copy_places.hpp"

namespace minirun {
namespace {

constexpr const char* usage = "minirun cp CONTAINER:PATH PATH, or minirun cp PATH CONTAINER:PATH";

constexpr OptionWords options[] = {
    {'a', "archive", "", "keep owners, groups and set-user-id bits"},
    {'L', "follow-link", "", "a symbolic link as the source is what it leads to"},
    {'q', "quiet", "", "do not tell what was left out"},
    {0, "max-size", "SIZE", "the most that an archive may unpack to (64g)"},
    {0, "max-ratio", "N", "above 1 GiB: how much it may be compressed (200)"},
    {0, "max-entries", "N", "the most files that it may have (2000000)"},
    {0, "help", "", "print this text"},
};

struct Asked {
    std::string container;  ///< empty: of the other side
    std::string path;
    bool is_stream() const { return container.empty() && path == "-"; }
};

// Docker's form: "./a:b" and "/a:b" are files of the host.
Asked side_of(const std::string& word) {
    const auto colon = word.find(':');
    if (word.starts_with('/') || word.starts_with('.') || colon == std::string::npos) return {"", word};
    if (colon == 0) throw Error(ErrorKind::usage, cat("no container is named in ", quote(word)), usage);
    return {word.substr(0, colon), word.substr(colon + 1)};
}

struct Switches {
    bool archive = false, follow = false, quiet = false;
    Limits limits;
};

// What was left out is a remark, as of --artifacts: the copy itself was made.
void remark_on(const CopiedFiles& copied) {
    if (copied.skipped == 0) return;
    print_notice("minirun", cat("left out ", copied.skipped, copied.skipped == 1 ? " name" : " names",
                                ", of devices, sockets or the kernel's own files: ", quote(copied.first_skipped),
                                copied.skipped == 1 ? "" : ", …"));
}

CopiedFiles copy(const Asked& from, const Asked& to, const Switches& switches) {
    if (from.is_stream()) return copy_from_stream(to.container, to.path, switches.archive, switches.limits);
    if (to.is_stream()) {
        copy_to_stream(from.container, from.path, switches.follow);
        return {};
    }
    const bool inward = from.container.empty();
    const ContainerFiles files(default_paths(), inward ? to.container : from.container, inward);
    // A path in a container begins at its root.
    const auto source = find_source({inward ? nullptr : &files.root(), from.path}, switches.follow);
    const auto target = find_target({inward ? &files.root() : nullptr, to.path}, source);
    CopyRules rules;
    if (switches.archive)
        rules.owners = [&files, inward](uid_t user, gid_t group) {
            return inward ? std::pair<uid_t, gid_t>(files.user_from(user), files.group_from(group))
                          : std::pair<uid_t, gid_t>(files.user_in(user), files.group_in(group));
        };
    return copy_files(source.file, target.directory, target.name, rules);
}

void refuse_terminals(const Asked& from, const Asked& to) {
    if (from.is_stream() && ::isatty(STDIN_FILENO) != 0)
        throw Error(ErrorKind::usage, "no archive is given: standard input is a terminal",
                    "minirun cp - CONTAINER:DIRECTORY < FILE");
    if (to.is_stream()) refuse_terminal("", "minirun cp CONTAINER:PATH - > FILE");
}

}  // namespace

int cp_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    Switches switches;
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "archive") switches.archive = given.on;
        if (name == "follow-link") switches.follow = given.on;
        if (name == "quiet") switches.quiet = given.on;
        (void)set_limit(switches.limits, name, given);
        if (name != "help") continue;
        print_output(
            cat("Usage: minirun cp [OPTIONS] CONTAINER:PATH PATH\n"
                "       minirun cp [OPTIONS] PATH CONTAINER:PATH\n"
                "\n"
                "Copies files and directories out of a container, which may run, or into it. PATH/.\n"
                "is what is in a directory, and - a tar archive on standard input or output.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (line.arguments.size() != 2) throw Error(ErrorKind::usage, "minirun cp takes a source and a target", usage);
    const auto from = side_of(line.arguments[0]), to = side_of(line.arguments[1]);
    if (from.container.empty() == to.container.empty())
        throw Error(ErrorKind::usage,
                    from.container.empty() ? "neither of the two paths is in a container"
                                           : "minirun cp does not copy from one container to another",
                    usage);
    if (from.path.empty() || to.path.empty())
        throw Error(ErrorKind::usage, "a path is missing behind the colon", usage);
    refuse_terminals(from, to);
    need_root("cp", "to get at the container's files");
    const auto copied = copy(from, to, switches);
    if (!switches.quiet) remark_on(copied);
    return 0;
}

}  // namespace minirun
