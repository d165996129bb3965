#include "image/store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <set>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "image/reference.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::size_t id_length = 64, shortest_prefix = 4;

// Not the same as empty.
Error not_readable(const std::string& path) {
    return Error(ErrorKind::not_permitted, cat("cannot look into the store: ", quote(path), ": permission denied"),
                 "run it with sudo", EACCES);
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    if (!stream && errno == EACCES) throw not_readable(directory);
    while (const auto* entry = stream ? ::readdir(stream.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

// What a link in an open directory says: with many of them, the way there is what takes its time.
std::string link_in(int directory, const std::string& name) {
    char target[id_length + 1];
    const auto n = ::readlinkat(directory, name.c_str(), target, sizeof target);
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
}

std::string exchanged(std::string text, char from, char to) {
    std::replace(text.begin(), text.end(), from, to);
    return text;
}

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

}  // namespace

std::string ImageStore::image_directory(std::string_view hex) const { return cat(images(), '/', hex); }
std::string ImageStore::layer_directory(std::string_view key) const { return cat(layers(), '/', key); }
bool ImageStore::has_image(std::string_view hex) const { return is_directory(image_directory(hex)); }
bool ImageStore::has_layer(std::string_view key) const { return is_directory(layer_directory(key)); }

std::vector<std::string> ImageStore::all_images() const { return names_in(images()); }

std::vector<std::string> ImageStore::all_layers() const { return names_in(layers()); }

std::string ImageStore::tag_path(const std::string& name) const { return cat(tags(), '/', exchanged(name, '/', '%')); }

void ImageStore::remove_tag(const std::string& name) const { ::unlink(tag_path(name).c_str()); }

timespec ImageStore::tag_time(const std::string& name) const {
    struct stat info {};
    return ::lstat(tag_path(name).c_str(), &info) < 0 ? timespec{} : info.st_mtim;
}

std::vector<ImageStore::Tag> ImageStore::names(bool with_digest) const {
    std::vector<Tag> found;
    const Fd directory(::open(tags().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const auto& name : names_in(tags()))
        if ((name.find('@') != std::string::npos) == with_digest)
            found.push_back({exchanged(name, '%', '/'), link_in(directory.get(), name)});
    return found;
}

std::vector<ImageStore::Tag> ImageStore::all_tags() const { return names(false); }
std::vector<ImageStore::Tag> ImageStore::all_digests() const { return names(true); }

std::optional<std::string> ImageStore::find(std::string_view text) const {
    auto hex = text.starts_with("sha256:") ? text.substr(7) : text;
    if (hex.size() >= shortest_prefix && hex.size() <= id_length && is_hex(hex)) {
        if (hex.size() == id_length) return has_image(hex) ? std::optional(std::string(hex)) : std::nullopt;
        std::vector<std::string> matching;
        for (const auto& id : all_images())
            if (id.starts_with(hex)) matching.push_back(id);
        if (matching.size() > 1)
            throw Error(ErrorKind::usage, cat("the ids of ", matching.size(), " images begin with ", quote(hex)),
                        "give more digits");
        if (!matching.empty()) return matching.front();
    }
    if (text.starts_with("sha256:")) return std::nullopt;
    const auto reference = parse_reference(text);
    const auto tag = tag_path(reference.full());
    const auto id = read_link(tag);
    if (id.empty() && errno == EACCES) throw not_readable(tag);
    return id.empty() || !has_image(id) ? std::nullopt : std::optional(id);
}

void ImageStore::set_tag(const std::string& name, const std::string& id) const {
    const auto place = tag_path(name);
    const auto beside = cat(tags(), "/.", ::getpid(), '.', exchanged(name, '/', '%'));
    ::unlink(beside.c_str());
    if (::symlink(id.c_str(), beside.c_str()) < 0 || ::rename(beside.c_str(), place.c_str()) < 0) {
        const int error = errno;
        ::unlink(beside.c_str());
        throw system_error(cat("cannot set the tag ", quote(name)), error);
    }
}

void ImageStore::set_digests(const std::vector<std::string>& tags, const std::vector<std::string>& digests,
                             const std::string& id) const {
    constexpr std::size_t longest = NAME_MAX - sizeof "/.4194304.";  // set_tag() needs some more beside it
    std::set<std::string> names;
    for (const auto& tag : tags)
        for (const auto& digest : digests) names.insert(cat(parse_reference(tag).repository(), '@', digest));
    for (const auto& name : names)
        if (name.size() <= longest) set_tag(name, id);
}

}  // namespace minirun
