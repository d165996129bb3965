// minirun export: the root file system of a container as an archive.
#include "archive/directory_tar.hpp"
#include "base/interruption.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/need_root.hpp"
#include "cli/image/output.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/container_root.hpp"
#include "runtime/container_view.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'o', "output", "FILE", "the archive; otherwise standard output"},
    {0, "help", "", "print this text"},
};

struct Asked {
    std::string container, output;
    bool help = false;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "help") asked.help = true;
        if (name == "output") asked.output = given.value;
    }
    if (asked.help) return asked;
    if (line.arguments.size() != 1)
        throw Error(ErrorKind::usage, "minirun export takes one container", "minirun export -o FILE CONTAINER");
    asked.container = line.arguments[0];
    refuse_terminal(asked.output, "minirun export -o FILE CONTAINER");
    return asked;
}

}  // namespace

int export_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun export [OPTIONS] CONTAINER\n"
                "\n"
                "Writes the whole root file system of a container, as the container sees it, into a\n"
                "tar archive. Of volumes there are only the mount points.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    need_root("export", "to mount the container's root file system");
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, asked.container);
    const auto still = hold_still_unless_running(container, container.observe().phase);
    const auto root = mount_view(root_of(container), false);
    Output output(asked.output);
    const auto sink = output.sink();
    DirectoryTar tar(cat("/proc/self/fd/", root.get()), TreeForm::tree, paths.data);
    for (auto bytes = tar.next(); !bytes.empty(); bytes = tar.next()) {
        check_interruption();
        sink(bytes);
    }
    output.keep();
    return 0;
}

}  // namespace minirun
