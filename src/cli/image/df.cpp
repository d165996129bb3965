// minirun system df: what takes how much space.
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/reference.hpp"
#include "image/store_usage.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'v', "verbose", "", "tell of each image, and what it shares with others"},
    {0, "format", "table|json", "for people, or for programs: sizes in bytes"},
    {0, "help", "", "print this text"},
};

std::string of_all(std::uint64_t part, std::uint64_t whole) {
    const auto percent = whole == 0 ? 0 : part * 100 / whole;
    return cat(decimal_size(part), " (", percent, "%)");
}

std::size_t active_images(const StoreUsage& usage) {
    std::size_t active = 0;
    for (const auto& one : usage.images) active += one.active;
    return active;
}

std::string summary(const StoreUsage& usage) {
    const auto idle = usage.container_count == usage.active_containers ? 0 : usage.containers;
    return table({{"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"},
                  {"Images", cat(usage.images.size()), cat(active_images(usage)), decimal_size(usage.total()),
                   of_all(usage.reclaimable(), usage.total())},
                  {"Containers", cat(usage.container_count), cat(usage.active_containers),
                   decimal_size(usage.containers), of_all(idle, usage.containers)}});
}

std::string details(const StoreUsage& usage) {
    std::vector<std::vector<std::string>> images{
        {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "IN USE"}};
    for (const auto& [image, own, shared, unique, active] : usage.images) {
        auto names = image.tags;
        if (names.empty()) names.emplace_back();
        for (const auto& name : names) {
            const auto reference = name.empty() ? Reference{} : parse_reference(name);
            images.push_back({name.empty() ? "<none>" : reference.familiar_name(),
                              name.empty() ? "<none>" : reference.tag, image.id.substr(0, 12), ago(image.created_at),
                              decimal_size(shared + unique), decimal_size(shared), decimal_size(unique),
                              active ? "yes" : "no"});
        }
    }
    std::vector<std::vector<std::string>> layers{{"LAYER", "SIZE", "IMAGES"}};
    for (const auto& layer : usage.layers)
        layers.push_back({layer.diff_id.empty() ? layer.key.substr(0, 19) : layer.diff_id.substr(7, 12),
                          decimal_size(layer.size), cat(layer.images)});
    return cat("Images:\n\n", table(images), "\nLayers, each on disk once:\n\n", table(layers),
               "\nTags and the like: ", decimal_size(usage.other), "\n");
}

Json as_json(const StoreUsage& usage) {
    Json images = Json::array(), layers = Json::array();
    for (const auto& one : usage.images)
        images.push_back({{"ID", "sha256:" + one.image.id},
                          {"RepoTags", one.image.tags},
                          {"Own", one.own},
                          {"SharedSize", one.shared},
                          {"UniqueSize", one.unique},
                          {"Active", one.active}});
    for (const auto& layer : usage.layers)
        layers.push_back(
            {{"Key", layer.key}, {"DiffID", layer.diff_id}, {"Size", layer.size}, {"Images", layer.images}});
    return {{"Images", images},
            {"Layers", layers},
            {"Other", usage.other},
            {"Size", usage.total()},
            {"Reclaimable", usage.reclaimable()},
            {"Containers",
             {{"Total", usage.container_count}, {"Active", usage.active_containers}, {"Size", usage.containers}}}};
}

}  // namespace

int df_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    bool verbose = false, json = false;
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "help") {
            print_output(
                cat("Usage: minirun system df [OPTIONS]\n"
                    "\n"
                    "Tells how much space the store and the containers take on disk.\n"
                    "\n"
                    "Options:\n",
                    options_help(options)));
            return 0;
        }
        if (name == "verbose") verbose = given.on;
        if (name != "format") continue;
        if (given.value != "table" && given.value != "json")
            throw option_error("--format", given.value, "only table and json are supported");
        json = given.value == "json";
    }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun system df takes no arguments");
    const auto paths = default_paths();
    const auto usage = store_usage(ImageStore(paths.data), paths.containers);
    print_output(json ? as_json(usage).dump() + "\n" : verbose ? details(usage) : summary(usage));
    return 0;
}

}  // namespace minirun
