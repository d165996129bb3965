#include "image/store_usage.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "base/disk_usage.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Files on which somebody holds an flock(2), "fe:00:5678", from proc_locks(5): "1: FLOCK  ADVISORY  READ 1234
// fe:00:5678 0 EOF". To try for the lock would get into the way of who wants it meanwhile.
std::set<std::string> locked_files() {
    std::set<std::string> files;
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, kind, mode, access, pid, file;
        words >> number >> kind >> mode >> access >> pid >> file;
        if (kind == "FLOCK") files.insert(file);
    }
    return files;
}

// "fe:00" of the file system at `path`, as proc_locks(5) writes it. stat(2) has a device of its own for each subvolume
// of btrfs; proc_pid_mountinfo(5) has the one that the kernel's locks are on.
std::string device_at(const std::string& path) {
    struct statx info {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &info) < 0) return "";
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::uint64_t mount = 0;
        unsigned parent = 0, major = 0, minor = 0;
        char colon = 0;
        words >> mount >> parent >> major >> colon >> minor;
        char text[32];
        std::snprintf(text, sizeof text, "%02x:%02x", major, minor);
        if (mount == info.stx_mnt_id) return text;
    }
    return "";
}

bool is_locked(const std::set<std::string>& locked, const std::string& device, const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && locked.contains(cat(device, ':', info.st_ino));
}

void count_containers(StoreUsage& usage, const std::string& directory, const std::set<std::string>& locked) {
    const auto device = device_at(directory);
    DiskUsage disk;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    while (const auto* entry = stream ? ::readdir(stream.get()) : nullptr) {
        if (entry->d_name[0] == '.') continue;
        const auto path = cat(directory, '/', entry->d_name);
        usage.container_count++;
        usage.active_containers += is_locked(locked, device, path);
        usage.containers += disk.add(path);
    }
}

// None of an image that is damaged, or was removed just now.
std::vector<StoredLayer> layers_of(const ImageStore& store, const std::string& id) try {
    return stored_layers(store, id);
} catch (const Error&) {
    return {};
}

}  // namespace

std::uint64_t StoreUsage::total() const {
    auto bytes = other;
    for (const auto& layer : layers) bytes += layer.size;
    for (const auto& image : images) bytes += image.own;
    return bytes;
}

std::uint64_t StoreUsage::reclaimable() const {
    std::uint64_t bytes = 0;
    for (const auto& image : images) bytes += image.active ? 0 : image.own;
    for (const auto& layer : layers) bytes += layer.active ? 0 : layer.size;
    return bytes;
}

StoreUsage store_usage(const ImageStore& store, const std::string& containers) {
    StoreUsage usage;
    DiskUsage disk;
    const auto locked = locked_files();
    const auto device = device_at(store.images());
    std::map<std::string, StoreUsage::OfLayer> layers;
    for (const auto& key : store.all_layers()) layers[key] = {key, "", 0, 0, false};
    std::map<std::string, std::set<std::string>> keys_of;
    for (auto& image : stored_images(store)) {
        const auto directory = store.image_directory(image.id);
        const bool active = is_locked(locked, device, directory);
        for (const auto& layer : layers_of(store, image.id)) {
            const auto found = layers.find(layer.key);
            if (found == layers.end() || !keys_of[image.id].insert(layer.key).second) continue;
            found->second.diff_id = layer.diff_id;
            found->second.images++;
            found->second.active |= active;
        }
        usage.images.push_back({image, disk.add(directory), 0, 0, active});
    }
    // A file that several layers share counts with the first of them, and what is in use is nothing to be had back.
    for (const bool active : {true, false})
        for (auto& [key, layer] : layers)
            if (layer.active == active) layer.size = disk.add(store.layer_directory(key));
    for (auto& one : usage.images) {
        one.unique = one.own;
        for (const auto& key : keys_of[one.image.id])
            (layers[key].images > 1 ? one.shared : one.unique) += layers[key].size;
    }
    for (auto& [key, layer] : layers) usage.layers.push_back(std::move(layer));
    for (const auto& place : {store.images(), store.layers(), store.tags(), store.staging()}) {
        struct stat info {};
        if (place == store.tags() || place == store.staging())
            usage.other += disk.add(place);
        else if (::stat(place.c_str(), &info) == 0)
            usage.other += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
    count_containers(usage, containers, locked);
    return usage;
}

}  // namespace minirun
