// minirun import: a root file system becomes an image.
#include <sys/utsname.h>
#include <unistd.h>

#include "archive/import_image.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/limits.hpp"
#include "cli/image/need_root.hpp"
#include "cli/render.hpp"
#include "image/platform.hpp"
#include "image/reference.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

struct Asked {
    std::string input;
    ImportOptions options;
    bool help = false;
};

struct Row {
    OptionWords words;
    void (*apply)(Asked&, const Given&);
};
constexpr Row rows[] = {
    {{'c', "change", "INSTRUCTION", "of a Dockerfile, for the config: CMD, ENV, EXPOSE, …"},
     [](Asked& asked, const Given& given) { asked.options.changes.push_back(given.value); }},
    {{'m', "message", "TEXT", "the image's comment"},
     [](Asked& asked, const Given& given) { asked.options.message = given.value; }},
    {{0, "platform", "OS/ARCH", "what the root file system is for (this host's)"},
     [](Asked& asked, const Given& given) {
         const auto platform = read_platform(given.value);
         asked.options.os = platform.os;
         asked.options.architecture = platform.architecture;
         asked.options.variant = platform.variant;
     }},
    {{0, "dedup", "", "files that other layers have, too, share their blocks"},
     [](Asked& asked, const Given& given) { asked.options.dedup = given.on; }},
    {{0, "help", "", "print this text"}, [](Asked& asked, const Given&) { asked.help = true; }},
};

std::vector<OptionWords> words() {
    std::vector<OptionWords> all;
    for (const auto& row : rows) all.push_back(row.words);
    add_limit_options(all);
    return all;
}

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto host = host_platform();
    asked.options.os = host.os;
    asked.options.architecture = host.architecture;
    const auto known = words();
    const auto line = read_mixed_command_line(known, argc, argv);
    for (const auto& given : line.options)
        if (!set_limit(asked.options.limits, known[given.index].name, given)) rows[given.index].apply(asked, given);
    if (asked.help) return asked;
    if (line.arguments.empty() || line.arguments.size() > 2)
        throw Error(ErrorKind::usage, "minirun import takes a file, a directory or -, and a name for the image",
                    "minirun import root.tar NAME[:TAG]");
    asked.input = line.arguments[0];
    if (line.arguments.size() == 2) asked.options.name = parse_new_name(line.arguments[1]).full();
    if (asked.input == "-" && ::isatty(STDIN_FILENO) != 0)
        throw Error(ErrorKind::usage, "no archive is given: standard input is a terminal",
                    "minirun import FILE NAME[:TAG]");
    return asked;
}

}  // namespace

int import_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun import [OPTIONS] FILE|DIRECTORY|- [NAME[:TAG]]\n"
                "\n"
                "Makes an image of one layer of a root file system: a directory, or a tar archive,\n"
                "compressed or not.\n"
                "\n"
                "Options:\n",
                options_help(words())));
        return 0;
    }
    need_root("import", "to make files with their owners and devices");
    const ImageStore store(default_paths().data);
    const auto id = import_image(store, asked.input, asked.options);
    tell_image_event(id, "", "import");
    print_output(cat("sha256:", id, '\n'));
    return 0;
}

}  // namespace minirun
