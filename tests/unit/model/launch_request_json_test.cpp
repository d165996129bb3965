#include "model/launch_request_json.hpp"

#include "base/json.hpp"
#include "support.hpp"

namespace minirun {
namespace {

LaunchRequest read_again(const LaunchRequest& request) {
    const auto document = parse_json(launch_request_json(request).dump(), "request.json");
    Problems problems("request.json");
    auto again = read_launch_request(JsonView(document, problems));
    problems.throw_if_any();
    return again;
}

TEST_CASE("launch request: what is written is read, member by member") {
    LaunchRequest request;
    request.root = {RootSource::Kind::layers,
                    {{"01-a", "/a"}, {"02-b", "/b c"}},
                    true,
                    RootSource::Upper::memory,
                    1 << 20,
                    true,
                    {{"/proc", true}, {"/etc/hosts", false}}};
    request.etc_files = {{"/etc/hosts", "127.0.0.1 localhost\n"}};
    request.ensure_directories = {"/data"};
    request.streams.interactive = request.streams.tty = true;
    request.supervision.stop_signal = SIGQUIT;
    request.supervision.stop_timeout = std::chrono::milliseconds(1500);
    request.supervision.timeout = std::chrono::seconds(7);
    request.supervision.cpu_time = std::chrono::seconds(8);
    request.supervision.output_limit = 9;
    request.supervision.init = true;
    request.fixed_addresses = request.compat = request.privileged = true;
    request.loopback_up = false;
    request.pasta = {{{"::1", 8000, 80, 3, PublishedPorts::Protocol::udp}, {}}, "02:00:00:00:00:01", "169.254.1.1", ""};
    request.bridge.emplace();
    request.bridge->networks = {{"lan", "10.90.0.7", "", {"db"}}};
    request.bridge->keeps_names = true;
    request.network_of = "abc";
    const auto again = read_again(request);
    CHECK(launch_request_json(again) == launch_request_json(request));
    CHECK(again.root.layers.at(1).path == "/b c");
    CHECK(again.root.isolated);
    CHECK(again.root.reused);
    CHECK(again.root.upper == RootSource::Upper::memory);
    CHECK(again.root.memory_upper_size == 1 << 20);
    CHECK_FALSE(again.root.missing_targets.at(1).directory);
    CHECK(again.etc_files.at(0).text == "127.0.0.1 localhost\n");
    CHECK(again.ensure_directories == std::vector<std::string>{"/data"});
    CHECK(again.streams.interactive);
    CHECK(again.streams.tty);
    CHECK(again.supervision.stop_signal == SIGQUIT);
    CHECK(again.supervision.stop_timeout == std::chrono::milliseconds(1500));
    CHECK(again.supervision.timeout == std::chrono::seconds(7));
    CHECK(again.supervision.cpu_time == std::chrono::seconds(8));
    CHECK(again.supervision.output_limit == 9);
    CHECK(again.supervision.init);
    CHECK(again.fixed_addresses);
    CHECK(again.compat);
    CHECK(again.privileged);
    CHECK_FALSE(again.loopback_up);
    CHECK(again.pasta->ports == request.pasta->ports);
    CHECK(again.pasta->mac_address == "02:00:00:00:00:01");
    CHECK(again.pasta->dns_forward == "169.254.1.1");
    REQUIRE(again.bridge);
    REQUIRE(again.bridge->networks.size() == 1);
    CHECK(again.bridge->networks[0].network == "lan");
    CHECK(again.bridge->networks[0].address4 == "10.90.0.7");
    CHECK(again.bridge->networks[0].aliases == std::vector<std::string>{"db"});
    CHECK(again.bridge->keeps_names);
    CHECK(again.network_of == "abc");
}

TEST_CASE("launch request: one that nobody has changed") {
    const auto again = read_again({});
    CHECK(launch_request_json(again) == launch_request_json({}));
    CHECK(again.root.kind == RootSource::Kind::layers);
    CHECK(again.loopback_up);
    CHECK_FALSE(again.supervision.timeout);
    CHECK_FALSE(again.pasta);
}

}  // namespace
}  // namespace minirun
