// What containers share, from live facts.
//
// A container's processes see a file of a layer through their overlay, with its inode number but the overlay's device.
// So which file it is, is looked up in the layers, and that a process has that one mapped is told by the inode.
#include "minirun/sharing.hpp"

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/disk_usage.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "kernel/cgroup_layout.hpp"
#include "kernel/page_cache.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

struct Running {
    ContainerSummary summary;
    std::vector<Layer> layers;
    std::vector<pid_t> processes;
};

bool runs(const ContainerSummary& one) {
    return one.phase == ContainerPhase::running || one.phase == ContainerPhase::paused;
}

// All that run, or those that are named. One that ends meanwhile is left out, unless it was named.
std::vector<Running> find_running(const std::vector<std::string>& words) {
    const Containers containers;
    std::vector<Running> found;
    const auto take = [&](const ContainerSummary& one) {
        found.push_back({one, containers.inspect(one.id).layers, containers.processes(one.id)});
    };
    for (const auto& word : words) take(containers.summary(word));
    if (!words.empty()) return found;
    for (const auto& one : containers.list()) try {
            if (runs(one)) take(one);
        } catch (const Error&) {
        }
    return found;
}

// "Rss:      1234 kB".
std::uint64_t bytes_of(std::string_view line) {
    const auto digits = line.find_first_of("0123456789");
    const auto end = line.find(' ', digits);
    if (digits == std::string_view::npos || end == std::string_view::npos) return 0;
    return parse_number<std::uint64_t>(line.substr(digits, end - digits)).value_or(0) * 1024;
}

// Nothing of a process that has ended meanwhile.
void add_memory(ProcessMemory& memory, pid_t process) {
    for (const auto& line : split(read_kernel_file(cat("/proc/", process, "/smaps_rollup")), '\n')) {
        if (line.starts_with("Rss:")) memory.resident += bytes_of(line);
        if (line.starts_with("Pss:")) memory.proportional += bytes_of(line);
        if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:")) memory.own += bytes_of(line);
    }
}

// What of a regular file is in memory. Nothing else is opened: a layer may have FIFOs in it.
std::uint64_t cached_bytes_at(int directory, const char* path, const struct stat& info) {
    if (!S_ISREG(info.st_mode) || info.st_size <= 0) return 0;
    const Fd file(::openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return 0;
    const auto cached = kernel::cached_bytes(file.get(), static_cast<std::uint64_t>(info.st_size));
    return cached ? cached.value() : 0;
}

std::uint64_t cached_bytes_below(const std::string& directory) {
    std::string start = directory;
    char* const roots[] = {start.data(), nullptr};
    const std::unique_ptr<FTS, int (*)(FTS*)> walk(::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr),
                                                   &::fts_close);
    std::set<ino_t> linked;
    std::uint64_t bytes = 0;
    while (const FTSENT* entry = walk ? ::fts_read(walk.get()) : nullptr) {
        if (entry->fts_info != FTS_F) continue;
        const auto& info = *entry->fts_statp;
        if (info.st_nlink > 1 && !linked.insert(info.st_ino).second) continue;
        bytes += cached_bytes_at(AT_FDCWD, entry->fts_accpath, info);
    }
    return bytes;
}

// A layer that lies at different heights below different containers is told once, where the first one has it.
std::vector<LayerSharing> layers_of(const std::vector<Running>& containers) {
    std::vector<LayerSharing> layers;
    for (const auto& one : containers)
        for (const auto& layer : one.layers) {
            const auto known = std::find_if(layers.begin(), layers.end(),
                                            [&](const LayerSharing& other) { return other.path == layer.path; });
            if (known != layers.end()) {
                known->containers.push_back(one.summary.name);
                continue;
            }
            layers.push_back({layer.name,
                              layer.path,
                              {one.summary.name},
                              DiskUsage().add(layer.path),
                              cached_bytes_below(layer.path)});
        }
    return layers;
}

// proc_pid_maps(5): "ADDRESSES PERMISSIONS OFFSET DEVICE INODE      PATH". The path is what the container calls it.
struct MapLine {
    std::string path;
    std::uint64_t inode = 0;
    bool operator<(const MapLine& other) const { return std::tie(path, inode) < std::tie(other.path, other.inode); }
};

// A program of a hostile container has as many maps as it likes, with long names.
std::string beginning_of_maps(pid_t process) {
    constexpr std::size_t most = std::size_t{4} << 20;
    const Fd file(::open(cat("/proc/", process, "/maps").c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    char block[16384];
    for (ssize_t n = 0; file && text.size() < most && (n = ::read(file.get(), block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(n));
    return text;
}

std::set<MapLine> files_mapped_by(pid_t process) {
    std::set<MapLine> all;
    for (const auto& line : split(beginning_of_maps(process), '\n')) {
        const auto slash = line.find('/');
        const auto fields = split(std::string_view(line).substr(0, slash), ' ');
        if (slash == std::string::npos || fields.size() < 5) continue;
        const auto inode = parse_number<std::uint64_t>(fields[4]);
        if (inode) all.insert({line.substr(slash), *inode});
    }
    return all;
}

// The file of a layer that a container's process has mapped; none where it is one that the container has changed, or of
// a volume.
std::optional<MappedFile> file_of_layer(LayerView& view, const MapLine& mapped) {
    std::optional<Entry> entry;
    try {
        entry = view.lookup(mapped.path, false);
    } catch (const Error&) {
        return std::nullopt;
    }
    if (!entry || !entry->is_regular() || entry->status.st_ino != mapped.inode) return std::nullopt;
    MappedFile file;
    file.path = entry->path;
    file.layer = view.layers()[entry->layer].name;
    file.device_major = major(entry->status.st_dev);
    file.device_minor = minor(entry->status.st_dev);
    file.inode = entry->status.st_ino;
    file.size = static_cast<std::uint64_t>(entry->status.st_size);
    file.cached_bytes = cached_bytes_at(AT_FDCWD, view.host_path(*entry).c_str(), entry->status);
    return file;
}

std::vector<MappedFile> files_of(const std::vector<Running>& containers) {
    std::map<std::tuple<unsigned, unsigned, std::uint64_t>, MappedFile> found;
    for (const auto& one : containers) {
        LayerView view(one.layers);
        std::set<MapLine> seen;
        for (const auto process : one.processes)
            for (const auto& mapped : files_mapped_by(process)) {
                if (!seen.insert(mapped).second) continue;
                auto file = file_of_layer(view, mapped);
                if (!file) continue;
                auto& known = found[{file->device_major, file->device_minor, file->inode}];
                if (known.mappings.empty()) known = std::move(*file);
                known.mappings.push_back({one.summary.name, process});
            }
    }
    std::vector<MappedFile> files;
    for (auto& [key, file] : found)
        if (file.mappings.size() > 1) files.push_back(std::move(file));
    std::sort(files.begin(), files.end(),
              [](const MappedFile& a, const MappedFile& b) { return a.cached_bytes > b.cached_bytes; });
    return files;
}

}  // namespace

Sharing sharing_of(const std::vector<std::string>& words) {
    if (::geteuid() != 0)
        throw Error(ErrorKind::not_permitted, "what containers share is told to root only",
                    "run it with sudo: it looks into their processes");
    const auto running = find_running(words);
    Sharing sharing;
    for (const auto& one : running) {
        ContainerSharing container{one.summary.id, one.summary.name, one.summary.image_name, one.processes.size(), {}};
        for (const auto process : one.processes) add_memory(container.memory, process);
        sharing.containers.push_back(std::move(container));
    }
    sharing.layers = layers_of(running);
    sharing.files = files_of(running);
    return sharing;
}

}  // namespace minirun
