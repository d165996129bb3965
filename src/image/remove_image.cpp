#include "image/remove_image.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "base/file.hpp"
#include "base/text.hpp"
#include "image/find_image.hpp"
#include "image/reference.hpp"
#include "image/staging.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

using Names = std::vector<std::string>;  // Reference::full()

Names names_of(const std::vector<ImageStore::Tag>& all, const std::string& id) {
    Names names;
    for (const auto& one : all)
        if (one.id == id) names.push_back(one.name);
    return names;
}

std::string repository_of(const std::string& name) { return parse_reference(name).repository(); }

bool has_repository(const Names& names, const std::string& repository) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return repository_of(name) == repository; });
}

// With the last tag of a repository the names with a digest of it go, too, as Docker does it.
Names going_with(const std::string& name, const Names& tags, const Names& digests) {
    Names going{name}, staying;
    for (const auto& tag : tags)
        if (tag != name) staying.push_back(tag);
    const auto repository = repository_of(name);
    if (parse_reference(name).digest.empty() && !has_repository(staying, repository))
        for (const auto& digest : digests)
            if (repository_of(digest) == repository) going.push_back(digest);
    return going;
}

// How many names a person would have to give: digests of a repository that has a tag are none of their own.
std::size_t count_names(const Names& tags, const Names& digests) {
    auto count = tags.size();
    for (const auto& digest : digests)
        if (!has_repository(tags, repository_of(digest))) count++;
    return count;
}

bool names_an_id(std::string_view text, const std::string& id) {
    return id.starts_with(text.starts_with("sha256:") ? text.substr(7) : text);
}

std::vector<std::string> containers_of(const std::string& directory, const std::string& id) {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    while (const auto* entry = stream ? ::readdir(stream.get()) : nullptr)
        if (entry->d_name[0] != '.' && read_link(cat(directory, '/', entry->d_name, "/image")) == id)
            found.emplace_back(entry->d_name);
    std::sort(found.begin(), found.end());
    return found;
}

Error in_use(std::string_view image, std::vector<std::string> containers, const char* hint) {
    for (auto& id : containers) id.resize(std::min<std::size_t>(id.size(), 12));
    if (containers.empty())
        return Error(ErrorKind::conflict,
                     cat("the image ", quote(image), " is in use: another command reads it just now"), "try again");
    return Error(ErrorKind::conflict,
                 cat("the image ", quote(image), " is in use by the container", containers.size() > 1 ? "s " : " ",
                     join(containers, ", ")),
                 hint);
}

// Those whose directory outlives them (container.json). The others hold the image as long as they run.
std::vector<std::string> those_that_stay(const std::string& directory, std::vector<std::string> ids) {
    std::erase_if(ids, [&](const std::string& id) {
        return ::access(cat(directory, '/', id, "/container.json").c_str(), F_OK) < 0;
    });
    return ids;
}

}  // namespace

Fd hold_image(const ImageStore& store, const std::string& id, bool exclusive) {
    Fd held(::open(store.image_directory(id).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!held && errno == EACCES)
        throw system_error(cat("cannot look at the image ", quote(id.substr(0, 12))), errno, "run it with sudo");
    struct stat info {};
    const auto lock = [&] { return ::flock(held.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0; };
    // Who holds it alone removes it, or puts one of its layers into another place: both are short.
    constexpr int tries = 100;
    constexpr timespec pause{0, 1'000'000};
    bool locked = held && lock();
    for (int i = 0; held && !locked && !exclusive && i < tries; i++, locked = lock()) ::nanosleep(&pause, nullptr);
    if (!locked) held.reset();
    // It may have been renamed away between the two.
    if (held && (::stat(store.image_directory(id).c_str(), &info) < 0)) held.reset();
    return held;
}

void note_image(const std::string& container_directory, const std::string& id) {
    const auto link = container_directory + "/image";
    if (::symlink(id.c_str(), link.c_str()) < 0) throw system_error(cat("cannot make ", quote(link)), errno, root_hint);
}

Removed remove_image(const ImageStore& store, const std::string& containers, std::string_view text, bool force) {
    const auto id = need_stored_image(store, std::string(text));
    const auto tags = names_of(store.all_tags(), id), digests = names_of(store.all_digests(), id);
    const bool by_id = names_an_id(text, id);
    if (const auto names = count_names(tags, digests); by_id && names > 1 && !force)
        throw Error(ErrorKind::conflict, cat("the image ", quote(id.substr(0, 12)), " has ", names, " names"),
                    "name the one that is to go, or take all of them away with --force");
    auto going = by_id ? tags : going_with(parse_reference(text).full(), tags, digests);
    if (by_id) going.insert(going.end(), digests.begin(), digests.end());
    Removed removed;
    const bool last = going.size() >= tags.size() + digests.size();
    Fd held;
    if (last) {
        held = hold_image(store, id, true);
        if (!held && !store.has_image(id))
            throw Error(ErrorKind::not_found, cat("the image ", quote(text), " is gone already"));
        const auto users = containers_of(containers, id);
        if (!held) throw in_use(text, users, "stop it first");
        if (const auto staying = those_that_stay(containers, users); !staying.empty())
            throw in_use(text, staying, "remove it first: minirun rm");
    }
    for (const auto& name : going) {
        store.remove_tag(name);
        removed.push_back(cat("Untagged: ", parse_reference(name).familiar()));
    }
    if (!last) return removed;
    {
        const Staging staging(store);
        Staging::publish(store.image_directory(id), staging.path() + "/image");
    }
    removed.push_back(cat("Deleted: sha256:", id));
    remove_unused_layers(store, removed);
    return removed;
}

std::uint64_t remove_unused_layers(const ImageStore& store, Removed& removed) {
    // A load holds it shared: what it has found here is not taken away before its image is there.
    const Fd lock(::open(store.layers().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) return 0;
    for (const auto& names : {store.all_tags(), store.all_digests()})
        for (const auto& name : names)
            if (!store.has_image(name.id)) store.remove_tag(name.name);
    std::set<std::string> used;
    for (const auto& id : store.all_images())
        for (const auto& layer : stored_layers(store, id)) used.insert(layer.key);
    const Staging staging(store);
    std::uint64_t bytes = 0;
    std::size_t number = 0;
    for (const auto& key : store.all_layers()) {
        if (used.contains(key)) continue;
        bytes += layer_size(store, key);
        Staging::publish(store.layer_directory(key), cat(staging.path(), '/', number++));
        removed.push_back(cat("Deleted: ", key.substr(0, key.find('-')), ':', key.substr(key.find('-') + 1)));
    }
    return bytes;
}

}  // namespace minirun
