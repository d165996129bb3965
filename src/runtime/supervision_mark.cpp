#include "runtime/supervision_mark.hpp"

#include <fcntl.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace minirun {
namespace {

struct Place {
    std::size_t file;
    off_t byte;
};

// As many of an id's random digits as a place in a file can have: no two containers share one.
std::optional<Place> place_of(std::string_view id) noexcept {
    constexpr std::size_t digits = 16;
    std::uint64_t number = 0;
    if (id.size() < digits) return std::nullopt;
    const auto read = std::from_chars(id.data(), id.data() + digits, number, 16);
    if (read.ec != std::errc{} || read.ptr != id.data() + digits) return std::nullopt;
    constexpr int bits = 60;
    return Place{number >> bits, static_cast<off_t>(number & ((std::uint64_t{1} << bits) - 1))};
}

struct flock lock_of(off_t byte) noexcept {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

std::string directory_of_marks(const Paths& paths) { return paths.state + "/.supervised"; }

Fd open_marks(const std::string& directory, std::size_t file, int flags) {
    return Fd(::open(cat(directory, '/', file).c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
}

}  // namespace

Fd mark_supervised(const Paths& paths, std::string_view id) noexcept try {
    const auto place = place_of(id);
    if (!place) return Fd();
    const auto directory = directory_of_marks(paths);
    make_private_directories(directory);
    auto file = open_marks(directory, place->file, O_RDWR | O_CREAT);
    auto lock = lock_of(place->byte);
    if (file && ::fcntl(file.get(), F_OFD_SETLK, &lock) < 0) file.reset();
    return file;
} catch (...) {
    return Fd();
}

SupervisionMarks::SupervisionMarks(const Paths& paths) : directory_(directory_of_marks(paths)) {}

bool SupervisionMarks::has(std::string_view id) {
    const auto place = place_of(id);
    if (!place) return false;
    auto& file = files_[place->file];
    if (!std::exchange(is_known_[place->file], true)) file = open_marks(directory_, place->file, O_RDONLY);
    auto lock = lock_of(place->byte);
    return file && ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace minirun
