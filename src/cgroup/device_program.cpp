#include "cgroup/device_program.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace minirun {
namespace {

// The registers, each with one thing in it.
enum Register : std::uint8_t { result, context, type, access, major, minor };

bpf_insn instruction(unsigned code, Register to, Register from, std::int16_t offset, std::int32_t constant) {
    bpf_insn one{};
    one.code = static_cast<std::uint8_t>(code);
    one.dst_reg = to & 0xf;
    one.src_reg = from & 0xf;
    one.off = offset;
    one.imm = constant;
    return one;
}

class Assembler {
public:
    std::vector<bpf_insn> code;

    void load(Register to, std::size_t offset) {
        code.push_back(instruction(BPF_LDX | BPF_W | BPF_MEM, to, context, static_cast<std::int16_t>(offset), 0));
    }
    void copy(Register to, Register from) { code.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, to, from, 0, 0)); }
    void calculate(unsigned operation, Register to, std::uint32_t constant) {
        code.push_back(instruction(BPF_ALU | operation | BPF_K, to, result, 0, static_cast<std::int32_t>(constant)));
    }
    void end(int value) {
        code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, result, result, 0, value));
        code.push_back(instruction(BPF_JMP | BPF_EXIT, result, result, 0, 0));
    }
    // A jump over what follows, up to land().
    [[nodiscard]] std::size_t jump(unsigned condition, Register of, std::uint32_t constant) {
        code.push_back(instruction(BPF_JMP32 | condition | BPF_K, of, result, 0, static_cast<std::int32_t>(constant)));
        return code.size() - 1;
    }
    void land(std::size_t jump) { code[jump].off = static_cast<std::int16_t>(code.size() - jump - 1); }
};

std::uint32_t access_bits(const std::string& letters) {
    std::uint32_t bits = 0;
    for (const char letter : letters)
        bits |= letter == 'r' ? BPF_DEVCG_ACC_READ : letter == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
    return bits;
}

std::uint32_t device_type(char letter) {
    return letter == 'c' ? std::uint32_t{BPF_DEVCG_DEV_CHAR} : std::uint32_t{BPF_DEVCG_DEV_BLOCK};
}

// `access` holds what is still to be allowed. A rule that allows takes its part away; one that denies ends the matter
// if it speaks of any of the rest. So a rule that denies writing alone is not overruled by an older one that allows to
// read and write, which a comparison of whole rules would do.
void add_rule(Assembler& to, const DeviceRule& rule) {
    std::vector<std::size_t> mismatches;
    if (rule.type != 'a') mismatches.push_back(to.jump(BPF_JNE, type, device_type(rule.type)));
    if (rule.major) mismatches.push_back(to.jump(BPF_JNE, major, *rule.major));
    if (rule.minor) mismatches.push_back(to.jump(BPF_JNE, minor, *rule.minor));
    const auto bits = access_bits(rule.access);
    if (rule.allow) {
        to.calculate(BPF_AND, access, ~bits);
        mismatches.push_back(to.jump(BPF_JNE, access, 0));
        to.end(1);
    } else {
        const auto denied = to.jump(BPF_JSET, access, bits);
        const auto passed = to.jump(BPF_JA, result, 0);
        // Unconditional jumps have no 32-bit form.
        to.code.back().code = BPF_JMP | BPF_JA;
        to.land(denied);
        to.end(0);
        to.land(passed);
    }
    for (const auto one : mismatches) to.land(one);
}

bool ends_all(const DeviceRule& rule) {
    return rule.type == 'a' && !rule.major && !rule.minor && access_bits(rule.access) == access_bits("rwm");
}

// Larger than any kernel's: BPF_PROG_QUERY writes beyond the size that it is told on Linux 6.17 to 7.1.
union Attributes {
    bpf_attr bpf;
    std::array<std::byte, 512> room;
};

SysResult<int> bpf(bpf_cmd command, Attributes& attributes) {
    const long fd = ::syscall(SYS_bpf, command, &attributes, sizeof attributes.bpf);
    return fd < 0 ? SysResult<int>::failure(errno) : SysResult<int>::success(static_cast<int>(fd));
}

Attributes no_attributes() {
    Attributes attributes;
    std::memset(&attributes, 0, sizeof attributes);
    return attributes;
}

SysResult<int> load(std::span<const bpf_insn> program) {
    auto attributes = no_attributes();
    attributes.bpf.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.bpf.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.bpf.insns = reinterpret_cast<std::uintptr_t>(program.data());
    // No helper that wants it is called; the field must not be null.
    attributes.bpf.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    return bpf(BPF_PROG_LOAD, attributes);
}

constexpr std::size_t most_programs = 64;  // BPF_CGROUP_MAX_PROGS

struct AttachedPrograms {
    std::array<std::uint32_t, most_programs> ids{};
    std::uint32_t count = 0;
};

SysResult<AttachedPrograms> attached(int cgroup) {
    AttachedPrograms programs;
    auto attributes = no_attributes();
    attributes.bpf.query.target_fd = static_cast<std::uint32_t>(cgroup);
    attributes.bpf.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.bpf.query.prog_ids = reinterpret_cast<std::uintptr_t>(programs.ids.data());
    attributes.bpf.query.prog_cnt = most_programs;
    const auto done = bpf(BPF_PROG_QUERY, attributes);
    if (!done) return SysResult<AttachedPrograms>::failure(done.error());
    programs.count = attributes.bpf.query.prog_cnt;
    return SysResult<AttachedPrograms>::success(programs);
}

SysStatus detach(int cgroup, std::uint32_t id) {
    auto by_id = no_attributes();
    by_id.bpf.prog_id = id;
    const auto opened = bpf(BPF_PROG_GET_FD_BY_ID, by_id);
    if (!opened) return SysStatus::failure(opened.error());
    const Fd program(opened.value());
    auto attributes = no_attributes();
    attributes.bpf.target_fd = static_cast<std::uint32_t>(cgroup);
    attributes.bpf.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
    attributes.bpf.attach_type = BPF_CGROUP_DEVICE;
    const auto done = bpf(BPF_PROG_DETACH, attributes);
    return done ? SysStatus::success() : SysStatus::failure(done.error());
}

}  // namespace

std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules) {
    Assembler to;
    // access_type holds the type in its lower half and the access in its upper one.
    to.load(type, offsetof(bpf_cgroup_dev_ctx, access_type));
    to.load(major, offsetof(bpf_cgroup_dev_ctx, major));
    to.load(minor, offsetof(bpf_cgroup_dev_ctx, minor));
    to.copy(access, type);
    to.calculate(BPF_RSH, access, 16);
    to.calculate(BPF_AND, type, 0xffff);
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        if (ends_all(*rule)) {
            to.end(rule->allow ? 1 : 0);
            return to.code;  // nothing before it counts, and the verifier refuses what cannot be reached
        }
        add_rule(to, *rule);
    }
    to.end(0);
    return to.code;
}

SysStatus attach_device_program(int cgroup, std::span<const bpf_insn> program) {
    const auto loaded = load(program);
    if (!loaded) return SysStatus::failure(loaded.error());
    const Fd fd(loaded.value());
    const auto before = attached(cgroup);
    if (!before) return SysStatus::failure(before.error());
    auto attributes = no_attributes();
    attributes.bpf.target_fd = static_cast<std::uint32_t>(cgroup);
    attributes.bpf.attach_bpf_fd = static_cast<std::uint32_t>(fd.get());
    attributes.bpf.attach_type = BPF_CGROUP_DEVICE;
    // Beside those of others further up and further down: all have to agree.
    attributes.bpf.attach_flags = BPF_F_ALLOW_MULTI;
    if (const auto done = bpf(BPF_PROG_ATTACH, attributes); !done) return SysStatus::failure(done.error());
    const auto old = before.value();
    for (std::uint32_t i = 0; i < old.count; i++)
        if (const auto done = detach(cgroup, old.ids[i]); !done && done.error() != ENOENT)
            return SysStatus::failure(done.error());
    return SysStatus::success();
}

}  // namespace minirun
