// minirun images: what is in the store.
#include <map>
#include <set>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
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
    {0, "digests", "", "with a column for the digests of manifests"},
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
    std::string repository, tag, digest, id, created;
    std::uint64_t size = 0;
};
constexpr const char* none = "<none>";

// A name with a tag, a digest or both, or none at all.
struct Name {
    std::string repository, tag, digest;
};

// With digests, a tag has a line for each of its repository's. Those of a repository without a tag have lines, too.
std::vector<Name> names_of(const StoredImage& image, bool with_digests) {
    std::vector<Name> names;
    std::multimap<std::string, std::string> digests;
    std::set<std::string> untagged;
    for (const auto& name : image.digests) {
        // In the full form, as the store has them, it is plain where each part begins.
        const auto at = name.find('@');
        digests.emplace(name.substr(0, at), name.substr(at + 1));
        untagged.insert(name.substr(0, at));
    }
    const auto add = [&](const std::string& repository, const std::string& tag) {
        untagged.erase(repository);
        const auto [first, end] = digests.equal_range(repository);
        if (first == end || !with_digests) names.push_back({repository, tag, ""});
        for (auto one = first; with_digests && one != end; ++one) names.push_back({repository, tag, one->second});
    };
    for (const auto& tag : image.tags) {
        const auto colon = tag.rfind(':');
        add(tag.substr(0, colon), tag.substr(colon + 1));
    }
    const auto without_tag = untagged;
    for (const auto& repository : without_tag) add(repository, "");
    if (names.empty()) names.push_back({"", "", ""});
    return names;
}

// Which names were asked for.
class Filter {
public:
    explicit Filter(const std::string& text)
        : all_(text.empty()),
          any_tag_(text.find(':', text.rfind('/') + 1) == std::string::npos),
          wanted_(all_ ? Reference{} : parse_reference(text)) {}
    bool by_digest() const { return !wanted_.digest.empty(); }
    bool takes(const Name& name) const {
        if (all_) return true;
        if (name.repository != wanted_.repository()) return false;
        return by_digest() ? name.digest == wanted_.digest : any_tag_ || name.tag == wanted_.tag;
    }

private:
    bool all_, any_tag_;
    Reference wanted_;
};

std::vector<Line> lines_of(const Asked& asked) {
    std::vector<Line> lines;
    const Filter filter(asked.name);
    const bool with_digests = asked.digests || filter.by_digest() || asked.format.find(".Digest") != std::string::npos;
    const auto or_none = [](const std::string& text) { return text.empty() ? std::string(none) : text; };
    for (const auto& image : stored_images(ImageStore(default_paths().data))) {
        const auto id = asked.whole_ids ? "sha256:" + image.id : image.id.substr(0, 12);
        for (const auto& name : names_of(image, with_digests)) {
            if (!filter.takes(name)) continue;
            const auto shown = name.repository.empty() ? none : parse_reference(name.repository).familiar_name();
            lines.push_back({shown, or_none(name.tag), or_none(name.digest), id, image.created, image.size});
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
    return {{"Repository", line.repository},  {"Tag", line.tag},
            {"Digest", line.digest},          {"ID", line.id},
            {"CreatedAt", line.created},      {"CreatedSince", ago(seconds_of(line.created))},
            {"Size", decimal_size(line.size)}};
}

std::string as_table(const std::vector<Line>& lines, bool digests) {
    std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
    for (const auto& line : lines)
        rows.push_back({line.repository, line.tag, line.id, ago(seconds_of(line.created)), decimal_size(line.size)});
    if (!digests) return table(rows);
    rows.front().insert(rows.front().begin() + 2, "DIGEST");
    for (std::size_t i = 0; i < lines.size(); i++) rows[i + 1].insert(rows[i + 1].begin() + 2, lines[i].digest);
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
