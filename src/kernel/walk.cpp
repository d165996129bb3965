#include "kernel/walk.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

constexpr std::size_t name_size = 256;
constexpr int max_links = 40;  // as the kernel, path_resolution(7)
constexpr std::uint64_t known = RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

struct Link {
    bool magic, followed;
};

// A link that leads to what it stands for, whatever its text says, and whether the mount lets links be followed at all
// (nosymfollow). Procfs has those of its root as plain ones, self among them; AppArmor has magic ones as well.
SysResult<Link> link_kind(int link, int directory) noexcept {
    constexpr long aafs_magic = 0x5a3c69f0, nosymfollow = 0x2000;
    constexpr ino_t root_of_procfs = 1;
    struct statfs info {};
    if (const auto told = sys::status(SYS_fstatfs, link, &info); !told) return SysResult<Link>::failure(told.error());
    Link kind{false, (info.f_flags & nosymfollow) == 0};
    if (info.f_type == PROC_SUPER_MAGIC) {
        struct stat parent {};
        if (const auto told = sys::fstat(directory, parent); !told) return SysResult<Link>::failure(told.error());
        kind.magic = parent.st_ino != root_of_procfs;
    }
    kind.magic |= info.f_type == SECURITYFS_MAGIC || info.f_type == aafs_magic;
    return SysResult<Link>::success(kind);
}

class Walk {
public:
    Walk(int start, std::uint64_t resolve) noexcept : start_(start), resolve_(resolve) {}
    ~Walk() { stand_at(-1); }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    SysResult<int> open(const char* path, int flags, mode_t mode) noexcept {
        const std::size_t length = std::strlen(path);
        if (length == 0) return SysResult<int>::failure(ENOENT);
        if (length >= PATH_MAX) return SysResult<int>::failure(ENAMETOOLONG);
        next_ = sizeof todo_ - 1 - length;
        std::memcpy(todo_ + next_, path, length + 1);
        if (*path == '/')
            if (const auto begun = begin_at_root(); !begun) return SysResult<int>::failure(begun.error());
        while (true) {
            while (todo_[next_] == '/') next_++;
            // It ends in a directory: "/", "usr/..".
            if (todo_[next_] == '\0') return sys::openat(here(), ".", flags, mode);
            char name[name_size];
            if (!take_name(name)) return SysResult<int>::failure(ENAMETOOLONG);
            bool arrived = false;
            const auto result = take_step(name, flags, mode, arrived);
            if (!result || arrived) return result;
        }
    }

private:
    bool scoped() const noexcept { return (resolve_ & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0; }
    int here() const noexcept { return at_ >= 0 ? at_ : start_; }

    void stand_at(int directory) noexcept {
        if (at_ >= 0) sys::close(at_);
        at_ = directory;
    }

    bool take_name(char (&name)[name_size]) noexcept {
        std::size_t length = 0;
        while (todo_[next_ + length] != '/' && todo_[next_ + length] != '\0') length++;
        if (length >= name_size) return false;
        std::memcpy(name, todo_ + next_, length);
        name[length] = '\0';
        next_ += length;
        return true;
    }

    bool nothing_follows() const noexcept {
        std::size_t at = next_;
        while (todo_[at] == '/') at++;
        return todo_[at] == '\0';
    }

    // An absolute path or link.
    SysStatus begin_at_root() noexcept {
        if ((resolve_ & RESOLVE_BENEATH) != 0) return SysStatus::failure(EXDEV);
        passed_length_ = 0;
        stand_at(-1);
        if (scoped()) return SysStatus::success();
        const auto root = sys::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root) stand_at(root.value());
        return root ? SysStatus::success() : SysStatus::failure(root.error());
    }

    // Any other value than an error is without meaning unless it has arrived.
    SysResult<int> take_step(const char* name, int flags, mode_t mode, bool& arrived) noexcept {
        constexpr auto going_on = 0;
        const auto outcome = [](const SysStatus& done) {
            return done ? SysResult<int>::success(going_on) : SysResult<int>::failure(done.error());
        };
        if (std::strcmp(name, ".") == 0) return SysResult<int>::success(going_on);
        if (std::strcmp(name, "..") == 0) return outcome(go_up());

        const bool last = nothing_follows();
        const bool slash = todo_[next_] == '/';
        const auto entry = sys::openat(here(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (!entry) {
            if (entry.error() != ENOENT || !last || slash || (flags & O_CREAT) == 0) return entry;
            arrived = true;
            return sys::openat(here(), name, flags | O_NOFOLLOW, mode);
        }
        struct stat info {};
        const auto told = sys::fstat(entry.value(), info);
        const bool follow = !last || slash || (flags & O_NOFOLLOW) == 0;
        if (told && S_ISLNK(info.st_mode) && follow) {
            const auto followed = follow_link(entry.value());
            sys::close(entry.value());
            return outcome(followed);
        }
        const bool directory = S_ISDIR(info.st_mode);
        if (told && last) {
            arrived = true;
            return arrive(entry.value(), name, directory, slash ? flags | O_DIRECTORY : flags, mode);
        }
        const auto entered = !told ? told : directory ? note_passed(name) : SysStatus::failure(ENOTDIR);
        if (entered)
            stand_at(entry.value());
        else
            sys::close(entry.value());
        return outcome(entered);
    }

    // At a link only where it is not to be followed.
    SysResult<int> arrive(int entry, const char* name, bool directory, int flags, mode_t mode) noexcept {
        if ((flags & O_PATH) != 0 && (directory || (flags & O_DIRECTORY) == 0)) return SysResult<int>::success(entry);
        sys::close(entry);
        if ((flags & O_PATH) != 0) return SysResult<int>::failure(ENOTDIR);
        return sys::openat(here(), name, flags | O_NOFOLLOW, mode);
    }

    SysStatus follow_link(int link) noexcept {
        if ((resolve_ & RESOLVE_NO_SYMLINKS) != 0 || ++links_ > max_links) return SysStatus::failure(ELOOP);
        const auto kind = link_kind(link, here());
        if (!kind) return SysStatus::failure(kind.error());
        if (!kind.value().followed) return SysStatus::failure(ELOOP);
        if (kind.value().magic) return SysStatus::failure((resolve_ & RESOLVE_NO_MAGICLINKS) != 0 ? ELOOP : EXDEV);
        // Its text goes before what is left of the path, which begins with a slash or is empty.
        const auto length = sys::value(SYS_readlinkat, link, "", todo_, next_);
        if (!length) return SysStatus::failure(length.error());
        const auto size = static_cast<std::size_t>(length.value());
        if (size == 0) return SysStatus::failure(ENOENT);
        if (size >= next_) return SysStatus::failure(ENAMETOOLONG);
        next_ -= size;
        std::memmove(todo_ + next_, todo_, size);
        return todo_[next_] == '/' ? begin_at_root() : SysStatus::success();
    }

    // Each name with a NUL behind it.
    SysStatus note_passed(const char* name) noexcept {
        if (!scoped()) return SysStatus::success();
        const std::size_t size = std::strlen(name) + 1;
        if (passed_length_ + size > sizeof passed_) return SysStatus::failure(ENAMETOOLONG);
        std::memcpy(passed_ + passed_length_, name, size);
        passed_length_ += size;
        return SysStatus::success();
    }

    SysStatus go_up() noexcept {
        constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        if (!scoped()) {
            const auto above = sys::openat(here(), "..", flags);
            if (above) stand_at(above.value());
            return above ? SysStatus::success() : SysStatus::failure(above.error());
        }
        if (passed_length_ == 0)
            return (resolve_ & RESOLVE_BENEATH) != 0 ? SysStatus::failure(EXDEV) : SysStatus::success();
        passed_length_--;
        while (passed_length_ > 0 && passed_[passed_length_ - 1] != '\0') passed_length_--;
        stand_at(-1);
        for (std::size_t at = 0; at < passed_length_; at += std::strlen(passed_ + at) + 1) {
            const auto next = sys::openat(here(), passed_ + at, flags);
            if (!next) return SysStatus::failure(next.error());
            stand_at(next.value());
        }
        return SysStatus::success();
    }

    int start_;
    std::uint64_t resolve_;
    int at_ = -1;  ///< where it stands, if it is not at the start
    int links_ = 0;
    char todo_[2 * PATH_MAX];  ///< what is left of the path, at the end of it
    std::size_t next_ = 0;
    char passed_[PATH_MAX];  ///< the directories between the start and here; no link among them
    std::size_t passed_length_ = 0;
};

}  // namespace

SysResult<int> open_by_walking(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                               std::uint64_t resolve) noexcept {
    const auto how = static_cast<int>(flags);
    if (resolve == 0) return sys::openat(dirfd, path, how, static_cast<mode_t>(mode));
    if ((resolve & ~known) != 0) return SysResult<int>::failure(EINVAL);
    return Walk(dirfd, resolve).open(path, how, static_cast<mode_t>(mode));
}

}  // namespace minirun::kernel
