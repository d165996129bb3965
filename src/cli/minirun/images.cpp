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
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'a', "all", "", "taken for Docker's sake: there are no images in between"},
    {'q', "quiet", "", "ids only"},
    {0, "no-trunc", "", "ids in full"},
    {0, "digests", "", "with a column for the digests of manifests, which nothing here has"},
    {0, "format", "FORMAT", "table, json (an object a line), or '{{.ID}}' and other fields"},
    {0, "help", "", "print this text"},
};

struct Asked {
    bool quiet = false, whole_ids = false, digests = false, help = false;
    std::string format = "table", name;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "quiet") asked.quiet = given.on;
        if (name == "no-trunc") asked.whole_ids = given.on;
        if (name == "help") asked.help = true;
        if (name == "digests") asked.digests = given.on;
        if (name == "format") asked.format = given.value;
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

Json fields_of(const Line& line) {
    return {{"Repository", line.repository},
            {"Tag", line.tag},
            {"Digest", "<none>"},
            {"ID", line.id},
            {"CreatedAt", line.created},
            {"CreatedSince", ago(seconds_of(line.created))},
            {"Size", decimal_size(line.size)}};
}

std::string as_table(const std::vector<Line>& lines, bool digests) {
    std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
    for (const auto& line : lines)
        rows.push_back({line.repository, line.tag, line.id, ago(seconds_of(line.created)), decimal_size(line.size)});
    if (digests)
        for (auto& row : rows) row.insert(row.begin() + 2, &row == &rows.front() ? "DIGEST" : "<none>");
    return table(rows);
}

std::string text_of(const std::vector<Line>& lines, const Asked& asked) {
    if (asked.quiet) return as_ids(lines);
    if (asked.format == "table") return as_table(lines, asked.digests);
    std::string text;
    for (const auto& line : lines)
        text += (asked.format == "json" ? fields_of(line).dump() : fill_in(asked.format, fields_of(line))) + "\n";
    return text;
}

}  // namespace

int images_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(cat("Usage: minirun images [OPTIONS] [NAME[:TAG]]\n\nLists the images in the store.\n\nOptions:\n",
                         options_help(options)));
        return 0;
    }
    if (asked.format != "table" && asked.format != "json") (void)fill_in(asked.format, fields_of({}));
    print_output(text_of(lines_of(asked), asked));
    return 0;
}

}  // namespace minirun
