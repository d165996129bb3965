#include "security/bpf.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>

#include "base/text.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// A register or memory cell: a number, or "depends on an argument".
using Value = std::optional<std::uint32_t>;

// seccomp_data as a filter sees it, as 32-bit words.
using Words = std::array<Value, sizeof(seccomp_data) / 4>;

struct Machine {
    std::size_t pc = 0;
    Value a = 0, x = 0;
    std::array<Value, BPF_MEMWORDS> memory{};
    auto operator<=>(const Machine&) const = default;
};

[[noreturn]] void refuse(std::size_t pc, std::string_view why) {
    throw Error(ErrorKind::bad_input, cat("BPF instruction ", pc, ": ", why));
}

Value calculate(std::size_t pc, unsigned operation, Value left, Value right) {
    if (operation == BPF_DIV && right == 0u) refuse(pc, "division by zero");
    if (operation == BPF_AND && (left == 0u || right == 0u)) return 0;
    if (!left || (!right && operation != BPF_NEG)) return std::nullopt;
    switch (operation) {
        case BPF_ADD: return *left + *right;
        case BPF_SUB: return *left - *right;
        case BPF_MUL: return *left * *right;
        case BPF_DIV: return *left / *right;
        case BPF_AND: return *left & *right;
        case BPF_OR: return *left | *right;
        case BPF_XOR: return *left ^ *right;
        case BPF_LSH: return *left << (*right & 31);
        case BPF_RSH: return *left >> (*right & 31);
        case BPF_NEG: return 0 - *left;
        default: refuse(pc, "unknown arithmetic");
    }
}

// Nothing: depends on an argument.
std::optional<bool> compare(std::size_t pc, unsigned operation, Value left, Value right) {
    if (operation == BPF_JSET && (left == 0u || right == 0u)) return false;
    if (!left || !right) return std::nullopt;
    switch (operation) {
        case BPF_JEQ: return *left == *right;
        case BPF_JGT: return *left > *right;
        case BPF_JGE: return *left >= *right;
        case BPF_JSET: return (*left & *right) != 0;
        default: refuse(pc, "unknown comparison");
    }
}

Value& cell(Machine& machine, std::uint32_t k) {
    if (k >= BPF_MEMWORDS) refuse(machine.pc, "no such memory word");
    return machine.memory[k];
}

Value loaded(Machine& machine, const sock_filter& instruction, const Words& data) {
    if (BPF_SIZE(instruction.code) != BPF_W) refuse(machine.pc, "loads something else than a word");
    switch (BPF_MODE(instruction.code)) {
        case BPF_IMM: return instruction.k;
        case BPF_LEN: return std::uint32_t{sizeof(seccomp_data)};
        case BPF_MEM: return cell(machine, instruction.k);
        case BPF_ABS:
            if (instruction.k % 4 != 0 || instruction.k / 4 >= data.size() || BPF_CLASS(instruction.code) != BPF_LD)
                refuse(machine.pc, "load outside of the data");
            return data[instruction.k / 4];
        default: refuse(machine.pc, "unknown addressing mode");
    }
}

// Runs all ways through a filter from `start`, and calls `result` with every value returned.
class Explorer {
public:
    Explorer(std::span<const sock_filter> filter, const Words& data) : filter_(filter), data_(data) {}

    std::set<std::uint32_t> run() {
        pending_.insert(Machine{});
        // Jumps lead forward only, so the state that is furthest back can be reached from no other again: every
        // state is looked at once.
        while (!pending_.empty()) step(pending_.extract(pending_.begin()).value());
        return std::move(results_);
    }

private:
    void step(Machine machine) {
        if (machine.pc >= filter_.size()) refuse(machine.pc, "runs past the end");
        const auto& instruction = filter_[machine.pc];
        const Value operand = BPF_SRC(instruction.code) == BPF_X ? machine.x : Value(instruction.k);
        switch (BPF_CLASS(instruction.code)) {
            case BPF_LD: machine.a = loaded(machine, instruction, data_); break;
            case BPF_LDX: machine.x = loaded(machine, instruction, data_); break;
            case BPF_ST: cell(machine, instruction.k) = machine.a; break;
            case BPF_STX: cell(machine, instruction.k) = machine.x; break;
            case BPF_ALU: machine.a = calculate(machine.pc, BPF_OP(instruction.code), machine.a, operand); break;
            case BPF_JMP: return jump(machine, instruction, operand);
            case BPF_RET: return finish(machine, instruction);
            default:
                if (BPF_MISCOP(instruction.code) == BPF_TXA)
                    machine.a = machine.x;
                else
                    machine.x = machine.a;
        }
        go(machine, machine.pc + 1);
    }

    void jump(const Machine& machine, const sock_filter& instruction, Value operand) {
        if (BPF_OP(instruction.code) == BPF_JA) return go(machine, machine.pc + 1 + instruction.k);
        const auto taken = compare(machine.pc, BPF_OP(instruction.code), machine.a, operand);
        if (taken != false) go(machine, machine.pc + 1 + instruction.jt);
        if (taken != true) go(machine, machine.pc + 1 + instruction.jf);
    }

    void finish(const Machine& machine, const sock_filter& instruction) {
        const Value value = BPF_RVAL(instruction.code) == BPF_A ? machine.a : Value(instruction.k);
        if (!value) refuse(machine.pc, "returns an argument");
        results_.insert(*value);
    }

    void go(Machine machine, std::size_t pc) {
        machine.pc = pc;
        pending_.insert(machine);
    }

    std::span<const sock_filter> filter_;
    const Words& data_;
    std::set<Machine> pending_;
    std::set<std::uint32_t> results_;
};

enum class Outcome { allowed, conditional, denied };

bool lets_through(std::uint32_t result) {
    const auto action = result & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

std::vector<std::string> names_with(std::span<const sock_filter> filter, Outcome wanted) {
    std::vector<std::string> names;
    for (const auto& [number, name] : known_syscalls()) {
        const auto results = possible_results(filter, number);
        const bool some = std::any_of(results.begin(), results.end(), lets_through);
        const bool all = std::all_of(results.begin(), results.end(), lets_through);
        if ((all ? Outcome::allowed : some ? Outcome::conditional : Outcome::denied) == wanted) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

std::uint32_t evaluate(std::span<const sock_filter> filter, const seccomp_data& data) {
    std::array<std::uint32_t, sizeof(seccomp_data) / 4> raw;
    std::memcpy(raw.data(), &data, sizeof data);
    Words words;
    std::copy(raw.begin(), raw.end(), words.begin());
    return *Explorer(filter, words).run().begin();
}

std::vector<std::uint32_t> possible_results(std::span<const sock_filter> filter, int syscall_number) {
    Words words;
    words[offsetof(seccomp_data, nr) / 4] = static_cast<std::uint32_t>(syscall_number);
    words[offsetof(seccomp_data, arch) / 4] = native_audit_arch;
    const auto results = Explorer(filter, words).run();
    return {results.begin(), results.end()};
}

std::vector<std::string> denied_syscalls(std::span<const sock_filter> filter) {
    return names_with(filter, Outcome::denied);
}

std::vector<std::string> conditional_syscalls(std::span<const sock_filter> filter) {
    return names_with(filter, Outcome::conditional);
}

}  // namespace minirun
