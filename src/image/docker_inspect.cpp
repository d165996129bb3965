#include "image/docker_inspect.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Docker calls it overlay2, Podman overlay: the same directories under the same keys.
bool is_overlay(const std::string& driver) { return driver == "overlay2" || driver == "overlay"; }

// The directories, topmost first.
std::vector<std::string> read_stack(const JsonView& data) {
    const auto upper = data["UpperDir"];
    const auto lower = data["LowerDir"];
    if (!upper) upper.complain("is missing: it names the image's topmost layer");

    std::vector<std::string> stack;
    if (auto path = upper.string()) stack.push_back(std::move(*path));
    if (const auto paths = lower.string(); paths && !paths->empty())
        for (auto& path : split(*paths, ':')) stack.push_back(std::move(path));
    for (const auto& path : stack)
        if (path.empty() || path[0] != '/') data.complain(cat("expected absolute paths, found ", quote(path)));
    return stack;
}

void check_exists(const std::string& path, const std::string& file) {
    struct stat status {};
    int error = stat(path.c_str(), &status) == 0 ? 0 : errno;
    if (error == 0 && S_ISDIR(status.st_mode)) return;
    if (error == 0) error = ENOTDIR;
    if (error == EACCES)
        throw Error(ErrorKind::not_permitted,
                    cat("cannot look at the layer ", quote(path), " of ", file, ": ", errno_text(error)),
                    "Docker's directories belong to root: run minirun as root", error);
    if (S_ISREG(status.st_mode))
        throw Error(ErrorKind::bad_input, cat("the layer ", quote(path), " of ", file, " is a file, not a directory"),
                    "run docker image inspect again", error);
    throw Error(
        ErrorKind::not_found, cat("the layer ", quote(path), " of ", file, " does not exist (", errno_text(error), ")"),
        "the image was removed from Docker, or the file was made on another host: run docker image inspect again",
        error);
}

// /var/lib/docker/overlay2/ID/diff: the first 12 characters of ID, as Docker shortens ids.
std::string short_name(const std::string& path) {
    auto parts = split(path, '/');
    if (parts.size() > 2 && parts.back() == "diff") parts.pop_back();
    return parts.back().substr(0, 12);
}

}  // namespace

const Json& the_inspected_image(const Json& document, const std::string& file) {
    if (!document.is_array()) return document;
    if (document.size() == 1) {
        Problems problems(file);
        const auto element = JsonView(document, problems).elements()[0];
        if (!element.exists()) element.complain("expected an object, found null");
        element.members();  // complains if it is no object
        problems.throw_if_any();
        return document[0];
    }
    throw Error(
        ErrorKind::bad_input,
        cat(file, document.empty() ? std::string(" holds no image") : cat(" holds ", document.size(), " images"),
            ", expected the output of docker image inspect for one image"),
        document.empty() ? "docker prints [] when it has no image of that name" : "inspect one image at a time");
}

std::vector<Layer> layers_in_place(const JsonView& image, const std::string& file) {
    const auto driver = image["GraphDriver"];
    const auto name = driver["Name"].string_or("");
    if (!is_overlay(name)) {
        driver["Name"].complain(
            name.empty() ? std::string("is missing: it names Docker's storage driver")
                         : cat("the storage driver is ", quote(name), ", images run in place from overlay2 only"));
        return {};
    }

    const auto stack = read_stack(driver["Data"]);
    std::vector<Layer> layers;
    for (auto path = stack.rbegin(); path != stack.rend(); ++path) {
        if (path->empty() || (*path)[0] != '/') continue;
        check_exists(*path, file);
        layers.push_back({short_name(*path), real_path(*path)});
    }
    return layers;
}

}  // namespace minirun
