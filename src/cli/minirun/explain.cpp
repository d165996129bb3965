// minirun explain: the command line.
#include "minirun/explain.hpp"

#include <unistd.h>

#include <algorithm>
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/explain_render.hpp"
#include "cli/minirun/run_options.hpp"
#include "cli/minirun/sharing_text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "minirun/sharing.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

// What is explain's own on the command line.
struct Asked {
    std::vector<std::string> paths;
    Sections sections;
    bool plan = false;
    bool json = false;
};

void apply_path(Asked& asked, const Given& given) {
    if (!given.value.starts_with('/'))
        throw option_error("--path", given.value, "expected an absolute path in the container");
    asked.paths.push_back(given.value);
}
void apply_section(Asked& asked, const Given& given) {
    const auto* known = std::find(explain_sections.begin(), explain_sections.end(), given.value);
    if (known == explain_sections.end()) {
        const std::vector<std::string> names(explain_sections.begin(), explain_sections.end());
        const auto near = nearest_word(given.value, explain_sections);
        throw option_error("--section", given.value, cat("the sections are ", join(names, ", ")),
                           near.empty() ? "" : cat("did you mean ", near, "?"));
    }
    asked.sections.insert(*known);
}
void apply_plan(Asked& asked, const Given& given) { asked.plan = given.on; }
void apply_format(Asked& asked, const Given& given) {
    if (given.value != "text" && given.value != "json")
        throw option_error("--format", given.value, "only text and json are supported");
    asked.json = given.value == "json";
}
void apply_help(Asked&, const Given&) {}  // parse_run() sees it

struct Row {
    OptionWords words;
    void (*apply)(Asked&, const Given&);
};
constexpr Row rows[] = {
    {{0, "path", "PATH", "tell which layer this path comes from"}, apply_path},
    {{0, "section", "NAME", "bootfs, rootfs, union, process, isolation, plan"}, apply_section},
    {{0, "plan", "", "tell the steps of the launch, too"}, apply_plan},
    {{0, "format", "text|json", "for people, or for programs"}, apply_format},
    {{0, "help", "", "print this text"}, apply_help},
};

std::vector<OptionWords> own_words() {
    std::vector<OptionWords> words;
    for (const auto& row : rows) words.push_back(row.words);
    return words;
}

std::string explain_help() {
    return cat(
        "Usage: minirun explain [OPTIONS] IMAGE [OPTIONS] [COMMAND] [ARG…]\n"
        "       minirun explain --running [--format text|json] [CONTAINER…]\n"
        "\n"
        "Tells, from live facts, what the image is made of and what its container would\n"
        "be: the kernel below it, its layers, its process, and what that is kept from.\n"
        "Starts nothing and needs no root. With --running: what containers that run, all or\n"
        "those that are named, have in common on disk and in memory; that needs root.\n"
        "\n"
        "Options:\n",
        options_help(own_words()),
        "\n"
        "--path and --section may be repeated. In front of IMAGE all options of\n"
        "minirun run are taken, too, and change what is explained: see how the container\n"
        "changes with --privileged, --read-only or --network host.\n");
}

bool is_own(std::string_view word) {
    const auto name = word.substr(0, word.find('='));
    return std::any_of(std::begin(rows), std::end(rows),
                       [&](const Row& row) { return name == cat("--", row.words.name); });
}

// explain's own options are taken behind the image, too: no command begins with them.
void take_options_behind_image(Asked& asked, bool& help, std::vector<std::string>& arguments) {
    if (arguments.empty() || !is_own(arguments.front())) return;
    const auto words = own_words();
    while (!arguments.empty() && is_own(arguments.front())) {
        // One at a time: what stands behind the last of them belongs to the container, whatever it looks like.
        const auto option = std::find_if(words.begin(), words.end(), [&](const OptionWords& one) {
            return arguments.front() == cat("--", one.name) && !one.argument.empty();
        });
        const std::size_t count = option != words.end() && arguments.size() > 1 ? 2 : 1;
        std::string command = "explain";
        std::vector<char*> argv{command.data()};
        for (std::size_t i = 0; i < count; i++) argv.push_back(arguments[i].data());
        for (const auto& given : read_command_line(words, {}, static_cast<int>(argv.size()), argv.data()).options) {
            if (words[given.index].name == "help") help = given.on;
            rows[given.index].apply(asked, given);
        }
        arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(count));
    }
}

// explain --running is told of containers, and takes nothing that an image's run would.
constexpr OptionWords running_options[] = {
    {0, "running", "", "tell what containers that run share"},
    {0, "format", "text|json", "for people, or for programs"},
    {0, "help", "", "print this text"},
};

int explain_running(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(running_options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = running_options[given.index].name;
        if (name == "format") apply_format(asked, given);
        if (name == "help") {
            print_output(explain_help());
            return 0;
        }
    }
    const auto sharing = sharing_of(line.arguments);
    if (sharing.containers.empty() && !asked.json) {
        print_output("No container runs that has a name or is in the background.\n");
        return 0;
    }
    print_output(asked.json ? sharing_json(sharing) : sharing_page(sharing, style_for(STDOUT_FILENO)));
    return 0;
}

// Without --section all of them, but for the plan, which is long.
Sections sections_of(const Asked& asked) {
    auto sections = asked.sections;
    if (sections.empty()) sections = {explain_sections.begin(), explain_sections.end() - 1};
    if (asked.plan) sections.insert("plan");
    return sections;
}

}  // namespace

int explain_command(int argc, char** argv) {
    // Not behind the image, where it may be the command's own.
    for (int i = 1; i < argc && argv[i][0] == '-'; i++)
        if (std::string_view(argv[i]) == "--running") return explain_running(argc, argv);
    Asked asked;
    std::vector<MoreOption> more;
    for (const auto& row : rows)
        more.push_back({row.words, [&asked, &row](const Given& given) { row.apply(asked, given); }});
    auto command = parse_run(argc, argv, more);
    if (!command.help) take_options_behind_image(asked, command.help, command.options.arguments);
    if (command.help) {
        print_output(explain_help());
        return 0;
    }
    const auto& options = command.options;
    const auto image = options.rootfs ? open_plain_rootfs(*options.rootfs) : open_image(command.image);
    const auto explanation = explain(image, options, asked.paths);
    const auto sections = sections_of(asked);
    const auto text = asked.json ? explain_json(explanation, sections)
                                 : explain_text(explanation, sections, style_for(STDOUT_FILENO));
    print_output(text);
    return 0;
}

}  // namespace minirun
