#include "model/image_config.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using Texts = std::vector<std::string>;

namespace {

struct Reading {
    ImageConfig config;
    Texts problems;
};

Reading read(std::string_view text) {
    const auto document = parse_json(text, "config.json");
    Problems problems("config.json");
    auto config = parse_image_config(JsonView(document, problems));
    return {std::move(config), problems.list()};
}

// The problems with one key of `config`.
Texts problems_of(std::string_view key, std::string_view value) {
    return read(cat("{\"config\": {\"", key, "\": ", value, "}}")).problems;
}
ImageConfig config_with(std::string_view key, std::string_view value) {
    auto reading = read(cat("{\"config\": {\"", key, "\": ", value, "}}"));
    CHECK(reading.problems == Texts{});
    return reading.config;
}

const std::string digest_a = cat("sha256:", std::string(64, 'a'));
const std::string digest_0 = cat("sha256:", std::string(64, '0'));

}  // namespace

TEST_CASE("image config: every key that means something") {
    const auto [config, problems] = read(cat(R"({
        "created": "2024-01-01T00:00:00Z", "author": "someone",
        "architecture": "arm", "os": "linux", "variant": "v7",
        "config": {
            "User": "web:www", "Env": ["PATH=/bin", "EMPTY=", "EQ=a=b"],
            "Entrypoint": ["/entry", "-x"], "Cmd": ["serve", ""],
            "WorkingDir": "/srv", "StopSignal": "SIGQUIT",
            "ExposedPorts": {"443": {}, "80/tcp": {}, "8000-8005/udp": {}}, "Volumes": {"/var/lib/b": {}, "/a": {}},
            "Labels": {"b": "2", "a": "1"}, "Healthcheck": {"Test": ["NONE"]}, "OnBuild": null
        },
        "rootfs": {"type": "layers", "diff_ids": [")",
                                             digest_a, "\", \"", digest_0, R"("]},
        "history": []})"));
    CHECK(problems == Texts{});
    CHECK(config.architecture == "arm");
    CHECK(config.os == "linux");
    CHECK(config.variant == "v7");
    CHECK(config.user == "web:www");
    CHECK(config.env == Texts{"PATH=/bin", "EMPTY=", "EQ=a=b"});
    CHECK(config.entrypoint == Texts{"/entry", "-x"});
    CHECK(config.cmd == Texts{"serve", ""});
    CHECK(config.working_dir == "/srv");
    CHECK(config.stop_signal == "SIGQUIT");
    CHECK(config.exposed_ports == Texts{"443/tcp", "80/tcp", "8000-8005/udp"});
    CHECK(config.volumes == Texts{"/a", "/var/lib/b"});
    CHECK(config.labels == std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}});
    CHECK(config.diff_ids == Texts{digest_a, digest_0});
}

TEST_CASE("image config: nothing has to be there") {
    for (const auto* text : {"{}", R"({"config": null, "rootfs": null, "os": null})", R"({"config": {}})",
                             R"({"config": {"Entrypoint": null, "Cmd": null, "Env": null, "Volumes": null,
                                 "ExposedPorts": null, "Labels": null, "User": null, "StopSignal": ""}})"}) {
        const auto [config, problems] = read(text);
        CHECK(problems == Texts{});
        CHECK(config.entrypoint.empty());
        CHECK(config.cmd.empty());
        CHECK(config.diff_ids.empty());
        CHECK(config.architecture.empty());
    }
}

TEST_CASE("image config: all problems at once, each with its key") {
    const auto problems = read(R"({
        "architecture": 64, "os": ["linux"],
        "config": {"Entrypoint": "/bin/sh -c x", "Cmd": [1], "Env": {"A": "b"}, "WorkingDir": "srv", "User": 0,
                   "StopSignal": "SIGNOPE", "Labels": {"a": 1}, "Volumes": ["/a"], "ExposedPorts": {"80/tcp": 80}},
        "rootfs": {"type": "squash", "diff_ids": ["sha256:abc"]}})")
                              .problems;
    CHECK(problems == Texts{".architecture: expected a string, found the number 64",
                            ".os: expected a string, found an array",
                            ".rootfs.type: expected \"layers\", found 'squash'",
                            ".rootfs.diff_ids: expected sha256: and 64 hexadecimal digits, found 'sha256:abc'",
                            ".config.User: expected a string, found the number 0",
                            ".config.Env: expected an array, found an object",
                            ".config.Entrypoint: expected an array of strings, found a string",
                            ".config.Cmd[0]: expected a string, found the number 1",
                            ".config.WorkingDir: expected an absolute path, found 'srv'",
                            ".config.StopSignal: there is no signal 'SIGNOPE'",
                            ".config.ExposedPorts.80/tcp: expected an object, found the number 80",
                            ".config.Volumes: expected an object, found an array",
                            ".config.Labels.a: expected a string, found the number 1"});
}

TEST_CASE("image config: environment") {
    CHECK(config_with("Env", R"(["A=1", "NAME", "B=2"])").env == Texts{"A=1", "B=2"});  // a bare name sets nothing
    CHECK(problems_of("Env", R"(["=x"])") == Texts{".config.Env[0]: expected NAME=value, found '=x'"});
    CHECK(problems_of("Env", R"(["A=1", ""])") == Texts{".config.Env[1]: expected NAME=value, found ''"});
    CHECK(problems_of("Env", R"(["A=1", null])") == Texts{".config.Env[1]: expected a string, found null"});
    CHECK(problems_of("Env", R"(["A=\u0000"])") == Texts{".config.Env[0]: the string holds a NUL byte"});
}

TEST_CASE("image config: exposed ports") {
    CHECK(config_with("ExposedPorts", R"({"1": {}, "65535/sctp": {}, "10-10": null})").exposed_ports ==
          Texts{"1/tcp", "10-10/tcp", "65535/sctp"});
    CHECK(config_with("ExposedPorts", R"({"80": {}, "80/tcp": {}})").exposed_ports == Texts{"80/tcp"});
    for (const auto* port : {"", "0", "65536", "-1", "80/", "80/icmp", "80/TCP", "80-", "-80", "90-80", "80-90-100",
                             "80 ", "http", "+80", "80/tcp/udp", "99999999999999999999"})
        CHECK(problems_of("ExposedPorts", cat("{\"", port, "\": {}}")) ==
              Texts{cat(".config.ExposedPorts: expected a port as 80/tcp or 8000-8005/udp, found '", port, "'")});
}

TEST_CASE("image config: volumes") {
    CHECK(problems_of("Volumes", R"({"data": {}})") ==
          Texts{".config.Volumes: expected an absolute path, found 'data'"});
    CHECK(problems_of("Volumes", R"({"": {}})") == Texts{".config.Volumes: expected an absolute path, found ''"});
    CHECK(problems_of("Volumes", R"({"//": {}})") == Texts{".config.Volumes: the root directory cannot be a volume"});
    CHECK(problems_of("Volumes", R"({"/a\u0000b": {}})") ==
          Texts{".config.Volumes: expected an absolute path, found '/a\\x00b'"});
}

TEST_CASE("image config: stop signals by name and by number") {
    for (const auto* signal : {"SIGTERM", "INT", "15", "SIGRTMIN+3"})
        CHECK(config_with("StopSignal", cat('"', signal, '"')).stop_signal == signal);
    CHECK(problems_of("StopSignal", "\"0\"") == Texts{".config.StopSignal: there is no signal '0'"});
    CHECK(problems_of("StopSignal", "\"65\"") == Texts{".config.StopSignal: there is no signal '65'"});
}

TEST_CASE("image config: the document or a part is of another type") {
    CHECK(read("[]").problems.size() > 0);
    CHECK(read(R"({"config": "x"})").problems.front() == ".config: expected an object, found a string");
    CHECK(read(R"({"rootfs": []})").problems.front() == ".rootfs: expected an object, found an array");
}

TEST_CASE("docker image inspect: the same facts under its names") {
    const auto document = parse_json(cat(R"({
        "Id": "sha256:1", "RepoTags": ["x:1"], "Architecture": "amd64", "Os": "linux", "Variant": "v2",
        "ContainerConfig": {"Cmd": ["not", "this"]},
        "Config": {"User": "u", "Env": ["A=1"], "Entrypoint": null, "Cmd": ["run"], "WorkingDir": "",
                   "Volumes": {"/v": {}}, "ExposedPorts": {"53/udp": {}}, "StopSignal": "SIGINT", "Labels": null},
        "RootFS": {"Type": "layers", "Layers": [")",
                                         digest_a, "\"]}}"),
                                     "inspect.json");
    Problems problems("inspect.json");
    const auto config = parse_inspected_image(JsonView(document, problems));
    CHECK(problems.list() == Texts{});
    CHECK(config.architecture == "amd64");
    CHECK(config.variant == "v2");
    CHECK(config.user == "u");
    CHECK(config.cmd == Texts{"run"});
    CHECK(config.volumes == Texts{"/v"});
    CHECK(config.exposed_ports == Texts{"53/udp"});
    CHECK(config.diff_ids == Texts{digest_a});
}

TEST_CASE("docker image inspect: problems have its keys") {
    const auto document =
        parse_json(R"({"Os": 1, "Config": {"Cmd": "x"}, "RootFS": {"Layers": ["x"]}})", "inspect.json");
    Problems problems("inspect.json");
    parse_inspected_image(JsonView(document, problems));
    CHECK(problems.list() == Texts{".Os: expected a string, found the number 1",
                                   ".RootFS.Layers: expected sha256: and 64 hexadecimal digits, found 'x'",
                                   ".Config.Cmd: expected an array of strings, found a string"});
}

TEST_CASE("digests") {
    CHECK(is_sha256_digest(digest_a));
    CHECK_FALSE(is_sha256_digest(digest_a + "a"));
    CHECK_FALSE(is_sha256_digest(cat("sha256:", std::string(64, 'A'))));
    CHECK_FALSE(is_sha256_digest(cat("sha512:", std::string(64, 'a'))));
    CHECK_FALSE(is_sha256_digest(cat("sha256:", std::string(63, 'a'), "/")));
    CHECK_FALSE(is_sha256_digest(std::string(71, 'a')));
}

TEST_CASE("image config: very many variables or volumes") {
    std::string env = "\"A=\"", volumes = "\"/v\": {}";
    for (int i = 0; i < 10000; i++) append(env, cat(",\"A", i, "=\""));
    for (int i = 0; i < 1000; i++) append(volumes, cat(",\"/v", i, "\": {}"));
    CHECK(problems_of("Env", cat('[', env, ']')) ==
          Texts{".config.Env: 10001 entries are more than the limit of 10000"});
    CHECK(problems_of("Volumes", cat('{', volumes, '}')) ==
          Texts{".config.Volumes: 1001 entries are more than the limit of 1000"});
}
