#include "model/network_setting.hpp"

#include "support.hpp"

using namespace minirun;
using Network = RunOptions::Network;
using Words = std::vector<std::string>;

namespace {

constexpr auto tcp = PublishedPorts::Protocol::tcp;

struct Fixture {
    ImageConfig image;
    RunOptions options;
    std::optional<NetworkSetting> setting() const { return network_setting(image, options, "/data/containers/a"); }
    std::string refused() const {
        return test::error_text([&] { (void)setting(); });
    }
    Words notices() const { return port_notices(image, options); }
};

}  // namespace

TEST_CASE("network: none, unless something is published") {
    Fixture fixture;
    CHECK(network_of(fixture.options) == Network::none);
    CHECK(!fixture.setting());
    fixture.options.publish_all = true;
    CHECK(network_of(fixture.options) == Network::pasta);
    fixture.options.publish_all = false;
    fixture.options.publish = {{"", 8080, 80, 1, tcp}};
    CHECK(network_of(fixture.options) == Network::pasta);
    const auto setting = fixture.setting();
    REQUIRE(setting);
    CHECK(setting->ports == fixture.options.publish);
    CHECK(setting->process_record == "/data/containers/a/pasta");
    fixture.options.publish.clear();
    fixture.options.network = Network::pasta;
    fixture.options.mac_address = "02:00:00:00:00:01";
    REQUIRE(fixture.setting());
    CHECK(fixture.setting()->ports.empty());
    CHECK(fixture.setting()->mac_address == "02:00:00:00:00:01");
}

TEST_CASE("network: what only pasta can do is refused with the others") {
    const std::string way_out = " | leave out --network, or leave out what is published";
    const struct {
        Network network;
        const char* reason;
    } rows[] = {
        {Network::none, "--network none has no way in"},
        {Network::host, "with --network host the container's ports are the host's already"},
        {Network::path, "the network namespace of --network ns: is set up by whoever made it"},
    };
    for (const auto& row : rows) {
        Fixture fixture;
        fixture.options.network = row.network;
        CHECK(!fixture.setting());
        fixture.options.publish_all = true;
        CHECK(fixture.refused() == std::string("--publish-all publishes ports with --network pasta or bridge only: ") +
                                       row.reason + way_out);
        fixture.options.publish = {{"", 8080, 80, 1, tcp}};
        CHECK(fixture.refused() ==
              std::string("--publish publishes ports with --network pasta or bridge only: ") + row.reason + way_out);
        fixture.options.publish.clear();
        fixture.options.publish_all = false;
        fixture.options.mac_address = "02:00:00:00:00:01";
        CHECK(fixture.refused() ==
              "--mac-address is for the interface that --network pasta or bridge makes | add --network pasta");
    }
}

TEST_CASE("network: bridges") {
    Fixture fixture;
    fixture.options.network = Network::bridge;
    fixture.options.bridges = {"bridge", "lan"};
    fixture.options.publish = {{"", 8080, 80, 1, tcp}};
    fixture.options.address4 = "10.90.0.7";
    fixture.options.network_aliases = {"db"};
    fixture.options.mac_address = "02:00:00:00:00:01";
    CHECK(!fixture.setting());
    const auto bridge = bridge_setting(fixture.image, fixture.options);
    REQUIRE(bridge);
    REQUIRE(bridge->networks.size() == 2);
    CHECK(bridge->networks[0].network == "bridge");
    CHECK(bridge->networks[0].address4 == "10.90.0.7");
    CHECK(bridge->networks[1].network == "lan");
    CHECK(bridge->networks[1].address4.empty());
    CHECK(bridge->networks[1].aliases == Words{"db"});
    CHECK(bridge->ports == fixture.options.publish);
    CHECK(bridge->mac_address == "02:00:00:00:00:01");
    fixture.options.bridges = {"lan", "lan"};
    CHECK(fixture.refused() == "--network bridge:lan is given twice | ");
}

TEST_CASE("network: what belongs to a bridge is refused elsewhere, and to the other container with container:") {
    Fixture fixture;
    fixture.options.network_aliases = {"db"};
    CHECK(fixture.refused() ==
          "--network-alias is for networks that containers share | add --network bridge, or --network bridge:NAME");
    fixture.options.address6 = "fd00::7";
    CHECK(fixture.refused() ==
          "--ip6 is for networks that containers share | add --network bridge, or --network bridge:NAME");
    Fixture joined;
    joined.options.network = Network::container;
    CHECK(!joined.setting());
    joined.options.dns = {"10.0.0.1"};
    CHECK(joined.refused() ==
          "--dns does not go with --network container: it is that container's to say | give it to the container whose "
          "network is joined");
}

TEST_CASE("network: the ports that the image exposes") {
    Fixture fixture;
    fixture.image.exposed_ports = {"443/tcp", "53/sctp", "80-81/tcp"};
    CHECK(fixture.notices() ==
          Words{"the image exposes 443/tcp, 53/sctp, 80-81/tcp, but the container has no network (-P publishes them, "
                "--network host gives it the host's)"});
    fixture.options.publish = {{"", 8080, 80, 1, tcp}};
    CHECK(fixture.notices().empty());
    fixture.options.publish_all = true;
    CHECK(fixture.notices() == Words{"-P does not publish 53/sctp: only tcp and udp can be"});
    const auto setting = fixture.setting();
    REQUIRE(setting);
    CHECK(setting->ports ==
          std::vector<PublishedPorts>{
              {"", 8080, 80, 1, tcp}, {"", 0, 443, 1, tcp}, {"", 0, 80, 1, tcp}, {"", 0, 81, 1, tcp}});
    fixture.image.exposed_ports.clear();
    CHECK(fixture.notices() == Words{"the image exposes no ports that -P could publish"});
    fixture.options.publish.push_back({"::1", 8080, 81, 1, tcp});
    CHECK(fixture.refused().starts_with("--publish: port 8080/tcp of the host is given twice"));
}
