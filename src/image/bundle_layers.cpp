#include "image/bundle_layers.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"
#include "model/launch_request.hpp"

namespace minirun {
namespace {

std::vector<std::string> visible_names(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), &closedir);
    if (!stream && (errno == ENOENT || errno == ENOTDIR))
        throw Error(ErrorKind::bad_input, cat("no layers: there is no directory ", quote(directory)),
                    "a bundle holds its unpacked layers in layers/, lowest first by name: layers/01-base, …");
    if (!stream) throw system_error(cat("cannot read the directory ", quote(directory)), errno);
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = readdir(stream.get()))
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    // A layer that was not read would be missing silently.
    if (errno != 0) throw system_error(cat("cannot read the directory ", quote(directory)), errno);
    std::sort(names.begin(), names.end());
    return names;
}

std::string what_it_is(mode_t mode) {
    if (S_ISREG(mode)) return "a file";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    if (S_ISFIFO(mode)) return "a fifo";
    return "a socket";
}

// The layer behind one entry; what is wrong with it goes to `problems`.
std::optional<Layer> read_entry(const std::string& directory, const std::string& name, Problems& problems) {
    auto path = cat(directory, '/', name);
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        problems.add(quote(name), errno_text(errno));
        return std::nullopt;
    }
    if (S_ISDIR(status.st_mode)) return Layer{name, std::move(path)};

    const bool is_link = S_ISLNK(status.st_mode);
    if (is_link && stat(path.c_str(), &status) != 0) {
        problems.add(quote(name), cat("the symbolic link leads nowhere (", errno_text(errno), ")"));
        return std::nullopt;
    }
    if (!S_ISDIR(status.st_mode)) {
        problems.add(quote(name), cat(is_link ? "the symbolic link leads to " : "is ", what_it_is(status.st_mode),
                                      ", a layer is a directory"));
        return std::nullopt;
    }
    return Layer{name, real_path(path)};
}

// "sha256:HEX" from the three spellings of a digest as a name.
std::optional<std::string> digest_of(const std::string& name) {
    auto digest = name;
    if (name.size() == 64) digest = cat("sha256:", name);
    if (name.starts_with("sha256-")) digest[6] = ':';
    return is_sha256_digest(digest) ? std::optional(digest) : std::nullopt;
}

std::vector<Layer> in_order_of_diff_ids(const std::vector<Layer>& layers, const std::vector<std::string>& diff_ids,
                                        const std::string& directory, const std::string& config_file) {
    Problems problems(printable(directory));
    std::map<std::string, const Layer*> by_digest;
    for (const auto& layer : layers) {
        const auto digest = digest_of(layer.name);
        if (!digest)
            problems.add(quote(layer.name), "is not named by digest, other layers are");
        else if (std::find(diff_ids.begin(), diff_ids.end(), *digest) == diff_ids.end())
            problems.add(quote(layer.name), cat("is not in rootfs.diff_ids of ", config_file));
        else if (!by_digest.emplace(*digest, &layer).second)
            problems.add(quote(layer.name), cat("is the same layer as ", quote(by_digest[*digest]->name)));
    }

    std::vector<Layer> top_down;
    std::set<std::string> seen;
    for (auto digest = diff_ids.rbegin(); digest != diff_ids.rend(); ++digest) {
        if (!seen.insert(*digest).second) continue;
        if (const auto found = by_digest.find(*digest); found != by_digest.end())
            top_down.push_back(*found->second);
        else
            problems.add(quote(*digest), cat("the layer is missing; rootfs.diff_ids of ", config_file, " names it"));
    }
    problems.throw_if_any();
    return {top_down.rbegin(), top_down.rend()};
}

}  // namespace

std::vector<Layer> read_bundle_layers(const std::string& directory, const std::vector<std::string>& diff_ids,
                                      const std::string& config_file) {
    const auto names = visible_names(directory);
    const auto real = real_path(directory);  // layers/ may be a symbolic link itself
    Problems problems(printable(directory));
    std::vector<Layer> layers;
    for (const auto& name : names)
        if (auto layer = read_entry(real, name, problems)) layers.push_back(std::move(*layer));
    problems.throw_if_any();

    const auto where = quote(directory);
    const bool by_digest =
        std::any_of(layers.begin(), layers.end(), [](const Layer& layer) { return digest_of(layer.name).has_value(); });
    if (by_digest && !diff_ids.empty()) {
        layers = in_order_of_diff_ids(layers, diff_ids, directory, config_file);
    } else if (by_digest && layers.size() > 1) {
        throw Error(ErrorKind::bad_input, cat("the layers in ", where, " are named by digest, but ", config_file,
                                              " has no rootfs.diff_ids to order them"));
    } else {
        check_layer_count(layers.size(), diff_ids.size(), where, cat("rootfs.diff_ids of ", config_file));
    }
    check_layers(layers, where);
    return layers;
}

void check_layers(const std::vector<Layer>& layers, const std::string& where) {
    if (layers.empty())
        throw Error(ErrorKind::bad_input, cat(where, " has no layers"),
                    "each layer is a directory, lowest first by name: layers/01-base, …");
    if (layers.size() > max_layers)
        throw Error(ErrorKind::unsupported,
                    cat(where, " has ", layers.size(), " layers, more than the ", max_layers, " that overlayfs takes"));

    // With a slash behind each path, a directory sorts right before all that is inside it.
    std::vector<std::pair<std::string, const Layer*>> paths;
    for (const auto& layer : layers) paths.emplace_back(layer.path == "/" ? "/" : cat(layer.path, '/'), &layer);
    std::sort(paths.begin(), paths.end());
    for (std::size_t i = 1; i < paths.size(); i++) {
        const auto& [outer_path, outer] = paths[i - 1];
        const auto& [inner_path, inner] = paths[i];
        if (!inner_path.starts_with(outer_path)) continue;
        const auto how = inner_path == outer_path ? " are the same directory " : " overlap, one is inside the other: ";
        throw Error(
            ErrorKind::bad_input,
            cat("layers ", quote(outer->name), " and ", quote(inner->name), " of ", where, how, quote(inner->path)),
            "overlayfs needs layers that do not overlap");
    }
}

void check_layer_count(std::size_t layers, std::size_t diff_ids, const std::string& where, const std::string& list) {
    if (diff_ids == 0 || layers == 0 || layers == diff_ids) return;
    throw Error(ErrorKind::bad_input,
                cat(where, " has ", layers, layers == 1 ? " layer" : " layers", ", but ", list, " lists ", diff_ids),
                "a layer is missing or left over");
}

}  // namespace minirun
