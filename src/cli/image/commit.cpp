// minirun commit: what a container has changed becomes a layer, and an image with it.
#include <algorithm>

#include "archive/commit_layer.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/limits.hpp"
#include "cli/image/need_root.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/container_root.hpp"
#include "runtime/container_view.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

struct Asked {
    std::string container;
    CommitOptions options;
    bool pause = true;
    bool help = false;
};

struct Row {
    OptionWords words;
    void (*apply)(Asked&, const Given&);
};
constexpr Row rows[] = {
    {{'a', "author", "TEXT", "who has made it"},
     [](Asked& asked, const Given& given) { asked.options.author = given.value; }},
    {{'c', "change", "INSTRUCTION", "of a Dockerfile, for the config: CMD, ENV, EXPOSE, …"},
     [](Asked& asked, const Given& given) { asked.options.changes.push_back(given.value); }},
    {{'m', "message", "TEXT", "the image's comment"},
     [](Asked& asked, const Given& given) { asked.options.message = given.value; }},
    {{'p', "pause", "", "a container that runs stands still meanwhile (on)"},
     [](Asked& asked, const Given& given) { asked.pause = given.on; }},
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
    const auto line = read_mixed_command_line(known, argc, argv);
    for (const auto& given : line.options)
        if (!set_limit(asked.options.limits, known[given.index].name, given)) rows[given.index].apply(asked, given);
    if (asked.help) return asked;
    if (line.arguments.empty() || line.arguments.size() > 2)
        throw Error(ErrorKind::usage, "minirun commit takes a container, and a name for the image",
                    "minirun commit CONTAINER NAME[:TAG]");
    asked.container = line.arguments[0];
    if (line.arguments.size() == 2) asked.options.name = parse_new_name(line.arguments[1]).full();
    check(asked.options);
    return asked;
}

// Holds a container's processes where they are, if any run.
class Paused {
public:
    Paused(const std::string& id, ContainerPhase phase) : id_(id), paused_(phase == ContainerPhase::running) {
        if (!paused_) return;
        try {
            Containers().pause(id_);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            throw Error(error.kind(), error.message(), "minirun commit --pause=false takes it as it runs");
        }
    }
    ~Paused() {
        try {
            if (paused_) Containers().unpause(id_);
        } catch (const Error&) {
            // It has been ended, or let go on by somebody else.
        }
    }
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

private:
    std::string id_;
    bool paused_;
};

// As it is now; what the container runs on has to be in it still.
Image bundle_of(const ContainerFacts& facts, const ContainerRoot& root) {
    auto bundle = open_image(facts.config_file);
    const auto same = [](const Layer& a, const Layer& b) { return a.path == b.path; };
    if (bundle.form != Image::Form::image_config || !std::ranges::equal(bundle.layers, root.layers, same))
        throw Error(ErrorKind::conflict,
                    cat("cannot commit container ", quote(facts.name), ": ", quote(bundle.directory),
                        " has other layers than when the container was made"),
                    "run a container of the bundle as it is");
    return bundle;
}

CommitSource source_of(const StoredContainer& container) {
    const auto& facts = container.facts();
    const auto root = root_of(container);
    const auto refuse = [&](std::string_view why, std::string hint) {
        throw Error(ErrorKind::unsupported, cat("cannot commit container ", quote(facts.name), ": ", why),
                    std::move(hint));
    };
    if (root.kind == ContainerRoot::Kind::directory)
        refuse("it runs in a ready root file system, so there is no image that it has changed",
               "minirun import makes an image of a directory");
    if (root.kind == ContainerRoot::Kind::in_memory)
        refuse("what it writes is in memory (--tmpfs-upper), and goes with its end", "run it without that");
    if (root.kind == ContainerRoot::Kind::read_only)
        refuse("its root file system is read-only, so it has changed nothing",
               "minirun tag gives its image another name");
    const auto args = join(facts.args, " ");
    if (!facts.image_id.empty()) return {facts.image_id, std::nullopt, root.upper, args};
    if (facts.config_file.empty())
        refuse(cat(quote(facts.image_name), ", which it runs, is neither in the store nor a bundle"),
               "minirun import makes an image of a directory: run a container of that");
    return {"", bundle_of(facts, root), root.upper, args};
}

}  // namespace

int commit_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun commit [OPTIONS] CONTAINER [NAME[:TAG]]\n"
                "\n"
                "Makes an image of a container: the layers of its image, and what it has changed in\n"
                "its root file system as another one. Volumes are no part of it. The layers of a\n"
                "bundle are put into the store.\n"
                "\n"
                "Options:\n",
                options_help(words())));
        return 0;
    }
    need_root("commit", "to make files with their owners and devices");
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, asked.container);
    const auto source = source_of(container);
    const auto phase = container.observe().phase;
    const auto still = hold_still_unless_running(container, phase);
    std::string id;
    {
        const Paused paused(container.id(), asked.pause ? phase : ContainerPhase::created);
        id = commit_layer(ImageStore(paths.data), source, asked.options);
    }
    print_output(cat("sha256:", id, '\n'));
    return 0;
}

}  // namespace minirun
