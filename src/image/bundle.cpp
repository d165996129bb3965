#include "image/bundle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "image/bundle_layers.hpp"
#include "image/docker_inspect.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

// The engines' limit for configs and manifests is 4 MiB; `docker image inspect` says most things twice.
constexpr std::size_t max_document = 16 << 20;

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

[[noreturn]] void refuse_form(const std::string& file, std::string_view what_it_is) {
    throw Error(ErrorKind::bad_input,
                cat(file, what_it_is,
                    "; expected an image config, the output of docker image inspect, or the config.json "
                    "of an OCI runtime bundle"));
}

Image::Form form_of(const Json& document, const std::string& file) {
    const auto has = [&](const char* key) { return document.contains(key); };
    if (document.is_array()) return Image::Form::docker_inspect;
    if (!document.is_object()) refuse_form(file, " holds neither an object nor an array");
    if (has("ociVersion")) return Image::Form::runtime_bundle;
    if (has("RootFS") || has("GraphDriver")) return Image::Form::docker_inspect;
    if (has("manifests")) refuse_form(file, " is an image index");
    if (has("layers")) refuse_form(file, " is an image manifest");
    if (has("config") || has("rootfs") || has("architecture")) return Image::Form::image_config;
    refuse_form(file, " is of no known form (it has none of the keys config, rootfs, RootFS and ociVersion)");
}

void check_is_image(const JsonView& image) {
    if (image["State"])
        image.complain("describes a container, not an image: use docker image inspect");
    else if (image.json().is_object() && !image["RootFS"])
        image["RootFS"].complain("is missing: this is not the output of docker image inspect");
}

// A symbolic link in a bundle can name any directory. One that holds the bundle itself ("/" above all) would show
// the host's files, the bundle among them, as the image's.
void check_not_around(const std::vector<Layer>& layers, const std::string& bundle) {
    for (const auto& layer : layers) {
        const auto prefix = layer.path == "/" ? layer.path : cat(layer.path, '/');
        if (cat(bundle, '/').starts_with(prefix))
            throw Error(ErrorKind::bad_input, cat("layer ", quote(layer.name), " of ", quote(bundle), " is ",
                                                  quote(layer.path), ", a directory around the bundle itself"));
    }
}

void read_inspected(Image& image, const Json& document, bool prefer_layers_directory) {
    const auto shown = printable(image.config_file);
    const auto& element = the_inspected_image(document, shown);
    Problems problems(shown);
    const JsonView view(element, problems);
    check_is_image(view);
    image.config = parse_inspected_image(view);

    const auto layers_directory = cat(image.directory, "/layers");
    if (prefer_layers_directory && is_directory(layers_directory)) {
        problems.throw_if_any();
        image.layers = read_bundle_layers(layers_directory, image.config.diff_ids, shown);
        check_not_around(image.layers, image.directory);
        return;
    }
    image.layers = layers_in_place(view, shown);
    problems.throw_if_any();
    check_layer_count(image.layers.size(), image.config.diff_ids.size(), cat("GraphDriver of ", shown),
                      "RootFS.Layers there");
    check_layers(image.layers, shown);
}

void read_image_config(Image& image, const Json& document) {
    const auto shown = printable(image.config_file);
    Problems problems(shown);
    image.config = parse_image_config(JsonView(document, problems));
    problems.throw_if_any();
    image.layers = read_bundle_layers(cat(image.directory, "/layers"), image.config.diff_ids, shown);
    check_not_around(image.layers, image.directory);
}

void read_runtime_bundle(Image& image, std::string_view text) {
    const auto shown = printable(image.config_file);
    image.runtime_spec = parse_runtime_spec(text, shown);
    const auto& root = image.runtime_spec->root.path;
    if (root.empty()) throw Error(ErrorKind::bad_input, cat(shown, ": .root.path: names no directory"));
    const auto path = root[0] == '/' ? root : cat(image.directory, '/', root);
    if (!is_directory(path))
        throw Error(ErrorKind::not_found, cat(shown, ": .root.path: there is no directory ", quote(path)));
    image.layers = {{root, real_path(path)}};
}

Image read_document(const std::string& directory, const std::string& file, const std::string& name,
                    const std::string& text, bool prefer_layers_directory) {
    Image image;
    image.name = name;
    image.directory = directory;
    image.config_file = file;
    const auto document = parse_json(text, printable(file), deepest_json);
    image.form = form_of(document, printable(file));
    switch (image.form) {
        case Image::Form::docker_inspect: read_inspected(image, document, prefer_layers_directory); break;
        case Image::Form::runtime_bundle: read_runtime_bundle(image, text); break;
        case Image::Form::image_config:
        case Image::Form::plain_rootfs: read_image_config(image, document); break;
    }
    return image;
}

// People try `minirun run image.tar`: say what it is rather than that its first byte is no JSON.
void refuse_archive(const std::string& file, std::string_view bytes) {
    const bool tar = bytes.size() > 262 && bytes.substr(257, 5) == "ustar";
    const bool compressed = bytes.starts_with("\x1f\x8b") || bytes.starts_with("\x28\xb5\x2f\xfd") ||
                            bytes.starts_with("BZh") ||
                            bytes.starts_with(
                                "\xfd"
                                "7zXZ");
    if (!tar && !compressed) return;
    throw Error(ErrorKind::bad_input,
                cat(quote(file), " is ", tar ? "a tar archive" : "a compressed file", ", not a bundle"),
                "minirun load puts its images into the store; a bundle is a directory with config.json and layers/");
}

std::string beginning_of(const std::string& file) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    std::string bytes(512, '\0');
    const auto n = fd ? ::read(fd.get(), bytes.data(), bytes.size()) : -1;
    bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return bytes;
}

}  // namespace

Image open_bundle(const std::string& directory, const std::string& name) {
    const auto real = real_path(directory);
    const auto file = cat(real, "/config.json");
    if (access(file.c_str(), F_OK) != 0 && errno == ENOENT)
        throw Error(ErrorKind::not_found, cat("there is no config.json in ", quote(real)),
                    "a bundle is a directory with config.json and layers/; a plain root file system runs with --rootfs",
                    ENOENT);
    return read_document(real, file, name, read_file(file, max_document), true);
}

Image open_document(const std::string& file, const std::string& name) {
    if (is_pipe(file)) {
        const auto text = read_file_or_pipe(file, max_document);
        refuse_archive(file, text);
        return read_document(parent_of(file), file, name, text, false);
    }
    refuse_archive(file, beginning_of(file));
    const auto real = real_path(file);
    const bool is_config_json = real.ends_with("/config.json");
    return read_document(parent_of(real), real, name, read_file(real, max_document), is_config_json);
}

}  // namespace minirun
