#include "archive/directory_tar.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <tuple>

#include "archive/attributes.hpp"
#include "archive/whiteout.hpp"
#include "base/text.hpp"
#include "image/overlay_attributes.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::size_t read_size = 256 * 1024;

bool is_whiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

// Those that mean the same on every machine, by a path that may be a link itself.
std::vector<std::pair<std::string, std::string>> kept_attributes(const std::string& path) {
    std::vector<std::pair<std::string, std::string>> found;
    char names[65536], value[65536];
    const auto length = ::listxattr(path.c_str(), names, sizeof names);
    for (const char* name = names; length > 0 && name < names + length; name += std::strlen(name) + 1) {
        if (!is_kept_attribute(name)) continue;
        const auto size = ::getxattr(path.c_str(), name, value, sizeof value);
        if (size >= 0) found.emplace_back(name, std::string(value, static_cast<std::size_t>(size)));
    }
    std::sort(found.begin(), found.end());
    return found;
}

// 0 or errno.
int read_names(int directory, std::vector<std::string>& names) {
    // A descriptor of its own: closedir() closes it.
    Fd copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy ? ::fdopendir(copy.get()) : nullptr, &::closedir);
    if (!stream) return errno;
    (void)copy.release();
    errno = 0;
    while (const auto* entry = ::readdir(stream.get())) {
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
            names.emplace_back(entry->d_name);
        errno = 0;
    }
    const int error = errno;
    std::sort(names.rbegin(), names.rend());
    return error;
}

// Of a link that is held by its path.
std::string target_of(const Fd& link) {
    char target[4096];
    const auto length = ::readlinkat(link.get(), "", target, sizeof target);
    return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

TarEntry entry_of(const std::string& name, const struct stat& info) {
    TarEntry entry;
    entry.name = name;
    entry.mode = info.st_mode;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.mtime = info.st_mtim;
    entry.size = static_cast<std::uint64_t>(info.st_size);
    entry.major = major(info.st_rdev);
    entry.minor = minor(info.st_rdev);
    return entry;
}

TarEntry marker(const std::string& name) {
    TarEntry entry;
    entry.name = name;
    entry.mode = S_IFREG | 0600;
    return entry;
}

}  // namespace

DirectoryTar::DirectoryTar(const std::string& path, TreeForm form, const std::string& except)
    : path_(path),
      form_(form),
      block_(read_size),
      tar_([this](Bytes bytes) { ready_.insert(ready_.end(), bytes.begin(), bytes.end()); }) {
    Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info {};
    if (!root || ::fstat(root.get(), &info) < 0) failed("", errno);
    device_ = info.st_dev;
    struct stat own {};
    if (::stat(except.c_str(), &own) == 0) except_ = {own.st_dev, own.st_ino};
    add_directory(entry_of("./", info), std::move(root), info);
}

DirectoryTar::DirectoryTar(const Fd& source, const std::string& path, TarPart part)
    : path_(path), form_(TreeForm::tree), part_(std::move(part)), block_(read_size), tar_([this](Bytes bytes) {
          ready_.insert(ready_.end(), bytes.begin(), bytes.end());
      }) {
    struct stat info {};
    if (::fstat(source.get(), &info) < 0) failed(part_.name, errno);
    add_entry(source, part_.name, info);
}

void DirectoryTar::failed(const std::string& name, int error) const {
    throw system_error(cat("cannot read ", quote(name.empty() ? path_ : cat(path_, '/', name))), error);
}

Bytes DirectoryTar::next() {
    while (ready_.size() < read_size && !finished_) {
        if (file_) {
            copy_some();
        } else if (!levels_.empty()) {
            add_next_entry();
        } else {
            tar_.finish();
            finished_ = true;
        }
    }
    std::swap(ready_, given_);
    ready_.clear();
    return given_;
}

void DirectoryTar::enter(Fd directory, const std::string& prefix) {
    std::vector<std::string> names;
    if (const int error = read_names(directory.get(), names); error != 0) failed(prefix, error);
    levels_.push_back({std::move(directory), prefix, std::move(names)});
}

void DirectoryTar::add_next_entry() {
    auto& level = levels_.back();
    if (level.names.empty()) {
        levels_.pop_back();
        return;
    }
    const auto last = std::move(level.names.back());
    level.names.pop_back();
    const auto name = level.prefix + last;
    // Held by its path first: opening a device or a pipe for reading would have effects.
    const Fd held(::openat(level.directory.get(), last.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!held || ::fstat(held.get(), &info) < 0) failed(name, errno);
    if (is_whiteout(info) && form_ != TreeForm::tree) return add_whiteout(level.prefix, last);
    if (last.starts_with(whiteout_prefix) && form_ != TreeForm::tree)
        throw Error(ErrorKind::bad_input,
                    cat(quote(cat(path_, '/', name)), " has a name that an archive of a layer cannot hold"));
    add_entry(held, name, info);
}

void DirectoryTar::add_entry(const Fd& held, const std::string& name, const struct stat& info) {
    const auto place = cat("/proc/self/fd/", held.get());
    auto entry = entry_of(name, info);
    if (part_.owners) std::tie(entry.uid, entry.gid) = part_.owners(info.st_uid, info.st_gid);
    if (is_layer()) refuse_what_is_not_whole(name, place);
    if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode)) {
        if (part_.enters && !part_.enters(held.get())) return;
        Fd opened(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
        if (!opened) failed(name, errno);
        return S_ISDIR(info.st_mode) ? add_directory(entry, std::move(opened), info)
                                     : add_file(entry, std::move(opened), info);
    }
    if (S_ISSOCK(info.st_mode)) return;
    if (S_ISLNK(info.st_mode)) entry.link = target_of(held);
    tar_.add(entry);
}

void DirectoryTar::add_whiteout(const std::string& prefix, const std::string& name) {
    if (!is_layer())
        throw Error(ErrorKind::bad_input,
                    cat(quote(cat(path_, '/', prefix, name)), " is a 0/0 device, which is how a deleted file is kept"),
                    "remove it, or import the directory as a layer of a bundle");
    tar_.add(marker(cat(prefix, whiteout_prefix, name)));
}

void DirectoryTar::refuse_what_is_not_whole(const std::string& name, const std::string& place) const {
    for (const char* attribute : {"trusted.overlay.redirect", "trusted.overlay.metacopy", "trusted.overlay.whiteout"})
        if (::getxattr(place.c_str(), attribute, nullptr, 0) >= 0)
            throw Error(ErrorKind::unsupported,
                        cat(quote(cat(path_, '/', name)), " has the attribute ", attribute,
                            ", so it is not whole without the layers below"),
                        "make the layer on an overlay with redirect_dir=off and metacopy=off");
}

bool DirectoryTar::is_opaque_here(int directory) const {
    return form_ == TreeForm::writable_layer ? is_opaque(directory, OverlayAttributes::trusted)
                                             : form_ == TreeForm::layer && is_opaque(directory);
}

void DirectoryTar::add_directory(const TarEntry& entry, Fd directory, const struct stat& info) {
    const auto place = cat("/proc/self/fd/", directory.get());
    auto made = entry;
    made.xattrs = kept_attributes(place);
    if (!made.name.ends_with('/')) made.name += '/';
    tar_.add(made);
    if ((info.st_dev != device_ && !part_.enters) || std::pair(info.st_dev, info.st_ino) == except_) return;
    const auto prefix = made.name == "./" ? "" : made.name;
    if (is_opaque_here(directory.get())) tar_.add(marker(cat(prefix, opaque_marker)));
    enter(std::move(directory), prefix);
}

void DirectoryTar::add_file(const TarEntry& entry, Fd file, const struct stat& info) {
    auto made = entry;
    if (info.st_nlink > 1) {
        const auto [first, is_new] = linked_.try_emplace({info.st_dev, info.st_ino}, entry.name);
        if (!is_new) {
            made.is_hard_link = true;
            made.link = first->second;
            tar_.add(made);
            return;
        }
    }
    made.xattrs = kept_attributes(cat("/proc/self/fd/", file.get()));
    tar_.add(made);
    if (made.size == 0) return;
    file_ = std::move(file);
    file_name_ = entry.name;
    left_ = made.size;
}

void DirectoryTar::copy_some() {
    ssize_t n = -1;
    do n = ::read(file_.get(), block_.data(), std::min<std::uint64_t>(block_.size(), left_));
    while (n < 0 && errno == EINTR);
    if (n < 0) failed(file_name_, errno);
    if (n == 0)
        throw Error(ErrorKind::system, cat(quote(cat(path_, '/', file_name_)), " became shorter while it was read"),
                    "try again when nothing writes to it");
    tar_.write({block_.data(), static_cast<std::size_t>(n)});
    left_ -= static_cast<std::uint64_t>(n);
    if (left_ == 0) file_.reset();
}

}  // namespace minirun
