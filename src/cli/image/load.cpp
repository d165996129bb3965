// minirun load: images of an archive or a directory into the store.
#include <unistd.h>

#include "archive/import_image.hpp"
#include "archive/load_image.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/limits.hpp"
#include "cli/image/need_root.hpp"
#include "cli/image/progress.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

struct Asked {
    std::string input;
    LoadOptions options;
    bool quiet = false, help = false;
};

struct Row {
    OptionWords words;
    void (*apply)(Asked&, const Given&);
};
constexpr Row rows[] = {
    {{'i', "input", "FILE", "the archive or directory; otherwise standard input"},
     [](Asked& asked, const Given& given) { asked.input = given.value; }},
    {{'q', "quiet", "", "say only what was loaded"}, [](Asked& asked, const Given& given) { asked.quiet = given.on; }},
    {{'t', "tag", "NAME[:TAG]", "a name for the image, beside those it comes with"},
     [](Asked& asked, const Given& given) { asked.options.tags.push_back(parse_new_name(given.value).full()); }},
    {{0, "platform", "OS/ARCH", "of an archive for several: which image (this host's)"},
     [](Asked& asked, const Given& given) { asked.options.platform = read_platform(given.value); }},
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
    const auto known = words();
    auto line = read_mixed_command_line(known, argc, argv);
    for (const auto& given : line.options)
        if (!set_limit(asked.options.limits, known[given.index].name, given)) rows[given.index].apply(asked, given);
    if (line.arguments.size() > 1)
        throw Error(ErrorKind::usage, cat("minirun load takes one archive, not ", line.arguments.size()));
    if (!line.arguments.empty()) {
        if (!asked.input.empty())
            throw Error(ErrorKind::usage, "minirun load takes one archive, not one with -i and another");
        asked.input = line.arguments.front();
    }
    if (asked.input.empty()) asked.input = "-";
    if (!asked.help && asked.input == "-" && ::isatty(STDIN_FILENO) != 0)
        throw Error(ErrorKind::usage, "no archive is given: standard input is a terminal", "minirun load -i FILE");
    return asked;
}

// An OCI layout has an index.json.
bool is_bundle(const std::string& path) {
    return is_directory(path) && ::access((path + "/config.json").c_str(), F_OK) == 0 &&
           ::access((path + "/index.json").c_str(), F_OK) < 0;
}

}  // namespace

int load_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun load [OPTIONS] [FILE|DIRECTORY]\n"
                "\n"
                "Puts the images of an archive (docker save, podman save, skopeo copy), of an OCI\n"
                "layout directory, or a bundle into the store.\n"
                "\n"
                "Options:\n",
                options_help(words())));
        return 0;
    }
    need_root("load", "to make files with their owners and devices");
    const ImageStore store(default_paths().data);
    const auto progress = make_progress(asked.quiet);
    const auto loaded = is_bundle(asked.input) ? std::vector{load_bundle(store, asked.input, asked.options)}
                                               : load_images(store, asked.input, asked.options, progress.get());
    for (const auto& image : loaded) {
        tell_image_event(image.id, image.names.empty() ? "" : parse_reference(image.names[0]).familiar(), "load");
        if (image.names.empty()) print_output(cat("Loaded image ID: sha256:", image.id, '\n'));
        for (const auto& name : image.names)
            print_output(cat("Loaded image: ", parse_reference(name).familiar(), '\n'));
    }
    return 0;
}

}  // namespace minirun
