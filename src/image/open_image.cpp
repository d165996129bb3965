#include "base/file.hpp"
#include "base/text.hpp"
#include "image/bundle.hpp"
#include "image/find_image.hpp"
#include "image/store.hpp"
#include "minirun/error.hpp"
#include "minirun/image.hpp"
#include "model/paths.hpp"

namespace minirun {

Image open_image(std::string_view name) {
    const ImageStore store(default_paths().data);
    const auto path = find_image(name, bundle_path(), store);
    if (path.starts_with(store.images() + "/")) {
        auto image = open_bundle(path, std::string(name));
        image.id = path.substr(store.images().size() + 1);
        return image;
    }
    if (is_directory(path)) return open_bundle(path, std::string(name));
    return open_document(path, std::string(name));
}

Image open_plain_rootfs(std::string_view directory) {
    const std::string path(directory);
    Image image;
    image.name = path;
    image.form = Image::Form::plain_rootfs;
    image.directory = real_path(path);
    if (!is_directory(image.directory))
        throw Error(ErrorKind::bad_input, cat("the root file system ", quote(path), " is not a directory"));
    image.layers = {{"rootfs", image.directory}};
    return image;
}

}  // namespace minirun
