#include "kernel/names.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>

#include "base/text.hpp"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace minirun {
namespace {

// "CAP_CHOWN", "cap_chown" and "chown" -> "CHOWN".
std::string bare_name(std::string_view text, std::string_view prefix) {
    auto name = upper_case(text);
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    return name;
}

std::string hexadecimal(std::uint64_t value) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
    return cat("0x", std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

// Names that glibc does not give to sigabbrev_np() because another one has the number.
struct SignalAlias {
    std::string_view name;
    int number;
};
constexpr std::array signal_aliases{SignalAlias{"IOT", SIGABRT}, SignalAlias{"CLD", SIGCHLD}, SignalAlias{"IO", SIGIO},
                                    SignalAlias{"POLL", SIGPOLL}};

// The kernel's real-time signals start at 32, but the C library keeps some: SIGRTMIN is a call.
std::optional<int> real_time_signal(std::string_view name) {
    const bool from_first = name.starts_with("RTMIN");
    if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
    const int base = from_first ? SIGRTMIN : SIGRTMAX;
    const auto rest = name.substr(5);
    if (rest.empty()) return base;
    const auto distance = parse_number<unsigned char>(rest.substr(1));
    if (rest[0] != (from_first ? '+' : '-') || !distance) return std::nullopt;
    const int number = from_first ? base + *distance : base - *distance;
    return number >= SIGRTMIN && number <= SIGRTMAX ? std::optional(number) : std::nullopt;
}

struct RlimitRow {
    std::string_view name;
    int number;
};
constexpr std::array rlimits{
    RlimitRow{"AS", RLIMIT_AS},
    RlimitRow{"CORE", RLIMIT_CORE},
    RlimitRow{"CPU", RLIMIT_CPU},
    RlimitRow{"DATA", RLIMIT_DATA},
    RlimitRow{"FSIZE", RLIMIT_FSIZE},
    RlimitRow{"LOCKS", RLIMIT_LOCKS},
    RlimitRow{"MEMLOCK", RLIMIT_MEMLOCK},
    RlimitRow{"MSGQUEUE", RLIMIT_MSGQUEUE},
    RlimitRow{"NICE", RLIMIT_NICE},
    RlimitRow{"NOFILE", RLIMIT_NOFILE},
    RlimitRow{"NPROC", RLIMIT_NPROC},
    RlimitRow{"RSS", RLIMIT_RSS},
    RlimitRow{"RTPRIO", RLIMIT_RTPRIO},
    RlimitRow{"RTTIME", RLIMIT_RTTIME},
    RlimitRow{"SIGPENDING", RLIMIT_SIGPENDING},
    RlimitRow{"STACK", RLIMIT_STACK},
};

// Options about attributes of the mount; each has a twin with "r" in front for the mounts below.
//
// The access time setting is a field of several bits, not a flag: mount_setattr(2) gives EINVAL unless the whole of
// it is cleared. "atime" and "nostrictatime" ask for the kernel's default, which is relatime; "norelatime" asks for
// neither of the others and so changes nothing.
struct AttributeRow {
    std::string_view name;
    std::uint64_t set, clear;
    std::string_view fs_flag = {};
};
constexpr std::array attribute_options{
    AttributeRow{"ro", MOUNT_ATTR_RDONLY, 0, "ro"},
    AttributeRow{"rw", 0, MOUNT_ATTR_RDONLY, "rw"},
    AttributeRow{"nosuid", MOUNT_ATTR_NOSUID, 0},
    AttributeRow{"suid", 0, MOUNT_ATTR_NOSUID},
    AttributeRow{"nodev", MOUNT_ATTR_NODEV, 0},
    AttributeRow{"dev", 0, MOUNT_ATTR_NODEV},
    AttributeRow{"noexec", MOUNT_ATTR_NOEXEC, 0},
    AttributeRow{"exec", 0, MOUNT_ATTR_NOEXEC},
    AttributeRow{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    AttributeRow{"diratime", 0, MOUNT_ATTR_NODIRATIME},
    AttributeRow{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    AttributeRow{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    AttributeRow{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    AttributeRow{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    AttributeRow{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    AttributeRow{"atime", 0, MOUNT_ATTR__ATIME},
    AttributeRow{"nostrictatime", 0, MOUNT_ATTR__ATIME},
    AttributeRow{"norelatime", 0, 0},
};

// Options that are about no attribute.
//
// Flags of the superblock are fsconfig(2) flags of the same name. Four have none and need none: "silent" and "loud"
// are about lines in the kernel's log; "iversion" and "noiversion" cannot be chosen any more, since file systems that
// count the changes of an inode always do (ext4: Linux 6.1).
struct OtherRow {
    std::string_view name;
    MountOption option;
};
constexpr std::array other_options{
    OtherRow{"defaults", {}},
    OtherRow{"silent", {}},
    OtherRow{"loud", {}},
    OtherRow{"iversion", {}},
    OtherRow{"noiversion", {}},
    OtherRow{"sync", {.fs_flag = "sync"}},
    OtherRow{"async", {.fs_flag = "async"}},
    OtherRow{"dirsync", {.fs_flag = "dirsync"}},
    OtherRow{"lazytime", {.fs_flag = "lazytime"}},
    OtherRow{"nolazytime", {.fs_flag = "nolazytime"}},
    OtherRow{"mand", {.fs_flag = "mand"}},
    OtherRow{"nomand", {.fs_flag = "nomand"}},
    OtherRow{"bind", {.bind = true}},
    OtherRow{"rbind", {.recursive = true, .bind = true}},
    OtherRow{"remount", {.remount = true}},
    OtherRow{"tmpcopyup", {.copy_up = true}},
    OtherRow{"idmap", {.idmap = true}},
    OtherRow{"ridmap", {.recursive = true, .idmap = true}},
    OtherRow{"private", {.propagation = MS_PRIVATE}},
    OtherRow{"rprivate", {.propagation = MS_PRIVATE, .recursive = true}},
    OtherRow{"slave", {.propagation = MS_SLAVE}},
    OtherRow{"rslave", {.propagation = MS_SLAVE, .recursive = true}},
    OtherRow{"shared", {.propagation = MS_SHARED}},
    OtherRow{"rshared", {.propagation = MS_SHARED, .recursive = true}},
    OtherRow{"unbindable", {.propagation = MS_UNBINDABLE}},
    OtherRow{"runbindable", {.propagation = MS_UNBINDABLE, .recursive = true}},
};

struct AttributeName {
    std::uint64_t mask, value;
    std::string_view name;
};
constexpr std::array attribute_names{
    AttributeName{MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY, "ro"},
    AttributeName{MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSUID, "nosuid"},
    AttributeName{MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV, "nodev"},
    AttributeName{MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC, "noexec"},
    AttributeName{MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, "noatime"},
    AttributeName{MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME, "strictatime"},
    AttributeName{MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NODIRATIME, "nodiratime"},
    AttributeName{MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
    AttributeName{MOUNT_ATTR_IDMAP, MOUNT_ATTR_IDMAP, "idmap"},
};

// See <linux/magic.h>; those of file systems outside the kernel's tree are from their sources. Numbers, because the
// header of an older system lacks the newer ones.
struct MagicRow {
    std::uint64_t magic;
    std::string_view name;
};
constexpr std::array filesystems{
    MagicRow{0xef53, "ext2/3/4"},      MagicRow{0x58465342, "xfs"},
    MagicRow{0x9123683e, "btrfs"},     MagicRow{0x794c7630, "overlay"},
    MagicRow{0x01021994, "tmpfs"},     MagicRow{0x858458f6, "ramfs"},
    MagicRow{0x2fc12fc1, "zfs"},       MagicRow{0xf2f52010, "f2fs"},
    MagicRow{0xca451a4e, "bcachefs"},  MagicRow{0x65735546, "fuse"},
    MagicRow{0x6969, "nfs"},           MagicRow{0xff534d42, "cifs"},
    MagicRow{0xfe534d42, "smb2"},      MagicRow{0x517b, "smb"},
    MagicRow{0x01021997, "9p"},        MagicRow{0x00c36400, "ceph"},
    MagicRow{0x0bd00bd0, "lustre"},    MagicRow{0x01161970, "gfs2"},
    MagicRow{0x7461636f, "ocfs2"},     MagicRow{0x5346414f, "afs"},
    MagicRow{0x47504653, "gpfs"},      MagicRow{0x61756673, "aufs"},
    MagicRow{0xf15f, "ecryptfs"},      MagicRow{0x73717368, "squashfs"},
    MagicRow{0xe0f5e1e2, "erofs"},     MagicRow{0x9660, "iso9660"},
    MagicRow{0x15013346, "udf"},       MagicRow{0x4d44, "vfat"},
    MagicRow{0x2011bab0, "exfat"},     MagicRow{0x5346544e, "ntfs"},
    MagicRow{0x7366746e, "ntfs3"},     MagicRow{0x482b, "hfsplus"},
    MagicRow{0x3153464a, "jfs"},       MagicRow{0x52654973, "reiserfs"},
    MagicRow{0x3434, "nilfs2"},        MagicRow{0x786f4256, "vboxsf"},
    MagicRow{0x9fa0, "proc"},          MagicRow{0x62656572, "sysfs"},
    MagicRow{0x1cd1, "devpts"},        MagicRow{0x19800202, "mqueue"},
    MagicRow{0x27e0eb, "cgroup"},      MagicRow{0x63677270, "cgroup2"},
    MagicRow{0x6e736673, "nsfs"},      MagicRow{0x50494446, "pidfs"},
    MagicRow{0x958458f6, "hugetlbfs"}, MagicRow{0x64626720, "debugfs"},
    MagicRow{0x74726163, "tracefs"},   MagicRow{0x73636673, "securityfs"},
    MagicRow{0xf97cff8c, "selinuxfs"}, MagicRow{0x62656570, "configfs"},
    MagicRow{0xcafe4a11, "bpf"},       MagicRow{0x6165676c, "pstore"},
    MagicRow{0xde5e81e4, "efivarfs"},  MagicRow{0x42494e4d, "binfmt_misc"},
    MagicRow{0x0187, "autofs"},        MagicRow{0x67596969, "rpc_pipefs"},
    MagicRow{0x53464846, "wslfs"},
};

}  // namespace

std::string errno_name(int error) {
    const char* name = strerrorname_np(error);
    return name != nullptr && error != 0 ? std::string(name) : cat("errno ", error);
}

std::string errno_text(int error) {
    const char* text = strerrordesc_np(error);
    return text != nullptr ? std::string(text) : cat("Unknown error ", error);
}

std::optional<int> signal_number(std::string_view text) {
    if (const auto number = parse_number<int>(text)) return *number >= 1 && *number <= SIGRTMAX ? number : std::nullopt;
    const auto name = bare_name(text, "SIG");
    for (int number = 1; number < SIGRTMIN; number++) {
        const char* known = sigabbrev_np(number);
        if (known != nullptr && name == known) return number;
    }
    for (const auto& alias : signal_aliases)
        if (name == alias.name) return alias.number;
    return real_time_signal(name);
}

std::string signal_name(int number) {
    if (const char* name = sigabbrev_np(number); name != nullptr && number > 0) return cat("SIG", name);
    if (number == SIGRTMIN) return "SIGRTMIN";
    if (number == SIGRTMAX) return "SIGRTMAX";
    if (number > SIGRTMIN && number < SIGRTMAX) return cat("SIGRTMIN+", number - SIGRTMIN);
    return cat("signal ", number);
}

std::optional<int> capability_number(std::string_view text) {
    const auto name = "cap_" + bare_name(text, "CAP_");
    cap_value_t number = 0;
    if (::cap_from_name(name.c_str(), &number) != 0) return std::nullopt;
    // libcap reads no further than to the end of a name: of "chown,kill" it takes the first and says nothing.
    const auto in_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    if (!std::all_of(name.begin(), name.end(), in_name)) return std::nullopt;
    return number;
}

std::string capability_name(int number) {
    if (number < 0 || number > last_known_capability()) return cat("CAP_", number);
    const std::unique_ptr<char, int (*)(void*)> name(::cap_to_name(number), ::cap_free);
    return name ? upper_case(name.get()) : cat("CAP_", number);
}

int last_known_capability() noexcept { return CAP_LAST_CAP; }

std::optional<int> rlimit_number(std::string_view text) {
    const auto name = bare_name(text, "RLIMIT_");
    for (const auto& row : rlimits)
        if (row.name == name) return row.number;
    return std::nullopt;
}

std::string rlimit_name(int number) {
    for (const auto& row : rlimits)
        if (row.number == number) return cat("RLIMIT_", row.name);
    return cat("rlimit ", number);
}

std::optional<MountOption> mount_option(std::string_view name) {
    for (const auto& row : other_options)
        if (row.name == name) return row.option;
    for (const auto& row : attribute_options)
        if (row.name == name) return MountOption{.set = row.set, .clear = row.clear, .fs_flag = row.fs_flag};
    if (!name.starts_with('r')) return std::nullopt;
    for (const auto& row : attribute_options)
        if (row.name == name.substr(1)) return MountOption{.set = row.set, .clear = row.clear, .recursive = true};
    return std::nullopt;
}

std::vector<std::string> mount_option_names() {
    std::vector<std::string> names;
    for (const auto& row : other_options) names.emplace_back(row.name);
    for (const auto& row : attribute_options) {
        names.emplace_back(row.name);
        names.push_back(cat('r', row.name));
    }
    // Known, and refused so far.
    std::erase_if(names, [](const std::string& name) { return name == "idmap" || name == "ridmap"; });
    std::sort(names.begin(), names.end());
    return names;
}

std::string mount_attr_names(std::uint64_t attributes) {
    std::vector<std::string> names;
    for (const auto& attribute : attribute_names) {
        if ((attributes & attribute.mask) != attribute.value) continue;
        names.emplace_back(attribute.name);
        attributes &= ~attribute.mask;
    }
    if (attributes != 0) names.push_back(hexadecimal(attributes));
    return join(names, ",");
}

std::string filesystem_name(std::uint64_t magic) {
    // statfs(2) has a signed field: what was widened from 32 bits carries its sign.
    magic &= 0xffffffff;
    for (const auto& row : filesystems)
        if (row.magic == magic) return std::string(row.name);
    return hexadecimal(magic);
}

}  // namespace minirun
