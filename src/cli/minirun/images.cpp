// minirun images: what is in the store.
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'a', "all", "", "taken for Docker's sake: there are no images in between"},
    {'q', "quiet", "", "ids only"},
    {0, "no-trunc", "", "ids in full"},
    {0, "format", "table|json", "for people, or a JSON object a line"},
    {0, "help", "", "print this text"},
};

struct Asked {
    bool quiet = false, whole_ids = false, json = false, help = false;
    std::string name;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_command_line(options, {}, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "quiet") asked.quiet = given.on;
        if (name == "no-trunc") asked.whole_ids = given.on;
        if (name == "help") asked.help = true;
        if (name != "format") continue;
        if (given.value != "table" && given.value != "json")
            throw option_error("--format", given.value, "only table and json are supported");
        asked.json = given.value == "json";
    }
    if (line.arguments.size() > 1) throw Error(ErrorKind::usage, "minirun images takes one name at most");
    if (!line.arguments.empty()) asked.name = line.arguments.front();
    return asked;
}

// One line: an image has one for each of its tags.
struct Line {
    std::string repository, tag, id, created;
    std::uint64_t size;
};

std::vector<Line> lines_of(const Asked& asked) {
    std::vector<Line> lines;
    const auto wanted = asked.name.empty() ? Reference{} : parse_reference(asked.name);
    const bool any_tag = asked.name.find(':', asked.name.rfind('/') + 1) == std::string::npos;
    for (const auto& image : stored_images(ImageStore(default_paths().data))) {
        const auto id = asked.whole_ids ? "sha256:" + image.id : image.id.substr(0, 12);
        if (image.tags.empty() && asked.name.empty())
            lines.push_back({"<none>", "<none>", id, image.created, image.size});
        for (const auto& tag : image.tags) {
            const auto reference = parse_reference(tag);
            const bool matches =
                asked.name.empty() || (reference.domain == wanted.domain && reference.path == wanted.path &&
                                       (any_tag || reference.tag == wanted.tag));
            if (matches) lines.push_back({reference.familiar_name(), reference.tag, id, image.created, image.size});
        }
    }
    return lines;
}

std::string as_ids(const std::vector<Line>& lines) {
    std::string text, last;
    for (const auto& line : lines)
        if (line.id != last) text += (last = line.id) + "\n";
    return text;
}

std::string as_json(const std::vector<Line>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += Json{{"Repository", line.repository},
                     {"Tag", line.tag},
                     {"ID", line.id},
                     {"CreatedAt", line.created},
                     {"CreatedSince", ago(seconds_of(line.created))},
                     {"Size", decimal_size(line.size)}}
                    .dump() +
                "\n";
    return text;
}

std::string as_table(const std::vector<Line>& lines) {
    std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
    for (const auto& line : lines)
        rows.push_back({line.repository, line.tag, line.id, ago(seconds_of(line.created)), decimal_size(line.size)});
    return table(rows);
}

}  // namespace

int images_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(cat("Usage: minirun images [OPTIONS] [NAME[:TAG]]\n\nLists the images in the store.\n\nOptions:\n",
                         options_help(options)));
        return 0;
    }
    const auto lines = lines_of(asked);
    print_output(asked.quiet ? as_ids(lines) : asked.json ? as_json(lines) : as_table(lines));
    return 0;
}

}  // namespace minirun
