#include "security/bpf.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <algorithm>

#include "seccomp_calls.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

using Program = std::vector<sock_filter>;

constexpr std::uint32_t nr = offsetof(seccomp_data, nr), arch = offsetof(seccomp_data, arch),
                        argument_0 = offsetof(seccomp_data, args);

sock_filter op(unsigned code, std::uint32_t k = 0, std::uint8_t jt = 0, std::uint8_t jf = 0) {
    return {static_cast<std::uint16_t>(code), jt, jf, k};
}
sock_filter load(std::uint32_t offset) { return op(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter number(std::uint32_t k) { return op(BPF_LD | BPF_IMM, k); }
sock_filter give(std::uint32_t k) { return op(BPF_RET | BPF_K, k); }
sock_filter give_a() { return op(BPF_RET | BPF_A); }

std::uint32_t run(const Program& program, const seccomp_data& data = call(0)) { return evaluate(program, data); }

std::string refusal(const Program& program) {
    return error_of([&] { run(program); });
}

}  // namespace

TEST_CASE("bpf: loads") {
    const auto data = call(7, 0x1122334455667788u, 2, 3, 4, 5, 0xaabbccddeeff0011u);
    CHECK(run({load(nr), give_a()}, data) == 7);
    CHECK(run({load(arch), give_a()}, data) == native_audit_arch);
    CHECK(run({load(8), give_a()}, data) == 0x12345678);
    CHECK(run({load(argument_0), give_a()}, data) == 0x55667788);
    CHECK(run({load(argument_0 + 4), give_a()}, data) == 0x11223344);
    CHECK(run({load(argument_0 + 44), give_a()}, data) == 0xaabbccdd);
    CHECK(run({number(9), give_a()}) == 9);
    CHECK(run({op(BPF_LD | BPF_W | BPF_LEN), give_a()}) == 64);
    CHECK(run({op(BPF_LDX | BPF_IMM, 5), op(BPF_MISC | BPF_TXA), give_a()}) == 5);
    CHECK(run({number(6), op(BPF_ST, 15), number(0), op(BPF_LD | BPF_MEM, 15), give_a()}) == 6);
    CHECK(run({number(6), op(BPF_MISC | BPF_TAX), op(BPF_STX, 3), op(BPF_LDX | BPF_MEM, 3), op(BPF_MISC | BPF_TXA),
               give_a()}) == 6);
}

TEST_CASE("bpf: arithmetic") {
    const auto calculate = [](unsigned operation, std::uint32_t left, std::uint32_t right) {
        const auto with_k = run({number(left), op(BPF_ALU | BPF_K | operation, right), give_a()});
        const auto with_x =
            run({op(BPF_LDX | BPF_IMM, right), number(left), op(BPF_ALU | BPF_X | operation), give_a()});
        CHECK(with_k == with_x);
        return with_k;
    };
    CHECK(calculate(BPF_ADD, 0xffffffff, 2) == 1);
    CHECK(calculate(BPF_SUB, 1, 2) == 0xffffffff);
    CHECK(calculate(BPF_MUL, 7, 6) == 42);
    CHECK(calculate(BPF_DIV, 43, 6) == 7);
    CHECK(calculate(BPF_AND, 0xff0, 0x0ff) == 0x0f0);
    CHECK(calculate(BPF_OR, 0xff0, 0x0ff) == 0xfff);
    CHECK(calculate(BPF_XOR, 0xff0, 0x0ff) == 0xf0f);
    CHECK(calculate(BPF_LSH, 1, 31) == 0x80000000);
    CHECK(calculate(BPF_RSH, 0x80000000, 31) == 1);
    CHECK(run({number(1), op(BPF_ALU | BPF_NEG), give_a()}) == 0xffffffff);
}

TEST_CASE("bpf: jumps") {
    const auto taken = [](unsigned operation, std::uint32_t left, std::uint32_t right) {
        return run({number(left), op(BPF_JMP | BPF_K | operation, right, 1, 0), give(0), give(1)}) == 1;
    };
    CHECK(taken(BPF_JEQ, 5, 5));
    CHECK_FALSE(taken(BPF_JEQ, 5, 6));
    CHECK(taken(BPF_JGT, 0xffffffff, 1));
    CHECK_FALSE(taken(BPF_JGT, 5, 5));
    CHECK(taken(BPF_JGE, 5, 5));
    CHECK_FALSE(taken(BPF_JGE, 4, 5));
    CHECK(taken(BPF_JSET, 6, 2));
    CHECK_FALSE(taken(BPF_JSET, 6, 1));
    CHECK(run({op(BPF_JMP | BPF_JA, 1), give(0), give(1)}) == 1);
    CHECK(run({op(BPF_LDX | BPF_IMM, 5), number(5), op(BPF_JMP | BPF_X | BPF_JEQ, 0, 1, 0), give(0), give(1)}) == 1);
}

TEST_CASE("bpf: programs that the kernel would refuse") {
    CHECK(refusal({}) == "BPF instruction 0: runs past the end");
    CHECK(refusal({number(1)}) == "BPF instruction 1: runs past the end");
    CHECK(refusal({op(BPF_JMP | BPF_JA, 0xffffffff), give(0)}) == "BPF instruction 4294967296: runs past the end");
    CHECK(refusal({load(2), give(0)}) == "BPF instruction 0: load outside of the data");
    CHECK(refusal({load(64), give(0)}) == "BPF instruction 0: load outside of the data");
    CHECK(refusal({op(BPF_LD | BPF_B | BPF_ABS), give(0)}) == "BPF instruction 0: loads something else than a word");
    CHECK(refusal({op(BPF_LD | BPF_W | BPF_IND), give(0)}) == "BPF instruction 0: unknown addressing mode");
    CHECK(refusal({op(BPF_ST, 16), give(0)}) == "BPF instruction 0: no such memory word");
    CHECK(refusal({op(BPF_ALU | BPF_DIV | BPF_K, 0), give(0)}) == "BPF instruction 0: division by zero");
    CHECK(refusal({op(BPF_ALU | 0xf0), give(0)}) == "BPF instruction 0: unknown arithmetic");
    CHECK(refusal({op(BPF_JMP | 0xf0), give(0)}) == "BPF instruction 0: unknown comparison");
}

TEST_CASE("bpf: what a filter can answer, whatever the arguments") {
    const Program program = {
        load(nr),
        op(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
        give(fail(EPERM)),
        load(argument_0),
        op(BPF_ALU | BPF_AND | BPF_K, 0xff),
        op(BPF_JMP | BPF_JGT | BPF_K, 3, 0, 1),
        give(killed),
        op(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0),
        give(allow),
        give(fail(ENOSYS)),
    };
    CHECK(possible_results(program, SYS_getpid) == std::vector{fail(EPERM)});
    CHECK(possible_results(program, SYS_read) == std::vector{fail(ENOSYS), allow, killed});
    CHECK(run(program, call(SYS_read, 4)) == killed);
    CHECK(run(program, call(SYS_read, 0x102)) == allow);
    CHECK(run(program, call(SYS_read, 0x103)) == fail(ENOSYS));
}

TEST_CASE("bpf: an argument that cannot make a difference") {
    const Program masked = {load(argument_0), op(BPF_ALU | BPF_AND | BPF_K, 0), op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
                            give(allow), give(killed)};
    CHECK(possible_results(masked, SYS_read) == std::vector{allow});
    const Program no_bits = {load(argument_0), op(BPF_JMP | BPF_JSET | BPF_K, 0, 0, 1), give(killed), give(allow)};
    CHECK(possible_results(no_bits, SYS_read) == std::vector{allow});
    CHECK(error_of([&] {
              possible_results(Program{load(argument_0), give_a()}, SYS_read);
          }) == "BPF instruction 1: returns an argument");
}

TEST_CASE("bpf: denied and conditional system calls by name") {
    const Program program = {
        load(nr),
        op(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        give(SECCOMP_RET_LOG),
        op(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        load(argument_0),
        op(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
        give(allow),
        give(fail(EPERM)),
    };
    CHECK(conditional_syscalls(program) == std::vector<std::string>{"socket"});
    const auto denied = denied_syscalls(program);
    CHECK(std::is_sorted(denied.begin(), denied.end()));
    CHECK(denied.size() == known_syscalls().size() - 2);
    for (const auto& allowed : {"openat", "socket"})
        CHECK_FALSE(std::binary_search(denied.begin(), denied.end(), allowed));
}
