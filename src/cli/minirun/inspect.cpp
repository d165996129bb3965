#include "cli/minirun/inspect.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr OptionWords options[] = {
    {'f', "format", "FORMAT", "json, or a line for each with '{{.Id}}', '{{.Config.User}}' and the like"},
    {0, "type", "TYPE", "container or image, where both have the name"},
    {0, "help", "", "print this text"},
};

std::string filled_in(const std::string& format, const Ordered& documents) {
    std::string text;
    for (const auto& document : documents) text += fill_in(format, Json(document), "json, or ") + "\n";
    return text;
}

using LookUp = std::function<Ordered(const std::string& name)>;

LookUp of_type(const std::string& type) {
    if (type == "container") return inspected_container;
    if (type == "image") return inspected_image;
    throw Error(ErrorKind::usage, cat("--type ", quote(type), ": only container and image are known"));
}

// A container, or else an image.
Ordered inspected_any(const std::string& name) {
    try {
        return inspected_container(name);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;
    }
    try {
        return inspected_image(name);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;
        throw Error(ErrorKind::not_found, cat("there is neither a container nor an image ", quote(name)),
                    "minirun ps -a and minirun images list them");
    }
}

}  // namespace

int inspect_all(int argc, char** argv, std::string_view usage, std::string_view about, const LookUp& look_up) {
    const auto line = read_mixed_command_line(options, argc, argv);
    std::string format = "json";
    auto looks_up = look_up;
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "help") {
            print_output(cat("Usage: minirun ", usage, "\n\n", about, "\n\nOptions:\n", options_help(options)));
            return 0;
        }
        if (name == "format") format = given.value;
        if (name == "type") looks_up = of_type(given.value);
    }
    if (line.arguments.empty())
        throw Error(ErrorKind::usage,
                    cat("minirun ", usage.substr(0, usage.find(" [")), " takes the names to tell of"));
    Ordered all = Ordered::array();
    int code = 0;
    for (const auto& name : line.arguments) try {
            all.push_back(looks_up(name));
        } catch (const Error& error) {
            print_error("minirun", error);
            code = exit_code(error.kind());
        }
    print_output(format == "json" ? all.dump(4, ' ', false, Ordered::error_handler_t::replace) + "\n"
                                  : filled_in(format, all));
    return code;
}

int inspect_command(int argc, char** argv) {
    return inspect_all(argc, argv, "inspect [OPTIONS] NAME…", "Tells all of containers, or of images.", inspected_any);
}

}  // namespace minirun
