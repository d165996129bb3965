#include "launch/own_mappings.hpp"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

#include "kernel/proc_file.hpp"

namespace minirun {
namespace {

using Segment = ElfW(Phdr);

SysStatus failure() noexcept { return SysStatus::failure(errno); }

struct Image {
    std::uintptr_t base = 0;  ///< what is added to the addresses in the file
    std::span<const Segment> segments;
};

// Its headers stand at its beginning, where the kernel has mapped them. Without segments if they do not.
Image running_image() noexcept {
    const auto headers = ::getauxval(AT_PHDR);
    const auto* file = reinterpret_cast<const ElfW(Ehdr)*>(headers - sizeof(ElfW(Ehdr)));
    if (headers % static_cast<unsigned long>(::sysconf(_SC_PAGESIZE)) != sizeof *file ||
        std::memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 || file->e_phoff != sizeof *file)
        return {};
    Image image{0, {reinterpret_cast<const Segment*>(headers), ::getauxval(AT_PHNUM)}};
    for (const auto& segment : image.segments)
        if (segment.p_type == PT_LOAD && segment.p_offset == 0) {
            image.base = reinterpret_cast<std::uintptr_t>(file) - segment.p_vaddr;
            return image;
        }
    return {};
}

// The pages with something of the file in them.
struct Pages {
    Pages(const Image& image, const Segment& segment) noexcept {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto before = segment.p_vaddr % page;
        start = reinterpret_cast<void*>(image.base + segment.p_vaddr - before);
        size = (before + segment.p_filesz + page - 1) / page * page;
        offset = static_cast<off_t>(segment.p_offset - before);
    }
    void* start;
    std::size_t size;
    off_t offset;
};

int protection_of(const Segment& segment) noexcept {
    return ((segment.p_flags & PF_R) != 0 ? PROT_READ : 0) | ((segment.p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
           ((segment.p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

// What nobody has written to: the same bytes, from the other file.
SysStatus map_again(const Pages& pages, int protection, const Fd& program) noexcept {
    const auto* mapped =
        ::mmap(pages.start, pages.size, protection, MAP_PRIVATE | MAP_FIXED, program.get(), pages.offset);
    return mapped == MAP_FAILED ? failure() : SysStatus::success();
}

// Data: as it is now. It takes the old one's place in one step, and until then nothing is written to it.
SysStatus move_to_memory(const Pages& pages) noexcept {
    void* copy = ::mmap(nullptr, pages.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (copy == MAP_FAILED) return failure();
    std::memcpy(copy, pages.start, pages.size);
    const auto* moved = ::mremap(copy, pages.size, pages.size, MREMAP_MAYMOVE | MREMAP_FIXED, pages.start);
    return moved == MAP_FAILED ? failure() : SysStatus::success();
}

// Data that is constant since the program was loaded, as the C library has it (RELRO).
SysStatus protect_again(const Image& image, const Segment& segment) noexcept {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto start = (image.base + segment.p_vaddr) / page * page;
    const auto end = (image.base + segment.p_vaddr + segment.p_memsz) / page * page;
    return ::mprotect(reinterpret_cast<void*>(start), end - start, PROT_READ) < 0 ? failure() : SysStatus::success();
}

SysStatus exchange(const Image& image, const Segment& segment, const Fd& program) noexcept {
    if (segment.p_type == PT_GNU_RELRO) return protect_again(image, segment);
    if (segment.p_type != PT_LOAD) return SysStatus::success();
    const Pages pages(image, segment);
    return (segment.p_flags & PF_W) != 0 ? move_to_memory(pages) : map_again(pages, protection_of(segment), program);
}

// The addresses that /proc/self/stat and cmdline show, as they are. The kernel takes them and the file in one call, for
// which CAP_SYS_ADMIN is enough; PR_SET_MM_EXE_FILE wants CAP_SYS_RESOURCE.
prctl_mm_map own_addresses() {
    const kernel::ProcessStat now("self");
    prctl_mm_map map{};
    map.start_code = now.number(26), map.end_code = now.number(27);
    map.start_data = now.number(45), map.end_data = now.number(46);
    map.start_brk = now.number(47);
    map.start_stack = now.number(28);
    map.arg_start = now.number(48), map.arg_end = now.number(49);
    map.env_start = now.number(50), map.env_end = now.number(51);
    return map;
}

SysStatus set_own_file(prctl_mm_map map, const Fd& program) noexcept {
    map.brk = reinterpret_cast<std::uintptr_t>(::sbrk(0));  // now: what is freed or allocated moves it
    map.exe_fd = static_cast<std::uint32_t>(program.get());
    return ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0UL) < 0 ? failure() : SysStatus::success();
}

}  // namespace

SysStatus exchange_own_file(const Fd& program) {
    const auto image = running_image();
    if (image.segments.empty()) return SysStatus::failure(ENOEXEC);
    const auto addresses = own_addresses();
    // EBUSY, since all is mapped yet, unless it is not to be had at all.
    if (const auto asked = set_own_file(addresses, program); asked.error() != EBUSY) return asked;
    for (const auto& segment : image.segments)
        if (const auto done = exchange(image, segment, program); !done) return done;
    return set_own_file(addresses, program);
}

}  // namespace minirun
