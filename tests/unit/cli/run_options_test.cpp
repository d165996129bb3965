#include "cli/minirun/run_options.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;
using Kind = VolumeOption::Kind;

namespace {

// `options` in front of the image "image" and the command "command".
RunCommand parse_all(const Words& words) {
    Words copy = words;
    copy.insert(copy.begin(), "run");
    std::vector<char*> argv;
    for (auto& word : copy) argv.push_back(word.data());
    return parse_run(static_cast<int>(argv.size()), argv.data());
}
RunOptions parse(Words options) {
    options.insert(options.end(), {"image", "command"});
    return parse_all(options).options;
}
std::string refused(const Words& options) {
    return test::error_text([&] { parse(options); });
}

struct Refusal {
    Words options;
    std::string expected;
};
void check_refusals(const std::vector<Refusal>& rows) {
    for (const auto& row : rows) {
        CAPTURE(join(row.options, " "));
        CHECK(refused(row.options) == row.expected);
    }
}

}  // namespace

TEST_CASE("run: image, command, and what is whose") {
    const auto command = parse_all({"--name", "x", "image", "ls", "--name", "y", "--", "-l"});
    CHECK(command.image == "image");
    CHECK(command.options.name == "x");
    CHECK(command.options.arguments == Words{"ls", "--name", "y", "--", "-l"});
    CHECK_FALSE(command.dry_run);
    CHECK_FALSE(command.json);
    CHECK_FALSE(command.help);

    CHECK(parse_all({"--", "image", "--rm"}).options.arguments == Words{"--rm"});
    CHECK(parse_all({"image"}).options.arguments.empty());

    const auto rootfs = parse_all({"--rootfs", "dir", "ls", "-l"});
    CHECK(rootfs.image.empty());
    CHECK(rootfs.options.rootfs == "dir");
    CHECK(rootfs.options.arguments == Words{"ls", "-l"});
    CHECK(parse_all({"--rootfs=dir"}).options.arguments.empty());

    const std::string no_image =
        "no image is named | write minirun run [OPTIONS] IMAGE [COMMAND] [ARG…]; --help lists the options";
    CHECK(test::error_text([] { parse_all({}); }) == no_image);
    CHECK(test::error_text([] { parse_all({"--rm"}); }) == no_image);
    CHECK(test::error_text([] { parse_all({"--"}); }) == no_image);
    CHECK(test::error_text([] { parse_all({"", "ls"}); }) == no_image);
    CHECK(refused({"--rootfs", ""}) == "--rootfs '': expected a directory | ");
}

TEST_CASE("run: nothing given, nothing set") {
    const auto options = parse({});
    CHECK(!options.remove);
    CHECK_FALSE(options.no_new_privileges.has_value());
    CHECK_FALSE(options.entrypoint);
    CHECK_FALSE(options.network);
    CHECK_FALSE(options.seccomp);
    CHECK_FALSE(options.masked_paths);
    CHECK_FALSE(options.timeout);
    CHECK(options.env.empty());
    CHECK(options.stop_timeout == 10s);
    CHECK(options.shm_size == 64 << 20);
}

TEST_CASE("run: switches") {
    const struct {
        const char* word;
        bool RunOptions::*member;
    } rows[] = {
        {"--rm", &RunOptions::remove},
        {"--read-only", &RunOptions::read_only},
        {"--init", &RunOptions::init},
        {"--privileged", &RunOptions::privileged},
        {"--quiet", &RunOptions::quiet},
        {"-q", &RunOptions::quiet},
        {"--interactive", &RunOptions::interactive},
        {"-i", &RunOptions::interactive},
        {"--tty", &RunOptions::tty},
        {"-t", &RunOptions::tty},
        {"-it", &RunOptions::interactive},
        {"-it", &RunOptions::tty},
    };
    for (const auto& row : rows) {
        CAPTURE(row.word);
        CHECK(parse({row.word}).*row.member);
        if (std::string_view(row.word) != "-it") CHECK_FALSE(parse({std::string(row.word) + "=false"}).*row.member);
    }
}

TEST_CASE("run: options that are kept as they are") {
    const struct {
        const char* word;
        const char* value;
        std::string RunOptions::*member;
    } texts[] = {
        {"--name", "a_b.c-1", &RunOptions::name},
        {"--workdir", "/srv/../x", &RunOptions::working_dir},
        {"-w", "/", &RunOptions::working_dir},
        {"--user", "app:web", &RunOptions::user},
        {"-u", "1000:1000", &RunOptions::user},
        {"--stop-signal", "SIGQUIT", &RunOptions::stop_signal},
        {"--stop-signal", "9", &RunOptions::stop_signal},
        {"--hostname", "web.example", &RunOptions::hostname},
        {"-h", "web", &RunOptions::hostname},
        {"--domainname", "example", &RunOptions::domainname},
        {"--cidfile", "id", &RunOptions::cidfile},
        {"--pidfile", "/tmp/pid", &RunOptions::pidfile},
    };
    for (const auto& row : texts) {
        CAPTURE(row.word);
        CHECK(parse({row.word, row.value}).*row.member == row.value);
    }
    const struct {
        const char* word;
        Words values;
        Words RunOptions::*member;
    } lists[] = {
        {"--group-add", {"audio", "44"}, &RunOptions::group_add},
        {"--cap-add", {"NET_ADMIN", "ALL"}, &RunOptions::cap_add},
        {"--cap-drop", {"CAP_CHOWN", "all"}, &RunOptions::cap_drop},
        {"--add-host", {"db:10.0.0.5", "x=::1"}, &RunOptions::add_hosts},
        {"--dns", {"1.1.1.1", "::1"}, &RunOptions::dns},
        {"--dns-search", {"a.test", "."}, &RunOptions::dns_search},
        {"--dns-option", {"ndots:2", "rotate"}, &RunOptions::dns_options},
        {"--dns-opt", {"ndots:2", "rotate"}, &RunOptions::dns_options},
        {"--env", {"A=1", "B=a=b", "A="}, &RunOptions::env},
        {"-e", {"A=1"}, &RunOptions::env},
    };
    for (const auto& row : lists) {
        CAPTURE(row.word);
        Words words;
        for (const auto& value : row.values) words.insert(words.end(), {row.word, value});
        CHECK(parse(words).*row.member == row.values);
    }
}

TEST_CASE("run: options with a value of their own kind") {
    CHECK(parse({"--entrypoint", "/bin/sh -c"}).entrypoint == Words{"/bin/sh -c"});
    CHECK(parse({"--entrypoint="}).entrypoint == Words{});
    CHECK(parse({"--timeout", "1m30s"}).timeout == 90s);
    CHECK(parse({"--timeout", "250ms"}).timeout == 250ms);
    CHECK(parse({"--stop-timeout", "3"}).stop_timeout == 3s);
    CHECK(parse({"--stop-timeout", "0"}).stop_timeout == 0s);
    CHECK(parse({"--shm-size", "1g"}).shm_size == 1 << 30);
    CHECK(parse({"--tmpfs-upper"}).tmpfs_upper);
    CHECK_FALSE(parse({"--tmpfs-upper"}).tmpfs_upper_size);
    CHECK(parse({"--tmpfs-upper=64m"}).tmpfs_upper_size == 64 << 20);
    CHECK(parse({"--network", "host"}).network == RunOptions::Network::host);
    CHECK(parse({"--net=pasta"}).network == RunOptions::Network::pasta);
    CHECK(parse({"--net=bridge", "--network=bridge:lan"}).bridges == std::vector<std::string>{"bridge", "lan"});
    CHECK(parse({"--net=bridge", "--network=none"}).bridges.empty());
    CHECK(parse({"--net=container:web"}).network_container == "web");
    CHECK(parse({"--network", "ns:/proc/self/../self/ns/net"}).network_path == "/proc/self/ns/net");
    CHECK(parse({"--network", "ns:/proc/self/ns/net"}).network == RunOptions::Network::path);
    CHECK(parse({"--network", "ns:/proc/self/ns/net", "--network", "none"}).network_path.empty());
    CHECK(!parse({"-p", "80", "-P"}).network);
    CHECK(parse({"-P"}).publish_all);
    CHECK(parse({"-p", "8080:80", "-p127.0.0.1::53/udp"}).publish ==
          std::vector<PublishedPorts>{{"", 8080, 80, 1, PublishedPorts::Protocol::tcp},
                                      {"127.0.0.1", 0, 53, 1, PublishedPorts::Protocol::udp}});
    CHECK(parse({"--mac-address", "02:42:AC:11:00:02"}).mac_address == "02:42:AC:11:00:02");
    CHECK(parse({"--net=none"}).network == RunOptions::Network::none);
    CHECK(parse({"--pid", "host"}).pid == NamespaceMode::host);
    CHECK(parse({"--ipc", "host"}).ipc == NamespaceMode::host);
    CHECK(parse({"--uts", "host"}).uts == NamespaceMode::host);
    CHECK(parse({"--cgroupns", "host"}).cgroup == NamespaceMode::host);
    CHECK(parse({"--cgroupns", "host", "--cgroupns=private"}).cgroup == NamespaceMode::private_);
    CHECK(parse({"--userns", "private"}).user_namespace);
    CHECK_FALSE(parse({"--userns", "host"}).user_namespace);
    CHECK(parse({"--time", "private"}).time_namespace);
    CHECK(parse({"--sysctl", "net.ipv4.ip_forward=1"}).sysctls ==
          std::map<std::string, std::string>{{"net.ipv4.ip_forward", "1"}});
    CHECK(parse({"--annotation", "a=b=c"}).annotations == std::map<std::string, std::string>{{"a", "b=c"}});
    CHECK(parse({"-l", "a", "--label", "b=1"}).labels == std::map<std::string, std::string>{{"a", ""}, {"b", "1"}});
}

TEST_CASE("run: ulimits") {
    constexpr auto none = ~std::uint64_t{0};
    CHECK(parse({"--ulimit", "nofile=1024:2048"}).ulimits == std::vector<RlimitSpec>{{"RLIMIT_NOFILE", 1024, 2048}});
    CHECK(parse({"--ulimit", "core=-1"}).ulimits == std::vector<RlimitSpec>{{"RLIMIT_CORE", none, none}});
    CHECK(parse({"--ulimit", "core=0:unlimited"}).ulimits == std::vector<RlimitSpec>{{"RLIMIT_CORE", 0, none}});
    CHECK(parse({"--ulimit", "core=1", "--ulimit", "nproc=2", "--ulimit", "core=3"}).ulimits ==
          std::vector<RlimitSpec>{{"RLIMIT_NPROC", 2, 2}, {"RLIMIT_CORE", 3, 3}});
    check_refusals({
        {{"--ulimit", "nofile"}, "--ulimit 'nofile': expected KEY=VALUE | write nofile=1024:2048"},
        {{"--ulimit", "foo=1"},
         "--ulimit 'foo=1': there is no limit 'foo' | getrlimit(2) lists them: nofile, nproc, core, memlock, stack, …"},
        {{"--ulimit", "nofile="}, "--ulimit 'nofile=': '' is no limit | a number, or -1 for none"},
        {{"--ulimit", "nofile=1:-2"}, "--ulimit 'nofile=1:-2': '-2' is no limit | a number, or -1 for none"},
        {{"--ulimit", "nofile=1:2:3"}, "--ulimit 'nofile=1:2:3': '2:3' is no limit | a number, or -1 for none"},
        {{"--ulimit", "nofile=2:1"}, "--ulimit 'nofile=2:1': the soft limit is over the hard limit | "},
    });
}

TEST_CASE("run: values that are refused") {
    const std::string host_name =
        "this is no host name | letters, digits, '-' and '_', with dots between labels; 64 bytes at most";
    const std::string time = "this is no time | seconds, or with a unit: 10, 1.5s, 250ms, 1m30s";
    const std::string size = "this is no size | bytes, or a number with k, m or g behind it: 64m";
    const std::string name = " is not valid | letters, digits, '_', '.' and '-', beginning with a letter or digit";
    check_refusals({
        {{"--name", ""}, "the container name ''" + name},
        {{"--name", "-a"}, "the container name '-a'" + name},
        {{"--name", "../a"}, "the container name '../a'" + name},
        {{"-w", "srv"}, "--workdir 'srv': the path in the container has to be absolute | "},
        {{"--stop-signal", "FOO"},
         "--stop-signal 'FOO': there is no such signal | signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …"},
        {{"--stop-signal", "0"},
         "--stop-signal '0': there is no such signal | signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …"},
        {{"--timeout", "soon"}, "--timeout 'soon': " + time},
        {{"--timeout", "0"}, "--timeout '0': " + time},
        {{"--stop-timeout", "-1"}, "--stop-timeout '-1': " + time},
        {{"--shm-size", "64q"}, "--shm-size '64q': " + size},
        {{"--shm-size", "0"}, "--shm-size '0': " + size},
        {{"--tmpfs-upper=-5"}, "--tmpfs-upper '-5': " + size},
        {{"--tmpfs-upper="}, "--tmpfs-upper '': " + size},
        {{"-h", "a b"}, "--hostname 'a b': " + host_name},
        {{"-h", std::string(65, 'a')}, "--hostname '" + std::string(65, 'a') + "': " + host_name},
        {{"--domainname", "."}, "--domainname '.': " + host_name},
        {{"--ip", "fd00::7"}, "--ip 'fd00::7': this is no address of IPv4 | write 10.90.0.7; --ip6 is for IPv6"},
        {{"--ip6", "10.0.0.1"}, "--ip6 '10.0.0.1': this is no address of IPv6 | write fd00::7; --ip is for IPv4"},
        {{"--network-alias", "a b"},
         "--network-alias 'a b': this is no host name | letters, digits, '-' and '_', with dots between the labels"},
        {{"--network", "ns:"},
         "--network 'ns:': there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH | "},
        {{"--net", "pastas"},
         "--network 'pastas': there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH | "},
        {{"--network", "ns:/nowhere"},
         "--network 'ns:/nowhere': cannot open it: No such file or directory | ip netns add NAME makes "
         "/run/netns/NAME"},
        {{"--network", "ns:/proc/self/ns/uts"},
         "--network 'ns:/proc/self/ns/uts': this is no network namespace | write ns:/run/netns/NAME"},
        {{"--network", "ns:/dev/null"},
         "--network 'ns:/dev/null': this is no network namespace | write ns:/run/netns/NAME"},
        {{"--mac-address", "02:42:ac:11:00"},
         "--mac-address '02:42:ac:11:00': this is no hardware address | write 02:42:ac:11:00:02"},
        {{"--mac-address", "02-42-ac-11-00-02"},
         "--mac-address '02-42-ac-11-00-02': this is no hardware address | write 02:42:ac:11:00:02"},
        {{"--mac-address", "0g:42:ac:11:00:02"},
         "--mac-address '0g:42:ac:11:00:02': this is no hardware address | write 02:42:ac:11:00:02"},
        {{"--mac-address", "03:42:ac:11:00:02"},
         "--mac-address '03:42:ac:11:00:02': this is the address of a group, not of one interface | the second digit "
         "has to be even: 02:42:ac:11:00:02"},
        {{"--mac-address", "00:00:00:00:00:00"},
         "--mac-address '00:00:00:00:00:00': no interface can have this one | write 02:42:ac:11:00:02"},
        {{"-p", "http"},
         "--publish 'http': 'http' is neither a port from 1 to 65535 nor a range of them | write HOST:CONTAINER, "
         "IP:HOST:CONTAINER or CONTAINER: 8080:80, 127.0.0.1:5353:53/udp, 80"},
        {{"--pid", "container:x"}, "--pid 'container:x': only host and private are supported | "},
        {{"--ipc", "shareable"}, "--ipc 'shareable': only host and private are supported | "},
        {{"--uts", ""}, "--uts '': only host and private are supported | "},
        {{"--cgroupns", "x"}, "--cgroupns 'x': only host and private are supported | "},
        {{"--userns", "x"}, "--userns 'x': only host and private are supported | "},
        {{"--time", "x"}, "--time 'x': only host and private are supported | "},
        {{"--sysctl", "a"}, "--sysctl 'a': expected KEY=VALUE | "},
        {{"--sysctl", "net.x="}, "--sysctl 'net.x=': the value is empty | "},
        {{"--sysctl", "=a"}, "--sysctl '=a': expected KEY=VALUE | "},
        {{"--annotation", "a"}, "--annotation 'a': expected KEY=VALUE | "},
        {{"--label", "=a"}, "--label '=a': expected KEY or KEY=VALUE | "},
        {{"--cidfile", ""}, "--cidfile '': expected the path of a file | "},
        {{"--pidfile", ""}, "--pidfile '': expected the path of a file | "},
        {{"--add-host", "db"}, "--add-host 'db': expected NAME:ADDRESS | write db:10.0.0.5"},
        {{"--dns", "x"}, "--dns 'x': this is no IP address | write it as 10.0.0.1 or fd00::1"},
        {{"--dns-search", ""}, "--dns-search '': this is no domain | write example.com, or . for none"},
        {{"--dns-option", "a b"}, "--dns-option 'a b': this is no option of resolv.conf(5) | write ndots:2 or rotate"},
        {{"--mount", "dst=b"}, "--mount 'dst=b': the path in the container has to be absolute | "},
        {{"--tmpfs", "x"}, "--tmpfs 'x': the path in the container has to be absolute | "},
        {{"-a"}, "--attach (-a) is not supported yet | --help lists the options"},
        {{"--kernel-memory", "1g"}, "--kernel-memory is not supported yet | --help lists the options"},
        {{"--gpus=all"}, "--gpus is not supported yet | --help lists the options"},
        {{"--runtime", "x"}, "--runtime is not supported yet | --help lists the options"},
        {{"--restart", "now"}, "--restart 'now': expected no, on-failure[:N], always or unless-stopped | "},
        {{"--volumes", "x"}, "unknown option '--volumes' | did you mean --volume?"},
        {{"--readonly"}, "unknown option '--readonly' | did you mean --read-only?"},
        {{"--evn", "A=b"}, "unknown option '--evn' | did you mean --env?"},
    });
}

TEST_CASE("run: --env takes a value from the host only when asked to") {
    REQUIRE(::setenv("MINIRUN_TEST_SET", "a b", 1) == 0);
    REQUIRE(::unsetenv("MINIRUN_TEST_UNSET") == 0);
    CHECK(parse({"-e", "MINIRUN_TEST_SET"}).env == Words{"MINIRUN_TEST_SET=a b"});
    CHECK(parse({"-e", "MINIRUN_TEST_UNSET"}).env == Words{"MINIRUN_TEST_UNSET"});
    CHECK(parse({"-e", "MINIRUN_TEST_SET="}).env == Words{"MINIRUN_TEST_SET="});
    CHECK(refused({"-e", ""}) == "--env '': there is no name | write NAME=value, or NAME");
    CHECK(refused({"-e", "=x"}) == "--env '=x': there is no name | write NAME=value, or NAME");
    ::unsetenv("MINIRUN_TEST_SET");
}

TEST_CASE("run: --env-file") {
    const test::TemporaryDirectory dir;
    REQUIRE(::setenv("MINIRUN_TEST_SET", "host", 1) == 0);
    REQUIRE(::unsetenv("MINIRUN_TEST_UNSET") == 0);
    const auto file = dir.file("env",
                               "\xef\xbb\xbf"
                               "A=1\n"
                               "# a comment\n"
                               "\n"
                               "  # another\n"
                               " B=with blanks = and more \n"
                               "C=\"quotes stay\"\r\n"
                               "MINIRUN_TEST_SET\n"
                               "MINIRUN_TEST_UNSET\n"
                               "D=");
    CHECK(parse({"--env-file", file}).env ==
          Words{"A=1", "B=with blanks = and more ", "C=\"quotes stay\"", "MINIRUN_TEST_SET=host", "D="});
    CHECK(parse({"-e", "A=9", "--env-file", dir.file("a", "A=1\n"), "--env-file", dir.file("b", "A=2\n")}).env ==
          Words{"A=1", "A=2", "A=9"});
    ::unsetenv("MINIRUN_TEST_SET");

    const auto blank = dir.file("blank", "A=1\nexport B=2\n");
    CHECK(refused({"--env-file", blank}) == blank +
                                                ":2: the name 'export B' has a blank in it | "
                                                "write NAME=value, without 'export' and without blanks around the '='");
    const auto nameless = dir.file("nameless", "=2\n");
    CHECK(refused({"--env-file", nameless}) == nameless + ":1: there is no name before the '=' | ");
    const auto binary = dir.file("binary", std::string_view("A=1\0B\n", 6));
    CHECK(refused({"--env-file", binary}) == binary + ":1: there is a NUL byte | ");
    const auto missing = dir / "missing";
    CHECK(refused({"--env-file", missing}) ==
          "--env-file: cannot open '" + missing + "': No such file or directory | ");
    CHECK(test::error_kind([&] { parse({"--env-file", missing}); }) == ErrorKind::not_found);
    CHECK(test::error_kind([&] { parse({"--env-file", binary}); }) == ErrorKind::bad_input);
}

TEST_CASE("run: volumes") {
    const test::TemporaryDirectory dir;
    dir.directory("data");
    dir.file("file");
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(dir.path());
    CHECK(parse({"-v", "./data:/data:ro"}).volumes ==
          std::vector<VolumeOption>{{Kind::bind, dir / "data", "/data", true, {}}});
    std::filesystem::current_path(before);

    const auto options = parse({"--tmpfs", "/t:size=1m", "--mount", "type=bind,src=" + dir / "file" + ",dst=/f", "-v",
                                "/anonymous", "-v", dir / "data" + ":/o:O"});
    CHECK(options.volumes == std::vector<VolumeOption>{{Kind::tmpfs, "", "/t", false, {"size=1048576"}},
                                                       {Kind::bind, dir / "file", "/f", false, {}},
                                                       {Kind::anonymous, "", "/anonymous", false, {}},
                                                       {Kind::overlay, dir / "data", "/o", false, {}}});

    const auto missing = dir / "missing";
    const std::string hint = " | make it first: minirun does not, since a mistyped path would then go unseen";
    CHECK(refused({"-v", missing + ":/x"}) == "--volume: '" + missing + "' does not exist on this host" + hint);
    CHECK(refused({"--mount", "type=bind,dst=/x,src=" + missing}) ==
          "--mount: '" + missing + "' does not exist on this host" + hint);
    CHECK(refused({"-v", dir / "file/below" + ":/x"}) ==
          "--volume: '" + dir / "file/below" + "' does not exist on this host" + hint);
    CHECK(test::error_kind([&] { parse({"-v", missing + ":/x"}); }) == ErrorKind::not_found);
    CHECK(refused({"-v", dir / "file" + ":/x:O"}) ==
          "--volume '" + dir / "file" + "': only a directory can have the option O | ");
    CHECK(refused({"-v", "data:/x"}) ==
          "--volume 'data:/x': named volumes are not supported yet | for the host's directory write ./data");
}

TEST_CASE("run: devices") {
    const test::TemporaryDirectory dir;
    struct stat null {};
    REQUIRE(::stat("/dev/null", &null) == 0);
    const DeviceSpec expected{"/dev/null", 'c', 1, 3, null.st_mode & 0777u, null.st_uid, null.st_gid};
    CHECK(parse({"--device", "/dev/null"}).devices == std::vector{expected});
    CHECK(parse({"--device", "/dev/null:rwm"}).devices == std::vector{expected});
    CHECK(parse({"--device", "/dev/null:rw"}).devices == std::vector{expected});
    auto other = expected;
    other.path = "/dev/x/nothing";
    CHECK(parse({"--device", "/dev/null:/dev/x/../x/nothing:rwm"}).devices == std::vector{other});
    CHECK(parse({"--device", dir.link("null", "/dev/null") + ":/dev/x/nothing"}).devices == std::vector{other});
    CHECK(parse({"--device", "/dev/zero:/dev/null", "--device", "/dev/null"}).devices == std::vector{expected});

    const auto file = dir.file("file");
    check_refusals({
        {{"--device", "/dev/minirun-none"},
         "--device: '/dev/minirun-none' does not exist on this host | load the driver, or leave the option out"},
        {{"--device", file + ":/dev/file"},
         "--device '" + file + ":/dev/file': this is no device | for a file or a socket use --volume"},
        {{"--device", "/dev/pts"},
         "--device '/dev/pts': this is a directory; whole directories are not supported yet | name each device"},
        {{"--device", "null"}, "--device 'null': the path on the host has to be absolute | write /dev/NAME"},
        {{"--device", "/dev/null:/x"},
         "--device '/dev/null:/x': '/x' is not below /dev in the container | write --device HOST:/dev/NAME"},
        {{"--device", "/dev/null:/dev/../x"},
         "--device '/dev/null:/dev/../x': '/x' is not below /dev in the container | write --device HOST:/dev/NAME"},
        {{"--device", "/dev/null:r"},
         "--device '/dev/null:r': the permissions 'r' are not supported yet | "
         "without a device cgroup it is rwm, or a volume with ro for what the file's mode allows"},
        {{"--device", "/dev/null:x"}, "--device '/dev/null:x': the permissions 'x' are not made of r, w and m | "},
        {{"--device", "/dev/null:"}, "--device '/dev/null:': the permissions '' are not made of r, w and m | "},
        {{"--device", "/dev/null:x:rwm"},
         "--device '/dev/null:x:rwm': the path in the container has to be absolute | "},
        {{"--device", "/a:/b:rwm:x"}, "--device '/a:/b:rwm:x': expected PATH[:PATH][:rwm] | "},
    });
}

TEST_CASE("run: --security-opt") {
    const test::TemporaryDirectory dir;
    CHECK(parse({"--security-opt", "seccomp=unconfined"}).seccomp == "unconfined");
    CHECK(parse({"--security-opt", "seccomp:unconfined"}).seccomp == "unconfined");
    CHECK_FALSE(parse({"--security-opt", "seccomp=unconfined", "--security-opt", "seccomp=builtin"}).seccomp);
    const auto profile = dir.file("profile.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    CHECK(parse({"--security-opt", "seccomp=" + profile}).seccomp == "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    CHECK(parse({"--security-opt", "no-new-privileges"}).no_new_privileges);
    CHECK(parse({"--security-opt", "no-new-privileges=false"}).no_new_privileges == false);
    CHECK(parse({"--security-opt", "no-new-privileges:false"}).no_new_privileges == false);
    CHECK(parse({"--security-opt", "apparmor=unconfined", "--security-opt", "label=disable"}).masked_paths ==
          std::nullopt);

    const auto missing = dir / "missing";
    const auto broken = dir.file("broken", "{");
    const std::string known =
        " | known are seccomp=FILE|unconfined, no-new-privileges=true|false, mask=PATH, unmask=PATH|ALL";
    check_refusals({
        {{"--security-opt", "seccomp=" + missing},
         "--security-opt seccomp: cannot open '" + missing + "': No such file or directory | "},
        {{"--security-opt", "seccomp="},
         "--security-opt 'seccomp=': expected a file with a seccomp profile, or unconfined | "},
        {{"--security-opt", "no-new-privileges=1"},
         "--security-opt 'no-new-privileges=1': no-new-privileges is true or false | "},
        {{"--security-opt", "foo=1"}, "--security-opt 'foo=1': unknown security option" + known},
        {{"--security-opt", "apparmor=mine"}, "--security-opt 'apparmor=mine': not supported yet" + known},
        {{"--security-opt", "label=type:x"}, "--security-opt 'label=type:x': not supported yet" + known},
    });
    CHECK(refused({"--security-opt", "seccomp=" + broken})
              .starts_with("--security-opt seccomp: " + broken + " is not valid JSON: line 1, column 2"));
}

TEST_CASE("run: masked and read-only paths") {
    const auto has = [](const std::optional<Words>& paths, const std::string& path) {
        REQUIRE(paths);
        return std::find(paths->begin(), paths->end(), path) != paths->end();
    };
    const auto more = parse({"--security-opt", "mask=/a:/b/", "--security-opt", "mask=/proc/kcore"});
    CHECK(has(more.masked_paths, "/a"));
    CHECK(has(more.masked_paths, "/b"));
    CHECK(std::count(more.masked_paths->begin(), more.masked_paths->end(), "/proc/kcore") == 1);
    CHECK(has(more.readonly_paths, "/proc/sys"));

    const auto less = parse({"--security-opt", "unmask=/proc/kcore:/proc/sys"});
    CHECK_FALSE(has(less.masked_paths, "/proc/kcore"));
    CHECK(has(less.masked_paths, "/proc/keys"));
    CHECK_FALSE(has(less.readonly_paths, "/proc/sys"));
    CHECK(has(less.readonly_paths, "/proc/bus"));

    const auto none = parse({"--security-opt", "unmask=ALL", "--security-opt", "mask=/a"});
    CHECK(none.masked_paths == Words{"/a"});
    CHECK(none.readonly_paths == Words{});
    CHECK(parse({"--security-opt", "systempaths=unconfined"}).masked_paths == Words{});
    CHECK(parse({"--privileged", "--security-opt", "mask=/a"}).masked_paths == Words{"/a"});

    check_refusals({
        {{"--security-opt", "mask=a"},
         "--security-opt 'mask=a': 'a' is no absolute path | several are separated by ':'"},
        {{"--security-opt", "unmask="},
         "--security-opt 'unmask=': '' is no absolute path | several are separated by ':'"},
        {{"--security-opt", "unmask=/x"}, "--security-opt 'unmask=/x': this path is neither masked nor read-only | "},
        {{"--security-opt", "mask=ALL"}, "--security-opt 'mask=ALL': ALL is for unmask: name the paths | "},
    });
}

TEST_CASE("run: dry runs, their format, platforms") {
    CHECK(parse_all({"--dry-run", "image"}).dry_run);
    CHECK_FALSE(parse_all({"--dry-run", "image"}).json);
    CHECK(parse_all({"--dry-run", "--format", "json", "image"}).json);
    CHECK_FALSE(parse_all({"--format=text", "--dry-run", "image"}).json);
    CHECK(refused({"--format", "json"}) == "--format is for --dry-run only | ");
    CHECK(refused({"--dry-run", "--format", "xml"}) == "--format 'xml': only text and json are supported | ");

    CHECK(parse_all({"--platform", "linux", "image"}).platform == "linux");
    CHECK(refused({"--platform", "linux//"}) ==
          "--platform 'linux//': expected OS/ARCHITECTURE[/VARIANT] | write linux/amd64");
    const auto other = refused({"--platform", "linux/pdp11"});
    CHECK(other.starts_with("--platform 'linux/pdp11': this host is linux/"));
    CHECK(other.ends_with(", and minirun emulates no other | "));
    CHECK(test::error_kind([] { parse({"--platform", "windows/amd64"}); }) == ErrorKind::unsupported);
}

TEST_CASE("run: what is to be known or kept of it") {
    const auto options = parse(
        {"--report", "r", "--report-denied", "--report-diff", "--artifacts", "/a//b/:out:1", "--artifacts", "/c:d"});
    CHECK((options.report_denied && options.report_diff));
    REQUIRE(options.artifacts.size() == 2);
    CHECK((options.artifacts[0].path == "/a/b" && options.artifacts[0].directory == "out:1"));
    CHECK((options.artifacts[1].path == "/c" && options.artifacts[1].directory == "d"));
    CHECK_NOTHROW(check_findings_are_told({}, "--report"));
    for (const auto* option : {"--report-denied", "--report-diff"})
        CHECK(test::error_kind([&] { check_findings_are_told(parse({option}), "--report"); }) == ErrorKind::usage);
    for (const auto* value : {"/out", "/out:", "out:dir", ":dir", ""})
        CHECK(refused({"--artifacts", value}).find("expected PATH:DIR") != std::string::npos);
    CHECK(refused({"--artifacts", "/x/..:dir"}).find("whole root") != std::string::npos);
}

TEST_CASE("run: help") {
    CHECK(parse_all({"--help"}).help);
    CHECK(parse_all({"--name", "?", "--help"}).help);
    CHECK_FALSE(parse_all({"image", "--help"}).help);
    std::size_t lines = 0;
    for (const auto& line : split(run_help(), '\n')) {
        CAPTURE(line);
        lines++;
        // Characters, not bytes.
        CHECK(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }) <= 80);
    }
    CHECK(lines > 60);
    for (const auto* word : {"--rm", "-v, --volume SRC:DST[:OPTS]", "--tmpfs-upper[=SIZE]", "-h, --hostname NAME",
                             "--security-opt OPTION", "\nIsolation:\n"}) {
        CAPTURE(word);
        CHECK(run_help().find(word) != std::string::npos);
    }
    CHECK(run_help().find("--dns-opt ") == std::string::npos);
}
