// The last look at the command before execve(2): for a clear word, and for what check_program() cannot see, the
// interpreter that an ELF file names.
#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "kernel/openat2.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"

namespace minirun {
namespace {

// A link of procfs leads to what it names, and not to where its text would lead. Links without end are refused with the
// same error, but without the flag as well.
bool leads_through_procfs(int directory, const char* path) noexcept {
    const auto cautious = kernel::open_beneath(directory, path, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
    if (cautious) sys::close(cautious.value());
    if (cautious.error() != ELOOP) return false;
    const auto trusting = sys::openat(directory, path, O_PATH | O_CLOEXEC);
    if (trusting) sys::close(trusting.value());
    return trusting.ok();
}

// For reading, or -1. Nothing but a file is read: a pipe or a device would notice.
int open_file(int directory, const char* path) noexcept {
    const auto looked_at = sys::openat(directory, path, O_PATH | O_CLOEXEC);
    if (!looked_at) return -1;
    struct stat info {};
    const bool is_file = sys::fstat(looked_at.value(), info) && S_ISREG(info.st_mode);
    sys::close(looked_at.value());
    const auto file = is_file ? sys::openat(directory, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : looked_at;
    return is_file && file ? file.value() : -1;
}

bool read_at(int file, void* bytes, std::size_t size, std::uint64_t offset) noexcept {
    return sys::call(SYS_pread64, file, bytes, size, offset) == static_cast<long>(size);
}

using Path = char[4096];  // PATH_MAX, which bounds PT_INTERP too

// What the first line names, cut out of `line`; null if it is none that begins with "#!".
const char* script_interpreter(int file, Path& line) noexcept {
    constexpr std::size_t read_by_kernel = 255;
    const long length = sys::call(SYS_pread64, file, line, read_by_kernel, 0);
    if (length < 3 || line[0] != '#' || line[1] != '!') return nullptr;
    line[length] = '\0';
    char* begin = line + 2;
    while (*begin == ' ' || *begin == '\t') begin++;
    char* end = begin;
    while (*end != '\0' && *end != ' ' && *end != '\t' && *end != '\n') end++;
    *end = '\0';
    return begin;
}

// The first PT_INTERP, as the kernel's loader looks for it; null if there is none that it would take.
template <class Header, class Segment>
const char* elf_interpreter(int file, Path& path) noexcept {
    Header header;
    if (!read_at(file, &header, sizeof header, 0) || header.e_phentsize != sizeof(Segment)) return nullptr;
    constexpr std::size_t page = 65536;  // the largest there is: the kernel takes no longer tables than a page
    for (std::size_t i = 0; i < header.e_phnum && i * sizeof(Segment) < page; i++) {
        Segment segment;
        if (!read_at(file, &segment, sizeof segment, header.e_phoff + i * sizeof segment)) return nullptr;
        if (segment.p_type != PT_INTERP) continue;
        const std::size_t size = segment.p_filesz;
        const bool taken = size >= 2 && size <= sizeof path && read_at(file, path, size, segment.p_offset);
        return taken && path[size - 1] == '\0' ? path : nullptr;
    }
    return nullptr;
}

// What the kernel would start in this program's place, or beside it; null if that is nothing.
const char* interpreter_of(int directory, const char* program, Path& path) noexcept {
    const int file = open_file(directory, program);
    if (file < 0) return nullptr;
    unsigned char identity[EI_NIDENT] = {};
    const bool is_elf = read_at(file, identity, sizeof identity, 0) && std::memcmp(identity, ELFMAG, SELFMAG) == 0;
    const char* found = nullptr;
    if (!is_elf)
        found = script_interpreter(file, path);
    else if (identity[EI_CLASS] == ELFCLASS32)
        found = elf_interpreter<Elf32_Ehdr, Elf32_Phdr>(file, path);
    else
        found = elf_interpreter<Elf64_Ehdr, Elf64_Phdr>(file, path);
    sys::close(file);
    return found;
}

}  // namespace

// As execve(2) will say, but for what it would find in the file.
SysStatus ChildSteps::find_command(int directory, std::span<const char* const> candidates) noexcept {
    int error = ENOENT;
    for (std::size_t i = 0; i < candidates.size(); i++) {
        const auto found = sys::status(SYS_faccessat, directory, candidates[i], 1 /* X_OK */);
        struct stat info {};
        const auto known = sys::status(SYS_newfstatat, directory, candidates[i], &info, 0);
        if (found && known && S_ISREG(info.st_mode)) return found;
        if (found.error() == ENOENT || found.error() == ENOTDIR) continue;
        error = found ? EACCES : found.error();
        report.item = static_cast<std::int32_t>(i);
    }
    return SysStatus::failure(error);
}

SysStatus ChildSteps::operator()(const op::CheckCommand& step) noexcept {
    const auto opened = sys::open(step.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int directory = opened ? opened.value() : AT_FDCWD;
    for (std::size_t i = 0; i < step.candidates.size(); i++) {
        Path path;
        const char* program = step.candidates[i];
        // The kernel follows five interpreters of interpreters.
        for (int depth = 0; program != nullptr && depth <= 5; depth++) {
            if (leads_through_procfs(directory, program)) {
                report.item = static_cast<std::int32_t>(i);
                return SysStatus::failure(ELOOP);
            }
            program = interpreter_of(directory, program, path);
        }
    }
    return step.must_exist ? find_command(directory, step.candidates) : SysStatus::success();
}

}  // namespace minirun
