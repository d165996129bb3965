// minirun load: images of an archive or a directory into the store.
#include <sys/utsname.h>
#include <unistd.h>

#include "archive/load_image.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

struct Asked {
    std::string input = "-";
    std::vector<std::string> tags;
    LoadOptions options;
    bool quiet = false, help = false;
};

std::string host_platform() {
    utsname name{};
    ::uname(&name);
    const std::string_view machine = name.machine;
    return cat("linux/", machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine);
}

std::uint64_t positive(std::string_view option, const std::string& value, std::optional<std::int64_t> parsed) {
    if (!parsed || *parsed <= 0) throw option_error(option, value, "expected a number above 0");
    return static_cast<std::uint64_t>(*parsed);
}

struct Row {
    OptionWords words;
    void (*apply)(Asked&, const Given&);
};
constexpr Row rows[] = {
    {{'i', "input", "FILE", "the archive or directory; otherwise standard input"},
     [](Asked& asked, const Given& given) { asked.input = given.value; }},
    {{'q', "quiet", "", "say only what was loaded"}, [](Asked& asked, const Given& given) { asked.quiet = given.on; }},
    {{'t', "tag", "NAME[:TAG]", "a name for the image, beside those it comes with"},
     [](Asked& asked, const Given& given) { asked.tags.push_back(parse_reference(given.value).full()); }},
    {{0, "platform", "OS/ARCH", "of an archive for several: which image (this host's)"},
     [](Asked& asked, const Given& given) { asked.options.platform = given.value; }},
    {{0, "max-size", "SIZE", "the most that a layer may unpack to (64g)"},
     [](Asked& asked, const Given& given) {
         asked.options.limits.bytes = positive("--max-size", given.value, parse_size(given.value));
     }},
    {{0, "max-entries", "N", "the most files that a layer may have (2000000)"},
     [](Asked& asked, const Given& given) {
         asked.options.limits.entries = positive("--max-entries", given.value, parse_number<std::int64_t>(given.value));
     }},
    {{0, "max-ratio", "N", "above 1 GiB: how much a layer may be compressed (200)"},
     [](Asked& asked, const Given& given) {
         asked.options.ratio = positive("--max-ratio", given.value, parse_number<std::int64_t>(given.value));
     }},
    {{0, "help", "", "print this text"}, [](Asked& asked, const Given&) { asked.help = true; }},
};

std::vector<OptionWords> words() {
    std::vector<OptionWords> all;
    for (const auto& row : rows) all.push_back(row.words);
    return all;
}

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    asked.options.platform = host_platform();
    const auto known = words();
    auto line = read_command_line(known, {}, argc, argv);
    for (const auto& given : line.options) rows[given.index].apply(asked, given);
    if (line.arguments.size() > 1)
        throw Error(ErrorKind::usage, cat("minirun load takes one archive, not ", line.arguments.size()));
    if (!line.arguments.empty()) asked.input = line.arguments.front();
    if (!asked.help && asked.input == "-" && ::isatty(STDIN_FILENO) != 0)
        throw Error(ErrorKind::usage, "no archive is given: standard input is a terminal", "minirun load -i FILE");
    return asked;
}

}  // namespace

int load_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun load [OPTIONS] [FILE|DIRECTORY]\n"
                "\n"
                "Puts the images of an archive (docker save, podman save, skopeo copy) or of an OCI\n"
                "layout directory into the store.\n"
                "\n"
                "Options:\n",
                options_help(words())));
        return 0;
    }
    if (::geteuid() != 0)
        throw Error(ErrorKind::not_permitted, "minirun load needs root, to make files with their owners and devices",
                    "run it with sudo");
    const ImageStore store(default_paths().data);
    const auto progress = [&](const std::string& diff_id, std::string_view what) {
        if (!asked.quiet && what != "done") print_notice("minirun", cat(diff_id.substr(7, 12), ": ", what));
    };
    for (const auto& image : load_images(store, asked.input, asked.options, progress)) {
        for (const auto& name : asked.tags) store.set_tag(name, image.id);
        if (image.names.empty()) print_output(cat("Loaded image ID: sha256:", image.id, '\n'));
        for (const auto& name : image.names)
            print_output(cat("Loaded image: ", parse_reference(name).familiar(), '\n'));
    }
    return 0;
}

}  // namespace minirun
