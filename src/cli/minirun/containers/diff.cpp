// minirun diff: what a container has changed in its root file system.
#include <set>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/render.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

// By path: 'A', 'C' or 'D'. The directories on the way to a change have changed, too, unless they are new themselves.
std::map<std::string, char> letters_of(const Changes& changes) {
    std::map<std::string, char> letters;
    const auto set = [&letters](const std::vector<Change>& list, char letter) {
        for (const auto& change : list) letters[change.path] = letter;
    };
    set(changes.added, 'A');
    set(changes.modified, 'C');
    set(changes.deleted, 'D');
    const auto changed = letters;
    for (const auto& [path, letter] : changed)
        for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1))
            letters.emplace(path.substr(0, slash), 'C');
    return letters;
}

}  // namespace

int diff_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"diff CONTAINER", "Lists what a container has added (A), changed (C) and deleted (D) in its root file system.",
         options},
        argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 1) throw Error(ErrorKind::usage, "minirun diff takes one container");
    const auto changes = Containers().changes(line->arguments[0]);
    std::string text;
    for (const auto& [path, letter] : letters_of(changes)) text += cat(letter, ' ', printable(path), '\n');
    print_output(text);
    if (changes.omitted > 0) print_notice("minirun", cat("there are ", changes.omitted, " changes more"));
    return 0;
}

}  // namespace minirun
