#include "security/seccomp_cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "security/bpf.hpp"
#include "security/default_seccomp.hpp"

namespace minirun {
namespace {

constexpr std::string_view suffix = ".seccomp";
constexpr std::size_t max_file_size = 4 << 20;
constexpr int max_files = 256;

std::uint64_t fnv1a(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

template <class Item>
std::string_view bytes_of(std::span<const Item> items) {
    return {reinterpret_cast<const char*>(items.data()), items.size_bytes()};
}

std::string hex(std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += digits[number >> shift & 15];
    return text;
}

// All that a compiled filter depends on. What this build's compiler makes of the default profile stands for the
// compiler itself: a newer one does not use what an older one left.
std::string key_of(std::string_view profile_text, const std::vector<std::string>& capabilities, bool compat) {
    const auto kernel = running_kernel_version();
    return cat("minirun seccomp filter, format 1\narchitecture ", hex(native_audit_arch), compat ? " and 32 bit" : "",
               "\ncompiler ", hex(fnv1a(bytes_of(default_seccomp_filter()))), "\nkernel ", kernel.major, '.',
               kernel.minor, "\ncapabilities ", hex(seccomp_capability_mask(capabilities)), "\n\n", profile_text);
}

// The file: header, key, instructions, unknown names, and a checksum of all before it, since it is written without
// fsync and a power failure may leave anything.
struct Header {
    std::uint32_t key_size, instructions, flags, names_size;
};

std::string encode(std::string_view key, const SeccompFilter& filter) {
    const auto names = join(filter.unknown_names, "\n");
    const Header header{static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(filter.program.size()),
                        filter.flags, static_cast<std::uint32_t>(names.size())};
    auto text = cat(bytes_of(std::span(&header, 1)), key, bytes_of(std::span(filter.program)), names);
    const std::uint64_t checksum = fnv1a(text);
    return text.append(bytes_of(std::span(&checksum, 1)));
}

std::optional<SeccompFilter> decode(std::string_view text, std::string_view key) {
    Header header{};
    std::uint64_t checksum = 0;
    if (text.size() < sizeof header + sizeof checksum) return std::nullopt;
    std::memcpy(&checksum, text.data() + text.size() - sizeof checksum, sizeof checksum);
    text.remove_suffix(sizeof checksum);
    if (fnv1a(text) != checksum) return std::nullopt;
    std::memcpy(&header, text.data(), sizeof header);
    text.remove_prefix(sizeof header);
    const std::uint64_t program_size = std::uint64_t{header.instructions} * sizeof(sock_filter);
    if (header.instructions == 0 || header.instructions > BPF_MAXINSNS ||
        text.size() != header.key_size + program_size + header.names_size || text.substr(0, header.key_size) != key)
        return std::nullopt;
    SeccompFilter filter;
    filter.flags = header.flags;
    filter.program.resize(header.instructions);
    std::memcpy(filter.program.data(), text.data() + header.key_size, program_size);
    if (header.names_size > 0) filter.unknown_names = split(text.substr(text.size() - header.names_size), '\n');
    return filter;
}

bool only_ours(const struct stat& status) {
    return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Fd open_directory(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        ::mkdir(path.substr(0, slash).c_str(), 0700);
    ::mkdir(path.c_str(), 0700);
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!directory || ::fstat(directory.get(), &status) < 0 || !only_ours(status)) return {};
    return directory;
}

std::optional<std::string> read_file(const Fd& directory, const std::string& name) {
    // O_NONBLOCK: what lies there may be a FIFO.
    const Fd file(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode) || !only_ours(status))
        return std::nullopt;
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > max_file_size) return std::nullopt;
    std::string text(size, '\0');
    if (::read(file.get(), text.data(), size) != status.st_size) return std::nullopt;
    return text;
}

// Every change of a profile leaves a file behind. They cost little to make again, so no order of age is kept.
void make_room(const Fd& directory) {
    struct Close {
        void operator()(DIR* stream) const noexcept { ::closedir(stream); }
    };
    Fd fd(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, Close> stream(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!stream) return;
    static_cast<void>(fd.release());
    std::vector<std::string> names;
    while (const auto* entry = ::readdir(stream.get()))
        if (std::string_view(entry->d_name).find(suffix) != std::string_view::npos) names.emplace_back(entry->d_name);
    if (names.size() < max_files) return;
    for (const auto& name : names) ::unlinkat(directory.get(), name.c_str(), 0);
}

void write_file(const Fd& directory, const std::string& name, std::string_view text) {
    if (text.size() > max_file_size) return;
    make_room(directory);
    const auto temporary = cat('.', name, '.', ::gettid());
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd file(::openat(directory.get(), temporary.c_str(), flags, 0600));
    if (!file && errno == EEXIST && ::unlinkat(directory.get(), temporary.c_str(), 0) == 0)  // left by a killed minirun
        file.reset(::openat(directory.get(), temporary.c_str(), flags, 0600));
    if (!file) return;
    if (!kernel::write_all(file.get(), text.data(), text.size()).ok() ||
        ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) < 0)
        ::unlinkat(directory.get(), temporary.c_str(), 0);
}

}  // namespace

SeccompFilter cached_seccomp(std::string_view profile_text, const std::string& file_name,
                             const std::vector<std::string>& capabilities, const std::string& cache_dir, bool compat) {
    const auto compile = [&] {
        return compile_seccomp(profile_text, file_name, capabilities, running_kernel_version(), compat);
    };
    const Fd directory = cache_dir.empty() ? Fd{} : open_directory(cache_dir);
    if (!directory) return compile();
    const auto key = key_of(profile_text, capabilities, compat);
    const auto name = cat(hex(fnv1a(key)), suffix);
    if (const auto text = read_file(directory, name))
        if (auto filter = decode(*text, key)) return std::move(*filter);
    auto filter = compile();
    write_file(directory, name, encode(key, filter));
    return filter;
}

SeccompFilter seccomp_filter(std::string_view profile_text, const std::vector<std::string>& capabilities,
                             const std::string& cache_dir, bool compat) {
    if (!compat && profile_text == default_seccomp_profile() && default_seccomp_filter_fits(capabilities)) {
        const auto program = default_seccomp_filter();
        return {{program.begin(), program.end()}, 0, {}};
    }
    return cached_seccomp(profile_text, "the seccomp profile", capabilities, cache_dir, compat);
}

}  // namespace minirun
