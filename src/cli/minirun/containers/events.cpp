// minirun events: what happens to containers that stay, and to images.
#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "minirun/error.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr OptionWords options[] = {
    {0, "since", "TIME", "from then on: 10m (ago), 2026-03-04T05:06:07Z, or seconds since 1970"},
    {0, "until", "TIME", "up to then, and no longer"},
    {'f', "filter", "KEY=VALUE", "those of this container, image, event, type or label"},
    {0, "format", "FORMAT", "json (an object a line), or '{{.Action}}' and other fields"},
    {0, "help", "", "print this text"},
};

struct Filter {
    std::string key, value;
};

struct Asked {
    EventRange range;
    std::vector<Filter> filters;
    std::string format = "json";
    bool help = false;
};

Filter filter_value(const std::string& text) {
    constexpr std::array<std::string_view, 5> known{"container", "image", "event", "type", "label"};
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    if (equals == std::string::npos || std::find(known.begin(), known.end(), key) == known.end())
        throw Error(ErrorKind::usage, cat("--filter ", quote(text), ": expected KEY=VALUE"),
                    "the keys are container, image, event, type and label");
    return {key, text.substr(equals + 1)};
}

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "since") asked.range.since = time_value("--since", given.value);
        if (name == "until") asked.range.until = time_value("--until", given.value);
        if (name == "filter") asked.filters.push_back(filter_value(given.value));
        if (name == "format") asked.format = given.value;
        if (name == "help") asked.help = true;
    }
    if (!line.arguments.empty())
        throw Error(ErrorKind::usage, "minirun events takes no containers", "--filter container=NAME is for that");
    return asked;
}

std::string text_of(const Ordered& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// An image's name with its tag and without them.
bool is_name_of_image(const std::string& name, const std::string& value) {
    return name == value || name.substr(0, name.rfind(':')) == value;
}

bool passes(const Ordered& event, const Filter& filter) {
    const auto& [key, value] = filter;
    const auto type = text_of(event, "Type"), id = text_of(event, "id"), action = text_of(event, "Action");
    const auto attributes = event.value("Actor", Ordered::object()).value("Attributes", Ordered::object());
    const auto name = text_of(attributes, "name");
    if (key == "type") return type == value;
    // "health_status" stands for each status, "exec_start" for each command.
    if (key == "event") return action == value || action.starts_with(value + ":");
    if (key == "container") return type == "container" && (name == value || (!value.empty() && id.starts_with(value)));
    if (key == "label") {
        const auto equals = value.find('=');
        const auto label = attributes.find(value.substr(0, equals));
        return label != attributes.end() && (equals == std::string::npos || *label == value.substr(equals + 1));
    }
    const auto image = type == "image" ? name : text_of(event, "from");
    return is_name_of_image(image, value) || (type == "image" && id == value);
}

// As Docker: values of one key are alternatives, all keys have to be met.
bool passes_all(const Ordered& event, const std::vector<Filter>& filters) {
    return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
        return std::any_of(filters.begin(), filters.end(),
                           [&](const Filter& other) { return other.key == filter.key && passes(event, other); });
    });
}

// With the names that Docker's templates have. An attribute that this event lacks is empty.
Json fields_of(const Ordered& event, std::string_view format) {
    constexpr std::pair<const char*, const char*> names[] = {
        {"Status", "status"}, {"ID", "id"},       {"From", "from"}, {"Type", "Type"},        {"Action", "Action"},
        {"Actor", "Actor"},   {"Scope", "scope"}, {"Time", "time"}, {"TimeNano", "timeNano"}};
    Json fields;
    for (const auto& [field, key] : names) fields[field] = event.value(key, Ordered(""));
    constexpr std::string_view prefix = ".Actor.Attributes.";
    for (auto at = format.find(prefix); at != std::string_view::npos; at = format.find(prefix, at + 1)) {
        const auto name = format.substr(at + prefix.size());
        auto& attribute = fields["Actor"]["Attributes"][std::string(name.substr(0, name.find_first_of(" }")))];
        if (attribute.is_null()) attribute = "";
    }
    return fields;
}

}  // namespace

int events_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun events [OPTIONS]\n"
                "\n"
                "Tells what happens to images and to containers that have a name or run in the background, as it\n"
                "happens.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    const bool json = asked.format == "json" || asked.format == "{{json .}}";
    if (!json)
        (void)fill_in(asked.format,
                      fields_of({{"Actor", {{"ID", ""}, {"Attributes", Ordered::object()}}}}, asked.format),
                      "json, or ");
    read_events(default_paths(), asked.range, [&](const Ordered& event) {
        if (!passes_all(event, asked.filters)) return;
        print_output((json ? event.dump(-1, ' ', false, Ordered::error_handler_t::replace)
                           : fill_in(asked.format, fields_of(event, asked.format))) +
                     "\n");
    });
    return 0;
}

}  // namespace minirun
