// minirun history: how an image was made, by its own account.
#include <algorithm>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/find_image.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'H', "human", "", "sizes and times for people (--human=false: in bytes, and as written)"},
    {'q', "quiet", "", "ids only"},
    {0, "no-trunc", "", "ids and commands in full"},
    {0, "format", "table|json", "for people, or a JSON object a line"},
    {0, "help", "", "print this text"},
};
constexpr std::string_view missing = "<missing>";

struct Asked {
    bool human = true, quiet = false, whole = false, json = false, help = false;
    std::string image;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "human") asked.human = given.on;
        if (name == "quiet") asked.quiet = given.on;
        if (name == "no-trunc") asked.whole = given.on;
        if (name == "help") asked.help = true;
        if (name != "format") continue;
        if (given.value != "table" && given.value != "json")
            throw option_error("--format", given.value, "only table and json are supported");
        asked.json = given.value == "json";
    }
    if (asked.help) return asked;
    if (line.arguments.size() != 1) throw Error(ErrorKind::usage, "minirun history takes one image");
    asked.image = line.arguments.front();
    return asked;
}

struct Line {
    std::string id, created, by, comment;
    std::uint64_t size = 0;
};

// The newest first. An entry without a layer has no size; layers that the history does not tell of come last.
std::vector<Line> lines_of(const ImageStore& store, const std::string& id) {
    const auto document = stored_config(store, id);
    Problems problems(id);
    const auto layers = stored_layers(store, id);
    std::vector<Line> lines;
    std::size_t layer = 0;
    for (const auto& entry : JsonView(document, problems)["history"].elements()) {
        Line line{std::string(missing), entry["created"].string_or(""), entry["created_by"].string_or(""),
                  entry["comment"].string_or("")};
        if (!entry["empty_layer"].boolean_or(false) && layer < layers.size()) line.size = layers[layer++].size;
        lines.push_back(std::move(line));
    }
    for (; layer < layers.size(); layer++) lines.push_back({std::string(missing), "", "", "", layers[layer].size});
    std::reverse(lines.begin(), lines.end());
    if (!lines.empty()) lines.front().id = id;
    return lines;
}

std::string shortened(const std::string& text, std::size_t length) {
    return text.size() <= length ? text : text.substr(0, length - 1) + "…";
}

}  // namespace

int history_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun history [OPTIONS] IMAGE\n\nTells the steps that made an image, and the size of "
                "each.\n\nOptions:\n",
                options_help(options)));
        return 0;
    }
    const ImageStore store(default_paths().data);
    const auto id = need_stored_image(store, asked.image);
    std::vector<std::vector<std::string>> rows{{"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"}};
    std::string text;
    for (const auto& line : lines_of(store, id)) {
        const auto shown_id = line.id == missing ? line.id : asked.whole ? "sha256:" + line.id : line.id.substr(0, 12);
        const auto created = asked.human ? ago(seconds_of(line.created)) : line.created;
        const auto size = asked.human ? decimal_size(line.size) : cat(line.size);
        const auto by = printable(line.by);
        if (asked.quiet)
            text += shown_id + "\n";
        else if (asked.json)
            text +=
                Json{{"ID", shown_id}, {"CreatedAt", line.created}, {"CreatedSince", created}, {"CreatedBy", line.by},
                     {"Size", size},   {"Comment", line.comment}}
                    .dump() +
                "\n";
        rows.push_back({shown_id, created, asked.whole ? by : shortened(by, 45), size, printable(line.comment)});
    }
    print_output(asked.quiet || asked.json ? text : table(rows));
    return 0;
}

}  // namespace minirun
