#include "model/bridge_network.hpp"

#include "base/json.hpp"
#include "support.hpp"

using namespace minirun;

TEST_CASE("a container's networks are read as they were written down") {
    NetworkRecord record;
    record.id = "aaaa";
    record.name = "web";
    record.host = UINT64_MAX;
    record.ports = {{"::1", 8000, 80, 3, PublishedPorts::Protocol::udp}};
    const BridgeNetwork lan{"lan", "cccc", "2026-01-01T00:00:00Z", "mr-cccc",        {{"10.90.0.0/24", "10.90.0.1"}},
                            true,  false,  {{"a", "b"}},           {{"mtu", "1400"}}};
    record.ends = {{lan, "eth0", {"10.90.0.2"}, "02:42:0a:5a:00:02", {"db"}, 7}};
    const auto json = Json::parse(network_record_json(record).dump());
    Problems problems("network.json");
    const auto again = read_network_record(JsonView(json, problems));
    CHECK(problems.empty());
    CHECK(again.host == record.host);
    CHECK(again.ports == record.ports);
    CHECK(network_record_json(again) == json);
    REQUIRE(again.ends.size() == 1);
    CHECK(again.ends[0].port == 7);
    CHECK(again.ends[0].network.labels.at("a") == "b");
    CHECK(again.ends[0].network.options == lan.options);
}
