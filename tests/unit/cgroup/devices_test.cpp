// Device rules: the program of cgroup v2, run by a small interpreter, and the lines of v1, held against the meaning of
// the rules.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "base/text.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/device_rules.hpp"
#include "minirun/error.hpp"

using namespace minirun;
using List = std::vector<std::string>;
using Rules = std::vector<DeviceRule>;

namespace {

struct Access {
    char type;
    std::uint32_t major, minor;
    std::string how;
};

std::uint32_t bits(const std::string& letters) {
    std::uint32_t all = 0;
    for (const char letter : letters) all |= letter == 'm' ? 1u : letter == 'r' ? 2u : 4u;
    return all;
}

// The few instructions that the program is made of; anything else fails the test.
bool runs_to_allow(const std::vector<bpf_insn>& program, const Access& access) {
    const std::uint32_t words[] = {(access.type == 'b' ? 1u : 2u) | bits(access.how) << 16, access.major, access.minor};
    std::uint64_t r[11] = {};
    for (std::size_t pc = 0, steps = 0; pc < program.size() && steps < 10000; pc++, steps++) {
        const auto& one = program[pc];
        const auto k = static_cast<std::uint32_t>(one.imm);
        const auto low = static_cast<std::uint32_t>(r[one.dst_reg]);
        const auto jump = [&](bool taken) { pc += taken ? static_cast<std::size_t>(one.off) : 0; };
        switch (one.code) {
            case BPF_LDX | BPF_W | BPF_MEM:
                REQUIRE(one.src_reg == 1);
                r[one.dst_reg] = words[one.off / 4];
                break;
            case BPF_ALU | BPF_MOV | BPF_X: r[one.dst_reg] = static_cast<std::uint32_t>(r[one.src_reg]); break;
            case BPF_ALU | BPF_RSH | BPF_K: r[one.dst_reg] = low >> k; break;
            case BPF_ALU | BPF_AND | BPF_K: r[one.dst_reg] = low & k; break;
            case BPF_ALU64 | BPF_MOV | BPF_K: r[one.dst_reg] = k; break;
            case BPF_JMP32 | BPF_JNE | BPF_K: jump(low != k); break;
            case BPF_JMP32 | BPF_JSET | BPF_K: jump((low & k) != 0); break;
            case BPF_JMP | BPF_JA: jump(true); break;
            case BPF_JMP | BPF_EXIT: return r[0] != 0;
            default: FAIL("unknown instruction " << static_cast<int>(one.code));
        }
    }
    FAIL("the program does not end");
    return false;
}

// What the rules mean: for each letter the last rule that speaks of it.
bool meant(const Rules& rules, const Access& access) {
    for (const char letter : access.how) {
        bool allowed = false;
        for (const auto& rule : rules)
            if ((rule.type == 'a' || rule.type == access.type) && (!rule.major || *rule.major == access.major) &&
                (!rule.minor || *rule.minor == access.minor) && rule.access.find(letter) != std::string::npos)
                allowed = rule.allow;
        if (!allowed) return false;
    }
    return true;
}

// cgroup v1 as the kernel has it: a default, and exceptions.
bool v1_allows(const std::vector<DeviceLine>& lines, const Access& access) {
    bool default_allow = true;
    std::vector<std::string> exceptions;
    for (const auto& line : lines) {
        if (line.text == "a")
            default_allow = line.allow, exceptions.clear();
        else
            exceptions.push_back(line.text);
    }
    std::uint32_t left = bits(access.how);
    bool touched = false;
    for (const auto& text : exceptions) {
        const auto parts = split(text, ' ');
        const auto numbers = split(parts[1], ':');
        const auto fits = [](const std::string& part, std::uint32_t number) {
            return part == "*" || part == cat(number);
        };
        if (parts[0][0] != access.type || !fits(numbers[0], access.major) || !fits(numbers[1], access.minor)) continue;
        touched = touched || (left & bits(parts[2])) != 0;
        // The kernel wants one exception that has all of it.
        if (!default_allow && (bits(access.how) & ~bits(parts[2])) == 0) left = 0;
    }
    return default_allow ? !touched : left == 0;
}

const Access null{'c', 1, 3, "rw"}, memory{'c', 1, 1, "r"}, disk{'b', 8, 0, "rw"}, fuse{'c', 10, 229, "rw"};

DeviceRule rule(bool allow, char type, std::optional<std::uint32_t> major, std::optional<std::uint32_t> minor,
                std::string how = "rwm") {
    return {allow, type, major, minor, std::move(how)};
}

Rules random_rules(std::mt19937& random) {
    const auto number = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
    const auto part = [&] { return number(3) == 0 ? std::optional<std::uint32_t>() : number(2); };
    Rules rules;
    for (unsigned i = number(6) + 1; i > 0; i--) {
        const char* hows[] = {"r", "w", "m", "rw", "rwm", "wm"};
        rules.push_back(rule(number(2) == 0, "abc"[number(3)], part(), part(), hows[number(6)]));
    }
    return rules;
}

}  // namespace

TEST_CASE("device program: rules and the usual devices") {
    const auto program = device_program(with_default_devices({DeviceRule{}, rule(true, 'c', 10, 229, "rw")}));
    CHECK(runs_to_allow(program, null));
    CHECK(runs_to_allow(program, fuse));
    CHECK(runs_to_allow(program, {'c', 136, 77, "rw"}));
    CHECK(runs_to_allow(program, {'b', 8, 0, "m"}));
    CHECK_FALSE(runs_to_allow(program, disk));
    CHECK_FALSE(runs_to_allow(program, memory));
    CHECK(with_default_devices({}).empty());
}

TEST_CASE("device program: denying to write is not overruled by an older rule that allows both") {
    const auto program = device_program({DeviceRule{}, rule(true, 'c', 10, {}), rule(false, 'c', 10, 229, "w")});
    CHECK(runs_to_allow(program, {'c', 10, 229, "r"}));
    CHECK_FALSE(runs_to_allow(program, fuse));
    CHECK(runs_to_allow(program, {'c', 10, 1, "rw"}));
}

TEST_CASE("device program: means what the rules mean, whatever they are") {
    std::mt19937 random(5);
    for (int i = 0; i < 3000; i++) {
        const auto rules = random_rules(random);
        const auto program = device_program(rules);
        for (const char type : {'b', 'c'})
            for (const auto* how : {"r", "w", "m", "rw", "rwm"}) {
                const Access access{type, random() % 2, random() % 2, how};
                CHECK(runs_to_allow(program, access) == meant(rules, access));
            }
    }
}

TEST_CASE("device program: the kernel's verifier takes it") {
    bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    std::mt19937 random(6);
    int loaded = 0;
    for (int i = 0; i < 50; i++) {
        const auto program = device_program(random_rules(random));
        attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attributes.insns = reinterpret_cast<std::uintptr_t>(program.data());
        attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
        attributes.license = reinterpret_cast<std::uintptr_t>("x");
        const long fd = ::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
        if (fd < 0 && (errno == EPERM || errno == ENOSYS)) return MESSAGE("SKIPPED: no right to load BPF programs");
        CAPTURE(i);
        CHECK(fd >= 0);
        if (fd >= 0) loaded += ::close(static_cast<int>(fd)) == 0;
    }
    CHECK(loaded == 50);
}

TEST_CASE("device lines of v1") {
    const auto text = [](const Rules& rules) {
        List all;
        for (const auto& line : device_lines(rules, "rules")) all.push_back(cat(line.allow ? "+" : "-", line.text));
        return all;
    };
    CHECK(text({}).empty());
    CHECK(text({DeviceRule{}, rule(true, 'c', 1, 3), rule(true, 'c', 136, {}, "rw")}) ==
          List{"-a", "+c 1:3 rwm", "+c 136:* rw"});
    CHECK(text({rule(true, 'a', {}, {}), rule(false, 'b', 8, {})}) == List{"+a", "-b 8:* rwm"});
    // A rule of two kinds is two; what is taken back is gone.
    CHECK(text({DeviceRule{}, rule(true, 'a', 5, 1, "r"), rule(false, 'c', 5, 1)}) == List{"-a", "+b 5:1 r"});
}

TEST_CASE("device lines of v1: they mean what the rules mean, or are refused") {
    std::mt19937 random(7);
    int refused = 0, kept = 0;
    for (int i = 0; i < 3000; i++) {
        auto rules = random_rules(random);
        rules.insert(rules.begin(), rule(random() % 4 == 0, 'a', {}, {}));
        try {
            const auto lines = device_lines(rules, "rules");
            kept++;
            for (const char type : {'b', 'c'})
                for (const auto* how : {"r", "w", "m"}) {
                    const Access access{type, random() % 2, random() % 2, how};
                    CHECK(v1_allows(lines, access) == meant(rules, access));
                }
        } catch (const Error& error) {
            CHECK(error.message().find("cgroup v1 cannot do") != std::string::npos);
            refused++;
        }
    }
    CHECK(refused > 100);
    CHECK(kept > 100);
}
