// An image and options -> LaunchRequest: the process, its names, streams and supervision.
#include <doctest/doctest.h>

#include <csignal>

#include "model/request_fixture.hpp"

using namespace minirun;
using namespace std::chrono_literals;
using test::contains;
using test::Words;
using Fixture = test::RequestFixture;

TEST_CASE("request: Entrypoint, Cmd and what replaces them") {
    using Entrypoint = std::optional<Words>;
    const struct {
        Words entrypoint, cmd;
        Entrypoint option;
        Words arguments;
        Words expected;
    } rows[] = {
        {{"/e"}, {"c", "d"}, {}, {}, {"/e", "c", "d"}},
        {{"/e"}, {"c", "d"}, {}, {"x"}, {"/e", "x"}},
        {{}, {"c", "d"}, {}, {}, {"c", "d"}},
        {{}, {"c", "d"}, {}, {"x", "y"}, {"x", "y"}},
        {{"/e"}, {}, {}, {}, {"/e"}},
        {{"/e"}, {"c"}, Entrypoint(Words{"/o"}), {}, {"/o"}},
        {{"/e"}, {"c"}, Entrypoint(Words{"/o"}), {"x"}, {"/o", "x"}},
        {{"/e"}, {"c"}, Entrypoint(Words{}), {"x"}, {"x"}},
        {{""}, {"c"}, {}, {}, {"c"}},
        {{"/e"}, {"c"}, Entrypoint(Words{""}), {"x"}, {"x"}},
    };
    for (const auto& row : rows) {
        Fixture fixture;
        fixture.image.config.entrypoint = row.entrypoint;
        fixture.image.config.cmd = row.cmd;
        fixture.options.entrypoint = row.option;
        fixture.options.arguments = row.arguments;
        CHECK(fixture.spec().process.args == row.expected);
    }
}

TEST_CASE("request: nothing to run") {
    Fixture fixture;
    fixture.options.entrypoint = Words{};
    CHECK(fixture.refused() ==
          "--entrypoint leaves nothing to run of image 'web' | give a command: minirun run IMAGE COMMAND [ARG…]");
    fixture.options.entrypoint.reset();
    fixture.image.config.entrypoint = fixture.image.config.cmd = {};
    CHECK(fixture.refused() ==
          "there is neither an Entrypoint nor a Cmd in image 'web' | "
          "give a command: minirun run IMAGE COMMAND [ARG…]");
    CHECK(test::error_kind([&] { fixture.request(); }) == ErrorKind::bad_input);
    fixture.image.form = Image::Form::plain_rootfs;
    CHECK(fixture.refused() ==
          "there is no command to run in 'web' | give one: minirun run --rootfs DIR COMMAND [ARG…]");
    fixture.options.arguments = {""};
    CHECK(fixture.refused() ==
          "the command to run in image 'web' is an empty word | give a command: minirun run IMAGE COMMAND [ARG…]");
}

TEST_CASE("request: environment") {
    Fixture fixture;
    CHECK(fixture.spec().process.env == Words{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                              "HOME=/root", "HOSTNAME=0123456789ab"});

    fixture.image.config.env = {"A=1", "PATH=/bin", "B=2", "A=3"};
    fixture.options.env = {"B=4", "C=5", "C=6", "A", "NEVER", "HOME=/x", "EMPTY="};
    fixture.options.tty = true;
    CHECK(fixture.spec().process.env ==
          Words{"PATH=/bin", "B=4", "HOME=/x", "HOSTNAME=0123456789ab", "TERM=xterm", "C=6", "EMPTY="});

    fixture.image.config.env = {"HOME=", "TERM=dumb", "HOSTNAME=mine", "PATH=", "PATHS=/y"};
    fixture.options.env = {};
    CHECK(fixture.spec().process.env == fixture.image.config.env);
}

TEST_CASE("request: working directory") {
    Fixture fixture;
    CHECK(fixture.spec().process.cwd == "/");
    fixture.image.config.working_dir = "/srv";
    CHECK(fixture.spec().process.cwd == "/srv");
    fixture.options.working_dir = "/tmp";
    CHECK(fixture.spec().process.cwd == "/tmp");
    fixture.options.working_dir = "tmp";
    CHECK(fixture.refused() == "--workdir 'tmp': the path in the container has to be absolute | ");
}

TEST_CASE("request: user and groups") {
    Fixture fixture;
    CHECK(fixture.spec().process.user == UserSpec{0, 0, {}, {0, 10}});
    fixture.image.config.user = "app";
    CHECK(fixture.spec().process.user == UserSpec{1000, 1001, {}, {1001, 29}});
    CHECK(contains(fixture.spec().process.env, "HOME=/home/app"));
    fixture.options.group_add = {"web", "29", "44"};
    CHECK(fixture.spec().process.user.additional_gids == std::vector<std::uint32_t>{1001, 29, 2000, 44});
    fixture.options.group_add = {};
    fixture.options.user = "7:8";
    CHECK(fixture.spec().process.user == UserSpec{7, 8, {}, {8}});
    CHECK(contains(fixture.spec().process.env, "HOME=/"));
    fixture.options.user = "nobody";
    CHECK(fixture.refused() ==
          "user 'nobody' is not in the image's /etc/passwd | give a user that the image has, or a numeric user id");
    fixture.options.user = "app";
    fixture.options.group_add = {"x"};
    CHECK(fixture.refused() ==
          "group 'x' is not in the image's /etc/group | give a group that the image has, or a numeric group id");
}

TEST_CASE("request: host name") {
    Fixture fixture;
    CHECK(fixture.spec().hostname == "0123456789ab");
    fixture.options.network = RunOptions::Network::host;
    CHECK(fixture.spec().hostname == "big");
    fixture.options.hostname = "mine";
    fixture.options.domainname = "test";
    CHECK(fixture.spec().hostname == "mine");
    CHECK(fixture.spec().domainname == "test");
    CHECK(contains(fixture.spec().process.env, "HOSTNAME=mine"));
    fixture.options.uts = NamespaceMode::host;
    CHECK(fixture.refused() == "--hostname 'mine': with --uts host it would change the host's own name | ");
    fixture.options.hostname = "";
    CHECK(fixture.refused() == "--domainname 'test': with --uts host it would change the host's own name | ");
    fixture.options.domainname = "";
    CHECK(fixture.spec().hostname.empty());
    CHECK(contains(fixture.spec().process.env, "HOSTNAME=big"));
}

TEST_CASE("request: names, streams, supervision") {
    Fixture fixture;
    auto request = fixture.request();
    CHECK(request.id == fixture.host.id);
    CHECK(request.container_dir == "/c/0123");
    CHECK(request.seccomp_cache == "/cache");
    CHECK(request.supervision.stop_signal == SIGTERM);
    CHECK(request.supervision.stop_timeout == 10s);
    CHECK_FALSE(request.supervision.timeout);
    CHECK_FALSE(request.spec.process.terminal);
    CHECK(request.loopback_up);

    fixture.image.config.stop_signal = "SIGQUIT";
    fixture.options.name = "mine";
    fixture.options.interactive = fixture.options.tty = fixture.options.init = true;
    fixture.options.timeout = 5s;
    fixture.options.stop_timeout = 1s;
    fixture.options.annotations = {{"a", "b"}};
    fixture.options.ulimits = {{"RLIMIT_NOFILE", 1, 2}};
    request = fixture.request();
    CHECK(request.name == "mine");
    CHECK(request.supervision.stop_signal == SIGQUIT);
    CHECK(request.supervision.timeout == 5s);
    CHECK(request.supervision.stop_timeout == 1s);
    CHECK(request.supervision.init);
    CHECK(request.streams.interactive);
    CHECK(request.streams.tty);
    CHECK(request.spec.process.terminal);
    CHECK(request.spec.process.rlimits == fixture.options.ulimits);
    CHECK(request.spec.annotations == fixture.options.annotations);

    fixture.options.stop_signal = "KILL";
    CHECK(fixture.request().supervision.stop_signal == SIGKILL);
    fixture.options.stop_signal = "x";
    CHECK(fixture.refused() ==
          "--stop-signal 'x': there is no such signal | signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …");
    fixture.options.stop_signal = "";
    fixture.image.config.stop_signal = "y";
    CHECK(fixture.refused() == "StopSignal of the image is unknown: 'y' | give another one with --stop-signal");
}

TEST_CASE("request: remarks") {
    Fixture fixture;
    CHECK(fixture.request().notices.empty());
    fixture.image.config.exposed_ports = {"443/tcp", "80/tcp"};
    CHECK(fixture.request().notices == Words{"the image exposes 443/tcp, 80/tcp, but the container has no network "
                                             "(-P publishes them, --network host gives it the host's)"});
    fixture.options.network = RunOptions::Network::none;
    CHECK(fixture.request().notices.empty());
    fixture.options.privileged = true;
    CHECK(fixture.request().notices ==
          Words{"--privileged takes the sandbox away: root in the container is root on this host"});
}

TEST_CASE("request: what the checks of a spec find is told") {
    Fixture fixture;
    fixture.options.ulimits = {{"RLIMIT_NOFILE", 2, 1}, {"RLIMIT_FOO", 1, 1}};
    CHECK(fixture.refused() ==
          "image 'web': .process.rlimits[0]: the soft limit 2 of RLIMIT_NOFILE is over the hard limit 1; "
          ".process.rlimits[1].type: unknown limit 'RLIMIT_FOO' | ");
}
