#include "launch/init_image.hpp"

#include <iterator>

#include "kernel/files.hpp"
#include "kernel/memory_file.hpp"

namespace minirun {
namespace {

constexpr unsigned char image[] = {
#include "init_image.inc"
};

Fd make_init_program() noexcept {
    if (std::size(image) < 2) return Fd();
    const auto made = kernel::executable_memory_file("minirun-init");
    Fd file(made ? made.value() : -1);
    if (!file || !kernel::write_all(file.get(), image, sizeof image) || !kernel::seal(file.get())) return Fd();
    return file;
}

}  // namespace

const Fd& init_program() noexcept {
    static const Fd program = make_init_program();
    return program;
}

}  // namespace minirun
