// minirun-init: pid 1 of a container with --init, as a program of its own. Pages of the C library that it would only
// touch to start cost more than all that it does: it has none.
#include <cstddef>
#include <cstring>

#include "kernel/process.hpp"
#include "launch/mini_init.hpp"

// What the compiler calls without being asked.
extern "C" {
void* memcpy(void* to, const void* from, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; i++) static_cast<char*>(to)[i] = static_cast<const char*>(from)[i];
    return to;
}
void* memset(void* to, int byte, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; i++) static_cast<char*>(to)[i] = static_cast<char>(byte);
    return to;
}

[[noreturn, gnu::used]] void start(char* const* argument_count) noexcept;
}

// With what the kernel leaves on the stack: how many arguments there are, and the arguments.
extern "C" void start(char* const* argument_count) noexcept {
    using namespace minirun;
    // Until then nobody is there who could look: the child waits for the gate.
    (void)kernel::set_dumpable(false);
    char* number = argument_count[2];
    pid_t child = 0;
    // It is nobody's business in /proc/1/cmdline.
    for (; *number != '\0'; *number++ = '\0') child = child * 10 + (*number - '0');
    run_mini_init(child, init_gate);
}

#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl _start\n"
    "_start:\n\t"
    "xor %ebp, %ebp\n\t"
    "mov %rsp, %rdi\n\t"
    "call start\n\t"
    "hlt\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    ".globl _start\n"
    "_start:\n\t"
    "mov x29, #0\n\t"
    "mov x30, #0\n\t"
    "mov x0, sp\n\t"
    "bl start\n");
#endif
