#include "kernel/system_call.hpp"

namespace minirun::sys {

#if defined(__x86_64__)

long enter_kernel(long number, long a, long b, long c, long d, long e, long f) noexcept {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long answer = number;
    __asm__ volatile("syscall"
                     : "+a"(answer)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return answer;
}

long clone3_on_stack(const void* arguments, std::size_t size, void (*run)(void*), void* argument) noexcept {
    register void (*r12)(void*) __asm__("r12") = run;
    register void* r13 __asm__("r13") = argument;
    long answer = SYS_clone3;
    // The child comes back with an empty stack: it must take nothing from it.
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r13, %%rdi\n\t"
        "call *%%r12\n\t"
        "ud2\n"
        "1:"
        : "+a"(answer)
        : "D"(arguments), "S"(size), "r"(r12), "r"(r13)
        : "rcx", "r11", "memory");
    return answer;
}

#elif defined(__aarch64__)

long enter_kernel(long number, long a, long b, long c, long d, long e, long f) noexcept {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

long clone3_on_stack(const void* arguments, std::size_t size, void (*run)(void*), void* argument) noexcept {
    register long x8 __asm__("x8") = SYS_clone3;
    register long x0 __asm__("x0") = reinterpret_cast<long>(arguments);
    register long x1 __asm__("x1") = static_cast<long>(size);
    register void (*x10)(void*) __asm__("x10") = run;
    register void* x11 __asm__("x11") = argument;
    // The child comes back with an empty stack: it must take nothing from it.
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x30, xzr\n\t"
        "mov x0, x11\n\t"
        "blr x10\n\t"
        "brk #1\n"
        "1:"
        : "+r"(x0)
        : "r"(x8), "r"(x1), "r"(x10), "r"(x11)
        : "memory");
    return x0;
}

#else
#error "kernel/system_call.cpp: say here how this processor enters its kernel"
#endif

}  // namespace minirun::sys
