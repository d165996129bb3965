#include "security/seccomp_profile.hpp"

#include <linux/seccomp.h>
#include <sys/un.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

template <class Value>
struct Word {
    std::string_view name;
    Value value;
};

constexpr std::array actions = {
    Word<std::uint32_t>{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    Word<std::uint32_t>{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    Word<std::uint32_t>{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    Word<std::uint32_t>{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    Word<std::uint32_t>{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
    Word<std::uint32_t>{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
    Word<std::uint32_t>{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    Word<std::uint32_t>{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
    Word<std::uint32_t>{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
};

constexpr std::array operators = {
    Word<ArgumentOp>{"SCMP_CMP_NE", ArgumentOp::not_equal},
    Word<ArgumentOp>{"SCMP_CMP_LT", ArgumentOp::less},
    Word<ArgumentOp>{"SCMP_CMP_LE", ArgumentOp::less_or_equal},
    Word<ArgumentOp>{"SCMP_CMP_EQ", ArgumentOp::equal},
    Word<ArgumentOp>{"SCMP_CMP_GE", ArgumentOp::greater_or_equal},
    Word<ArgumentOp>{"SCMP_CMP_GT", ArgumentOp::greater},
    Word<ArgumentOp>{"SCMP_CMP_MASKED_EQ", ArgumentOp::masked_equal},
};

// TSYNC is for a loader with threads, and the process that loads a container's filter has one only.
constexpr std::uint32_t wait_killable = 1 << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, since Linux 5.19
constexpr std::array filter_flags = {
    Word<std::uint32_t>{"SECCOMP_FILTER_FLAG_TSYNC", 0},
    Word<std::uint32_t>{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", wait_killable},
    Word<std::uint32_t>{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    Word<std::uint32_t>{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
};

constexpr std::array<std::string_view, 23> architectures = {
    "SCMP_ARCH_NATIVE",    "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",   "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",     "SCMP_ARCH_MIPS",        "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",      "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",  "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",     "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",      "SCMP_ARCH_S390X",       "SCMP_ARCH_SHEB",
};

// The words that engines' profiles use in includes and excludes: GOARCH's, and two of libseccomp's.
constexpr std::array<std::string_view, 20> goarches = {
    "386",    "amd64", "arm",   "arm64",   "loong64", "mips", "mips64", "mips64le", "mips64n32", "mipsel64n32",
    "mipsle", "ppc",   "ppc64", "ppc64le", "riscv64", "s390", "s390x",  "x32",      "x86",       "parisc",
};

#if defined(__x86_64__)
constexpr std::string_view native_goarch = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view native_goarch = "arm64";
#else
#error "seccomp profiles: the name of this architecture is missing here"
#endif

template <class Words>
std::string list_of(const Words& words) {
    std::vector<std::string> names;
    for (const auto& word : words) names.emplace_back(word.name);
    return join(names, ", ");
}

template <class Value, std::size_t size>
std::optional<Value> look_up(const JsonView& view, const std::array<Word<Value>, size>& words, std::string_view what) {
    const auto name = view.string();
    if (!name) return std::nullopt;
    const auto* found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.name == *name; });
    if (found != words.end()) return found->value;
    view.complain(cat("unknown ", what, ' ', quote(*name), " (known: ", list_of(words), ')'));
    return std::nullopt;
}

template <class Names>
bool is_one_of(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

void check_keys(const JsonView& object, const std::vector<std::string_view>& known) {
    for (const auto& [key, value] : object.members())
        if (!is_one_of(known, key)) value.complain("unknown key");
}

std::optional<int> errno_number(std::string_view name) {
    constexpr int end = 256;
    for (int number = 1; number < end; number++)
        if (errno_name(number) == name) return number;
    return std::nullopt;
}

// Reads a document for one machine and one container.
class Reader {
public:
    Reader(Problems& problems, std::uint64_t capabilities, KernelVersion kernel)
        : problems_(problems), capabilities_(capabilities), kernel_(kernel) {}

    SeccompProfile read(const Json& document) {
        const JsonView top(document, problems_);
        check_keys(top, {"comment", "$schema", "defaultAction", "defaultErrnoRet", "defaultErrno", "archMap",
                         "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls"});
        if (top.is_object() && !top["defaultAction"]) top["defaultAction"].complain("missing");
        profile_.default_action = action(top["defaultAction"], top["defaultErrnoRet"], top["defaultErrno"])
                                      .value_or(SECCOMP_RET_KILL_PROCESS);
        read_architectures(top);
        for (const auto& flag : top["flags"].elements())
            profile_.flags |= look_up(flag, filter_flags, "flag").value_or(0);
        for (const auto& rule : top["syscalls"].elements()) read_rule(rule);
        check_listener(top);
        return std::move(profile_);
    }

private:
    // Checked, and nothing more: the filter is always for the native architecture only.
    void read_architectures(const JsonView& top) {
        if (top["architectures"] && top["archMap"])
            top["architectures"].complain("cannot stand beside archMap: they are two forms of the same thing");
        for (const auto& name : top["architectures"].elements()) check_architecture(name);
        for (const auto& entry : top["archMap"].elements()) {
            if (!entry.is_object()) {
                entry.complain("expected an object: an architecture");
                continue;
            }
            check_keys(entry, {"comment", "architecture", "subArchitectures"});
            check_architecture(entry["architecture"]);
            for (const auto& name : entry["subArchitectures"].elements()) check_architecture(name);
        }
    }

    static void check_architecture(const JsonView& view) {
        const auto name = view.string();
        if (name && !is_one_of(architectures, *name)) view.complain(cat("unknown architecture ", quote(*name)));
    }

    // config-linux.md "Seccomp", listenerPath and listenerMetadata.
    void check_listener(const JsonView& top) {
        const auto path = top["listenerPath"].string_or(""), metadata = top["listenerMetadata"].string_or("");
        if (profile_.default_action == SECCOMP_RET_USER_NOTIF)
            top["defaultAction"].complain(
                "cannot be SCMP_ACT_NOTIFY: minirun itself could not tell the listener any more");
        if (path.empty() && !metadata.empty()) top["listenerMetadata"].complain("is of no use without listenerPath");
        if (!path.empty() && path.front() != '/') top["listenerPath"].complain("expected an absolute path");
        if (path.size() >= sizeof sockaddr_un::sun_path)
            top["listenerPath"].complain("is longer than the path of a Unix socket can be, 107 bytes");
        if (!profile_.notifies) profile_.flags &= ~wait_killable;  // the kernel refuses it without
        if (profile_.notifies && path.empty())
            top["listenerPath"].complain("missing: SCMP_ACT_NOTIFY needs the socket of who is to be asked");
    }

    // An action with its data. `number` (errnoRet) is the specification's, `name` (errno) Podman's.
    std::optional<std::uint32_t> action(const JsonView& view, const JsonView& number, const JsonView& name) {
        const auto word = look_up(view, actions, "action");
        if (!word) return std::nullopt;
        if (*word != SECCOMP_RET_ERRNO && *word != SECCOMP_RET_TRACE) {
            // The specification gives it a meaning for these two only; with another one something else was meant.
            for (const auto& extra : {number, name})
                if (extra && !(extra.is_string() && extra.string() == ""))
                    extra.complain("only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one");
            return word;
        }
        // The kernel cuts what is above its MAX_ERRNO.
        constexpr std::uint64_t max_errno = 4095;
        auto data = number.unsigned_integer(*word == SECCOMP_RET_ERRNO ? max_errno : SECCOMP_RET_DATA);
        if (const auto text = name.string(); text && !text->empty()) {
            const auto named = errno_number(*text);
            if (!named) name.complain(cat("unknown error ", quote(*text)));
            if (named && data && *data != static_cast<std::uint64_t>(*named))
                name.complain(cat(*text, " is ", *named, ", and ", number.path(), " is ", *data));
            if (named) data = static_cast<std::uint64_t>(*named);
        }
        constexpr std::uint32_t eperm = 1;
        return *word | static_cast<std::uint32_t>(data.value_or(eperm));
    }

    void read_rule(const JsonView& view) {
        if (!view.is_object()) return view.complain("expected an object: a rule");
        check_keys(view, {"comment", "name", "names", "action", "errnoRet", "errno", "args", "includes", "excludes"});
        SeccompRule rule;
        rule.names = read_names(view);
        if (!view["action"]) view["action"].complain("missing");
        rule.action = action(view["action"], view["errnoRet"], view["errno"]).value_or(SECCOMP_RET_KILL_PROCESS);
        rule.any_of = read_conditions(view["args"]);
        const auto included = read_filter(view["includes"]), excluded = read_filter(view["excludes"]);
        profile_.all_names.insert(profile_.all_names.end(), rule.names.begin(), rule.names.end());
        if (fits_all(included) && !fits_any(excluded)) {
            for (const auto* name : {"write", "recvmsg"})
                if (rule.action == SECCOMP_RET_USER_NOTIF && is_one_of(rule.names, name))
                    view["action"].complain(
                        cat("cannot be SCMP_ACT_NOTIFY for ", name, ": minirun needs it to pass on the listener"));
            profile_.notifies |= rule.action == SECCOMP_RET_USER_NOTIF;
            profile_.rules.push_back(std::move(rule));
        }
    }

    static std::vector<std::string> read_names(const JsonView& view) {
        auto names = view["names"].strings().value_or(std::vector<std::string>{});
        if (view["name"] && view["names"]) view["name"].complain("cannot stand beside names");
        if (const auto name = view["name"].string()) names.push_back(*name);
        if (!view["name"] && (!view["names"] || (view["names"].is_array() && names.empty())))
            view["names"].complain("missing or empty: a rule without system calls says nothing");
        if (is_one_of(names, "")) view["names"].complain("holds an empty name");
        return names;
    }

    static std::vector<std::vector<ArgumentTest>> read_conditions(const JsonView& view) {
        std::vector<ArgumentTest> tests;
        for (const auto& element : view.elements()) tests.push_back(read_test(element));
        // Engines take tests of different arguments as "all of them", but where an argument is tested twice, every
        // test of the rule as a rule of its own. Profiles rely on it.
        std::array<unsigned, 6> count{};
        for (const auto& test : tests) count[test.index]++;
        if (std::all_of(count.begin(), count.end(), [](unsigned n) { return n <= 1; })) return {tests};
        std::vector<std::vector<ArgumentTest>> any_of;
        for (const auto& test : tests) any_of.push_back({test});
        return any_of;
    }

    static ArgumentTest read_test(const JsonView& view) {
        ArgumentTest test;
        if (!view.is_object()) {
            view.complain("expected an object: a test of an argument");
            return test;
        }
        check_keys(view, {"comment", "index", "value", "valueTwo", "op"});
        for (const auto& key : {"index", "value", "op"})
            if (!view[key]) view[key].complain("missing");
        test.index = static_cast<unsigned>(view["index"].unsigned_integer(5).value_or(0));
        test.op = look_up(view["op"], operators, "operator").value_or(ArgumentOp::equal);
        test.value = view["value"].unsigned_integer().value_or(0);
        const auto value_two = view["valueTwo"].unsigned_integer().value_or(0);
        if (test.op != ArgumentOp::masked_equal) return test;
        test.value_two = value_two;
        if ((test.value_two & ~test.value) != 0)
            view["valueTwo"].complain("has bits outside of value, the mask: the two are probably swapped");
        return test;
    }

    // includes or excludes: which of its conditions hold here.
    struct Filter {
        bool has_arches = false, arch = false;
        bool has_kernel = false, kernel = false;
        std::uint64_t wanted = 0;  ///< capabilities
        std::uint64_t held = 0;    ///< those of them that the container has
    };
    static bool fits_all(const Filter& filter) {
        return (!filter.has_arches || filter.arch) && (!filter.has_kernel || filter.kernel) &&
               filter.held == filter.wanted;
    }
    static bool fits_any(const Filter& filter) {
        return (filter.has_arches && filter.arch) || (filter.has_kernel && filter.kernel) || filter.held != 0;
    }

    Filter read_filter(const JsonView& view) {
        Filter filter;
        if (view.exists() && !view.is_object()) view.complain("expected an object: conditions");
        if (!view.is_object()) return filter;
        check_keys(view, {"comment", "caps", "arches", "minKernel"});
        for (const auto& element : view["caps"].elements()) {
            const auto name = element.string();
            const auto number = name ? capability_number(*name) : std::nullopt;
            if (name && !number) element.complain(cat("unknown capability ", quote(*name)));
            if (number) filter.wanted |= std::uint64_t{1} << *number;
        }
        filter.held = filter.wanted & capabilities_;
        profile_.relevant_capabilities |= filter.wanted;
        for (const auto& element : view["arches"].elements()) {
            const auto name = element.string();
            if (name && !is_one_of(goarches, *name)) element.complain(cat("unknown architecture ", quote(*name)));
            filter.has_arches = true;
            filter.arch |= name == native_goarch;
        }
        if (const auto text = view["minKernel"].string(); text && !text->empty()) {
            const auto parts = split(*text, '.');
            const auto major = parse_number<unsigned>(parts[0]);
            const auto minor = parts.size() == 2 ? parse_number<unsigned>(parts[1]) : std::nullopt;
            if (!major || !minor) view["minKernel"].complain(cat("expected MAJOR.MINOR, found ", quote(*text)));
            filter.has_kernel = true;
            filter.kernel = kernel_ >= KernelVersion{major.value_or(0), minor.value_or(0)};
        }
        return filter;
    }

    Problems& problems_;
    std::uint64_t capabilities_;
    KernelVersion kernel_;
    SeccompProfile profile_;
};

}  // namespace

KernelVersion running_kernel_version() {
    struct utsname name {};
    if (::uname(&name) < 0) return oldest_kernel;
    // "6.1.0-13-amd64", "6.8-rc1"
    const std::string_view release(name.release);
    const auto dot = release.find('.');
    const auto rest = dot == std::string_view::npos ? std::string_view{} : release.substr(dot + 1);
    const auto major = parse_number<unsigned>(release.substr(0, dot));
    const auto minor = parse_number<unsigned>(rest.substr(0, rest.find_first_not_of("0123456789")));
    return major && minor ? KernelVersion{*major, *minor} : oldest_kernel;
}

std::uint64_t seccomp_capability_mask(const std::vector<std::string>& names) {
    std::uint64_t mask = 0;
    for (const auto& name : names) {
        const auto number = capability_number(name);
        if (!number) throw Error(ErrorKind::bad_input, cat("unknown capability ", quote(name)));
        mask |= std::uint64_t{1} << *number;
    }
    return mask;
}

SeccompListener read_seccomp_listener(std::string_view text) {
    const auto document = parse_json(text, "the seccomp profile");
    Problems problems("the seccomp profile");
    const JsonView top(document, problems);
    return {top["listenerPath"].string_or(""), top["listenerMetadata"].string_or("")};
}

SeccompProfile read_seccomp_profile(std::string_view text, const std::string& file_name,
                                    const std::vector<std::string>& capabilities, KernelVersion kernel) {
    const auto mask = seccomp_capability_mask(capabilities);
    const auto document = parse_json(text, file_name);
    Problems problems(file_name);
    if (!document.is_object()) {
        problems.add(".", "expected an object: a seccomp profile");
        problems.throw_if_any();
    }
    auto profile = Reader(problems, mask, kernel).read(document);
    problems.throw_if_any();
    return profile;
}

bool lists_compat_architecture(std::string_view text) noexcept {
    return has_compat && text.find("\"SCMP_ARCH_X86\"") != std::string_view::npos;
}

}  // namespace minirun
