// minirun save: images of the store into an archive.
#include "archive/save_image.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/output.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'o', "output", "FILE", "the archive; otherwise standard output"},
    {0, "format", "FORMAT", "docker-archive, which is an OCI layout, too, or oci-archive"},
    {0, "help", "", "print this text"},
};

struct Asked {
    std::vector<std::string> images;
    std::string output;
    SaveFormat format = SaveFormat::docker;
    bool help = false;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "help") asked.help = true;
        if (name == "output") asked.output = given.value;
        if (name != "format") continue;
        if (given.value != "docker-archive" && given.value != "oci-archive")
            throw option_error("--format", given.value, "there are docker-archive and oci-archive");
        asked.format = given.value == "oci-archive" ? SaveFormat::oci : SaveFormat::docker;
    }
    asked.images = line.arguments;
    if (asked.help) return asked;
    if (asked.images.empty()) throw Error(ErrorKind::usage, "minirun save takes the images that are to be saved");
    refuse_terminal(asked.output, "minirun save -o FILE IMAGE…");
    return asked;
}

}  // namespace

int save_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun save [OPTIONS] IMAGE…\n"
                "\n"
                "Writes images of the store with their names into one archive, which docker load,\n"
                "podman load, skopeo and minirun load read.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    Output output(asked.output);
    save_images(ImageStore(default_paths().data), asked.images, asked.format, output.sink());
    output.keep();
    return 0;
}

}  // namespace minirun
