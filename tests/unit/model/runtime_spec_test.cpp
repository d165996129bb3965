#include "model/runtime_spec.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

using namespace minirun;
using namespace std::string_literals;
using List = std::vector<std::string>;

namespace {

constexpr std::string_view whole_document = R"({
    "ociVersion": "1.2.0",
    "process": {
        "terminal": true,
        "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 1000, "gid": 1001, "umask": 18, "additionalGids": [5, 6]},
        "args": ["nginx", "-g", "daemon off;"],
        "env": ["PATH=/usr/bin:/bin", "EMPTY="],
        "cwd": "/srv",
        "capabilities": {
            "bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": [],
            "permitted": ["CAP_KILL"], "ambient": []
        },
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 1024}],
        "noNewPrivileges": true,
        "oomScoreAdj": -500
    },
    "root": {"path": "rootfs", "readonly": true},
    "hostname": "box",
    "domainname": "example.org",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "source": "/srv/data", "options": ["rbind", "ro", "nosuid"]},
        {"destination": "/mine", "type": "bind", "source": "/srv/mine", "options": ["bind"],
         "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
         "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 1}]}
    ],
    "annotations": {"org.example.key": "value"},
    "linux": {
        "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
        "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}],
        "sysctl": {"net.core.somaxconn": "256"},
        "namespaces": [
            {"type": "mount"}, {"type": "pid"}, {"type": "network", "path": "/run/netns/a"}, {"type": "uts"},
            {"type": "ipc"}, {"type": "cgroup"}, {"type": "user"}, {"type": "time"}
        ],
        "devices": [
            {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8630, "uid": 3, "gid": 4},
            {"path": "/run/pipe", "type": "p"}
        ],
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]},
        "rootfsPropagation": "rslave",
        "mountLabel": "system_u:object_r:container_file_t:s0",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "timeOffsets": {"monotonic": {"secs": -7, "nanosecs": 5}, "boottime": {"secs": 9}},
        "cgroupsPath": "/some/where",
        "netDevices": {"eth1": {"name": "lan"}, "eth2": {}},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]}
    }
})";

constexpr std::string_view small_document = R"({
    "ociVersion": "1.0.2",
    "process": {"args": ["sh"], "cwd": "/"},
    "root": {"path": "rootfs"},
    "linux": {"namespaces": [{"type": "mount"}]}
})";

// The small document with the value at a JSON pointer replaced; "null" takes it away.
std::string edited(const std::string& pointer, std::string_view value) {
    auto document = Json::parse(small_document);
    document[Json::json_pointer(pointer)] = Json::parse(value);
    return document.dump();
}

std::string refusal(std::string_view text) {
    try {
        parse_runtime_spec(text, "config.json");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::bad_input);
        return error.message();
    }
    return "no error";
}
std::string refusal_of(const std::string& pointer, std::string_view value) { return refusal(edited(pointer, value)); }

}  // namespace

TEST_CASE("a whole document") {
    const auto spec = parse_runtime_spec(whole_document, "config.json");
    CHECK(spec.oci_version == "1.2.0");
    CHECK(spec.root == RootSpec{"rootfs", true});
    CHECK(spec.hostname == "box");
    CHECK(spec.domainname == "example.org");
    CHECK(spec.annotations.at("org.example.key") == "value");

    const auto& process = spec.process;
    CHECK(process.terminal);
    CHECK(process.console_size == ConsoleSize{24, 80});
    CHECK(process.user == UserSpec{1000, 1001, 022, {5, 6}});
    CHECK(process.args == List{"nginx", "-g", "daemon off;"});
    CHECK(process.env == List{"PATH=/usr/bin:/bin", "EMPTY="});
    CHECK(process.cwd == "/srv");
    CHECK(process.capabilities == CapabilitySpec{{"CAP_CHOWN", "CAP_KILL"}, {"CAP_KILL"}, {}, {"CAP_KILL"}, {}});
    CHECK(process.rlimits == std::vector<RlimitSpec>{{"RLIMIT_NOFILE", 1024, UINT64_MAX}});
    CHECK(process.no_new_privileges);
    CHECK(process.oom_score_adj == -500);

    REQUIRE(spec.mounts.size() == 3);
    CHECK(spec.mounts[0] == MountSpec{"/proc", "proc", "proc", {}});
    CHECK(spec.mounts[1] == MountSpec{"/data", "", "/srv/data", {"rbind", "ro", "nosuid"}});
    CHECK(spec.mounts[2] == MountSpec{"/mine", "bind", "/srv/mine", {"bind"}, {{0, 1000, 1}}, {{0, 2000, 1}}});
}

TEST_CASE("a whole document: the Linux section") {
    const auto spec = parse_runtime_spec(whole_document, "config.json").linux_;
    CHECK(spec.uid_mappings == std::vector<IdMapping>{{0, 100000, 65536}});
    CHECK(spec.gid_mappings == std::vector<IdMapping>{{0, 200000, 65536}});
    CHECK(spec.sysctl.at("net.core.somaxconn") == "256");
    REQUIRE(spec.namespaces.size() == 8);
    CHECK(spec.namespaces[0] == Namespace{NamespaceType::mount, ""});
    CHECK(spec.namespaces[2] == Namespace{NamespaceType::network, "/run/netns/a"});
    CHECK(spec.namespaces[7] == Namespace{NamespaceType::time, ""});
    REQUIRE(spec.devices.size() == 2);
    // 8630 is S_IFCHR | 0666.
    CHECK(spec.devices[0] == DeviceSpec{"/dev/fuse", 'c', 10, 229, 0666, 3, 4});
    CHECK(spec.devices[1] == DeviceSpec{"/run/pipe", 'p', 0, 0, 0666, 0, 0});
    CHECK(Json::parse(std::string_view(spec.seccomp.value()))["defaultAction"] == "SCMP_ACT_ALLOW");
    CHECK(spec.rootfs_propagation == "rslave");
    CHECK(spec.mount_label == "system_u:object_r:container_file_t:s0");
    CHECK(spec.masked_paths == List{"/proc/kcore"});
    CHECK(spec.readonly_paths == List{"/proc/sys"});
    CHECK(spec.monotonic_offset == TimeOffset{-7, 5});
    CHECK(spec.boottime_offset == TimeOffset{9, 0});
    CHECK(spec.net_devices == std::map<std::string, std::string>{{"eth1", "lan"}, {"eth2", "eth2"}});
    CHECK(spec.memory_policy == MemoryPolicySpec{"MPOL_BIND", "0-1", {"MPOL_F_STATIC_NODES"}});
}

TEST_CASE("a small document has the specification's defaults") {
    const auto spec = parse_runtime_spec(small_document, "config.json");
    CHECK_FALSE(spec.process.terminal);
    CHECK_FALSE(spec.process.console_size.has_value());
    CHECK(spec.process.user == UserSpec{});
    CHECK_FALSE(spec.process.capabilities.has_value());
    CHECK_FALSE(spec.process.no_new_privileges);
    CHECK_FALSE(spec.process.oom_score_adj.has_value());
    CHECK_FALSE(spec.root.readonly);
    CHECK(spec.mounts.empty());
    CHECK_FALSE(spec.linux_.seccomp.has_value());
    CHECK_FALSE(spec.linux_.monotonic_offset.has_value());
}

TEST_CASE("written and read again it is the same") {
    for (const auto text : {whole_document, small_document}) {
        const auto spec = parse_runtime_spec(text, "config.json");
        const auto written = runtime_spec_json(spec);
        CHECK(parse_runtime_spec(written, "written") == spec);
        CHECK(runtime_spec_json(parse_runtime_spec(written, "written")) == written);
    }
    auto spec = parse_runtime_spec(small_document, "config.json");
    spec.process.capabilities = CapabilitySpec{};
    spec.process.env = {"A=ä\n\"\x01"};
    spec.linux_.monotonic_offset = TimeOffset{};
    spec.linux_.namespaces.push_back({NamespaceType::time, ""});
    CHECK(parse_runtime_spec(runtime_spec_json(spec), "written") == spec);
}

TEST_CASE("the written document: order and form") {
    CHECK(runtime_spec_json(parse_runtime_spec(small_document, "config.json")) == R"({
    "ociVersion": "1.0.2",
    "process": {
        "terminal": false,
        "user": {
            "uid": 0,
            "gid": 0
        },
        "args": [
            "sh"
        ],
        "cwd": "/",
        "noNewPrivileges": false
    },
    "root": {
        "path": "rootfs",
        "readonly": false
    },
    "linux": {
        "namespaces": [
            {
                "type": "mount"
            }
        ]
    }
}
)");
    const auto written =
        nlohmann::ordered_json::parse(runtime_spec_json(parse_runtime_spec(whole_document, "config.json")));
    List keys;
    for (const auto& [key, value] : written.items()) keys.push_back(key);
    CHECK(keys == List{"ociVersion", "process", "root", "hostname", "domainname", "mounts", "annotations", "linux"});
}

TEST_CASE("what is not UTF-8 cannot be written") {
    auto spec = parse_runtime_spec(small_document, "config.json");
    spec.process.args.push_back("\xff");
    try {
        runtime_spec_json(spec);
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.message() == "the container cannot be written as JSON: a string in it is not valid UTF-8"s);
    }
}

TEST_CASE("destinations have one spelling") {
    const auto destination = [](const char* path) {
        auto document = Json::parse(small_document);
        document["mounts"] = Json::array({Json{{"destination", path}, {"type", "tmpfs"}}});
        return parse_runtime_spec(document.dump(), "config.json").mounts.at(0).destination;
    };
    CHECK(destination("/proc") == "/proc");
    CHECK(destination("proc/") == "/proc");  // deprecated: relative to /
    CHECK(destination("//dev/./pts//") == "/dev/pts");
    CHECK(destination("/a/../b") == "/a/../b");
}

TEST_CASE("unknown keys are ignored") {
    CHECK(refusal_of("/org.example.extension", "{\"a\": 1}") == "no error");
    CHECK(refusal_of("/process/futureKey", "[1]") == "no error");
    CHECK(refusal_of("/linux/futureKey", "true") == "no error");
}

TEST_CASE("what is required") {
    CHECK(refusal("{}") ==
          "config.json: .ociVersion: is required; .root: is required; .process: is required; "
          ".linux.namespaces: a new mount namespace is required: minirun mounts nothing in an existing one");
    CHECK(refusal_of("/ociVersion", "null") == "config.json: .ociVersion: is required");
    CHECK(refusal_of("/root", "{}") == "config.json: .root.path: is required");
    CHECK(refusal_of("/root/path", "\"\"") == "config.json: .root.path: is empty");
    CHECK(refusal_of("/process/cwd", "null") == "config.json: .process.cwd: is required");
    CHECK(refusal_of("/process/args", "null") ==
          "config.json: .process.args: no command: at least one argument is required");
    CHECK(refusal_of("/mounts", R"([{"type": "tmpfs"}])") == "config.json: .mounts[0].destination: is required");
    CHECK(refusal_of("/mounts", R"([{"type": "tmpfs", "destination": ""}])") ==
          "config.json: .mounts[0].destination: is empty");
    CHECK(refusal_of("/process/rlimits", R"([{"type": "RLIMIT_CORE"}])") ==
          "config.json: .process.rlimits[0].soft: is required; .process.rlimits[0].hard: is required");
    CHECK(refusal_of("/linux/uidMappings", R"([{"size": 1}])") ==
          "config.json: .linux.uidMappings[0].containerID: is required; .linux.uidMappings[0].hostID: is required");
    CHECK(refusal_of("/linux/devices", R"([{"path": "/dev/x", "type": "c"}])") ==
          "config.json: .linux.devices[0].major: is required; .linux.devices[0].minor: is required");
    CHECK(refusal_of("/linux/namespaces", R"([{"type": "mount"}, {}])") ==
          "config.json: .linux.namespaces[1].type: is required");
    CHECK(refusal_of("/linux/namespaces", R"([{"type": "mount"}, null])") ==
          "config.json: .linux.namespaces[1]: is required");
}

TEST_CASE("wrong types: one problem each, with the path of the key") {
    CHECK(refusal("[]") == "config.json: .: expected an object, found an array");
    CHECK(refusal("null") == "config.json: .: expected an object, found null");
    CHECK(refusal("7") == "config.json: .: expected an object, found the number 7");
    const struct {
        const char* pointer;
        const char* value;
        const char* problem;
    } rows[] = {
        {"/ociVersion", "1", ".ociVersion: expected a string, found the number 1"},
        {"/process", "\"sh\"", ".process: expected an object, found a string"},
        {"/process/terminal", "\"yes\"", ".process.terminal: expected true or false, found a string"},
        {"/process/args", "\"sh\"", ".process.args: expected an array of strings, found a string"},
        {"/process/args", "[1]", ".process.args[0]: expected a string, found the number 1"},
        {"/process/args", "[\"sh\", null]", ".process.args[1]: expected a string, found null"},
        {"/process/args", "[\"sh\", \"a\\u0000b\"]", ".process.args[1]: the string holds a NUL byte"},
        {"/process/env", "{\"A\": \"b\"}", ".process.env: expected an array of strings, found an object"},
        {"/process/cwd", "[]", ".process.cwd: expected a string, found an array"},
        {"/process/user", "\"root\"", ".process.user: expected an object, found a string"},
        {"/process/user", "{\"uid\": -1}",
         ".process.user.uid: expected a whole number from 0 to 4294967295, found the number -1"},
        {"/process/user", "{\"uid\": 1.5}",
         ".process.user.uid: expected a whole number from 0 to 4294967295, found the number 1.5"},
        {"/process/user", "{\"gid\": 4294967296}",
         ".process.user.gid: expected a whole number from 0 to 4294967295, found the number 4294967296"},
        {"/process/user", "{\"additionalGids\": [\"5\"]}",
         ".process.user.additionalGids[0]: expected a whole number from 0 to 4294967295, found a string"},
        {"/process/consoleSize", "{\"height\": 24, \"width\": 70000}",
         ".process.consoleSize.width: expected a whole number from 0 to 65535, found the number 70000"},
        {"/process/capabilities", "[\"CAP_KILL\"]", ".process.capabilities: expected an object, found an array"},
        {"/process/capabilities", "{\"bounding\": \"ALL\"}",
         ".process.capabilities.bounding: expected an array of strings, found a string"},
        {"/process/rlimits", "{}", ".process.rlimits: expected an array, found an object"},
        {"/process/rlimits", "[7]", ".process.rlimits[0]: expected an object, found the number 7"},
        {"/process/rlimits", R"([{"type": "RLIMIT_CORE", "soft": -1, "hard": 1}])",
         ".process.rlimits[0].soft: expected a whole number, found the number -1"},
        {"/process/noNewPrivileges", "1", ".process.noNewPrivileges: expected true or false, found the number 1"},
        {"/process/oomScoreAdj", "\"5\"", ".process.oomScoreAdj: expected a whole number, found a string"},
        {"/process/oomScoreAdj", "99999999999", ".process.oomScoreAdj: 99999999999 is not from -1000 to 1000"},
        {"/root", "\"rootfs\"", ".root: expected an object, found a string"},
        {"/root/readonly", "0", ".root.readonly: expected true or false, found the number 0"},
        {"/hostname", "7", ".hostname: expected a string, found the number 7"},
        {"/mounts", "{}", ".mounts: expected an array, found an object"},
        {"/mounts", R"([{"destination": "/a", "type": "tmpfs", "options": "ro"}])",
         ".mounts[0].options: expected an array of strings, found a string"},
        {"/annotations", "[]", ".annotations: expected an object, found an array"},
        {"/annotations", "{\"a\": 1}", ".annotations.a: expected a string, found the number 1"},
        {"/annotations", "{\"a\": null}", ".annotations.a: expected a string, found null"},
        {"/linux", "true", ".linux: expected an object, found a boolean"},
        {"/linux/namespaces", "{\"type\": \"mount\"}", ".linux.namespaces: expected an array, found an object"},
        {"/linux/namespaces", R"([{"type": "mnt"}])", ".linux.namespaces[0].type: unknown namespace type 'mnt'"},
        {"/linux/sysctl", "{\"net.a\": 1}", ".linux.sysctl.net.a: expected a string, found the number 1"},
        {"/linux/seccomp", "\"unconfined\"", ".linux.seccomp: expected an object, found a string"},
        {"/linux/maskedPaths", "\"/proc/kcore\"", ".linux.maskedPaths: expected an array of strings, found a string"},
        {"/linux/readonlyPaths", "[{}]", ".linux.readonlyPaths[0]: expected a string, found an object"},
        {"/linux/rootfsPropagation", "[]", ".linux.rootfsPropagation: expected a string, found an array"},
        {"/linux/cgroupsPath", "5", ".linux.cgroupsPath: expected a string, found the number 5"},
        {"/linux/timeOffsets", "{\"realtime\": {}}",
         ".linux.timeOffsets.realtime: unknown clock: a time namespace has offsets for monotonic and boottime"},
        {"/linux/timeOffsets", "{\"boottime\": 5}",
         ".linux.timeOffsets.boottime: expected an object, found the number 5"},
        {"/linux/devices", R"([{"path": "/dev/x", "type": "char", "major": 1, "minor": 2}])",
         ".linux.devices[0].type: unknown device type 'char': c, b, u and p are known"},
        {"/linux/devices", R"([{"path": "/dev/x", "type": "c", "major": -1, "minor": 2}])",
         ".linux.devices[0].major: expected a whole number from 0 to 4294967295, found the number -1"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pointer);
        CAPTURE(row.value);
        CHECK(refusal_of(row.pointer, row.value) == "config.json: "s + row.problem);
    }
}

TEST_CASE("all problems are told at once, of reading and of checking") {
    auto document = Json::parse(small_document);
    document["process"]["cwd"] = "relative";
    document["process"]["terminal"] = 1;
    document["process"]["env"] = Json::array({"NAME"});
    document["hostname"] = "h";
    document["hooks"]["prestart"] = Json::array({Json{{"path", "true"}}});
    CHECK(refusal(document.dump()) ==
          "config.json: .process.terminal: expected true or false, found the number 1; "
          ".process.env[0]: expected NAME=value, found 'NAME'; "
          ".process.cwd: expected an absolute path, found 'relative'; "
          ".hostname: needs a uts namespace: without one it would change the host's name; "
          ".hooks.prestart[0].path: expected an absolute path, found 'true'");
}

TEST_CASE("hooks: all six kinds, in their order") {
    auto document = Json::parse(small_document);
    for (const char* kind : {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})
        document["hooks"][kind] = {
            {{"path", std::string("/") + kind}, {"args", {"a", "b"}}, {"env", {"A=1"}}, {"timeout", 3}},
            {{"path", "/second"}}};
    const auto hooks = parse_runtime_spec(document.dump(), "config.json").hooks;
    CHECK(hooks.prestart == std::vector<Hook>{{"/prestart", {"a", "b"}, {"A=1"}, 3}, {"/second", {}, {}, {}}});
    CHECK(hooks.create_runtime[0].path == "/createRuntime");
    CHECK(hooks.create_container[0].path == "/createContainer");
    CHECK(hooks.start_container[0].path == "/startContainer");
    CHECK(hooks.poststart[0].path == "/poststart");
    CHECK(hooks.poststop[1].path == "/second");
    document["hooks"] = {{"poststop", {{{"path", "/x"}, {"timeout", 0}}}}};
    CHECK(refusal(document.dump()) == "config.json: .hooks.poststop[0].timeout: expected more than 0 seconds");
}

TEST_CASE("a consequence of what could not be read is not told again") {
    // env[1] is env[2] of the document: its number would be wrong.
    CHECK(refusal_of("/process/env", "[\"A=1\", 5, \"B\"]") ==
          "config.json: .process.env[1]: expected a string, found the number 5");
}

TEST_CASE("syntax errors name the file and the place") {
    CHECK(refusal("{\n  \"ociVersion\": ,\n}").starts_with("config.json is not valid JSON: line 2, column 17: "));
    CHECK(refusal("") == "config.json is empty: expected a JSON document");
    CHECK(refusal(R"({"a": 1, "a": 2})") == "config.json: the key 'a' is there twice in one object");
}

TEST_CASE("hostile keys cannot forge output") {
    CHECK(refusal_of("/annotations", R"({"a\n\u001b[31m": 1})") ==
          "config.json: .annotations.a\\n\\x1b[31m: expected a string, found the number 1");
}

TEST_CASE("namespace words") {
    CHECK(namespace_word(NamespaceType::mount) == "mount");
    CHECK(namespace_word(NamespaceType::network) == "network");
    CHECK(namespace_word(NamespaceType::time) == "time");
}
