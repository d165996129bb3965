#include "network/netavark.hpp"

#include "base/json.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

NetworkEnd end_of(const std::string& name, const std::string& interface, bool internal) {
    const BridgeNetwork network{
        name, "id-of-" + name, "", "mr-" + name, {{"10.90.0.0/24", "10.90.0.1"}}, internal, true, {}, {}};
    return {network, interface, {"10.90.0.2"}, "02:42:0a:5a:00:02", {"alias"}, 0};
}

}  // namespace

TEST_CASE("netavark: its input") {
    NetworkRecord record;
    record.id = "aaaa";
    record.name = "web";
    record.ports = {{"127.0.0.1", 8000, 80, 3, PublishedPorts::Protocol::udp}};
    record.ends = {end_of("lan", "eth0", false)};
    record.ends[0].network.subnets.push_back({"fd00:1::/64", "fd00:1::1"});
    record.ends[0].addresses.push_back("fd00:1::2");
    CHECK(Json::parse(netavark_input(record, record.ends[0])) == Json::parse(R"({
        "container_id": "aaaa", "container_name": "web",
        "port_mappings": [{"container_ip": "", "container_port": 80, "host_ip": "127.0.0.1", "host_port": 8000,
                           "protocol": "udp", "range": 3}],
        "networks": {"lan": {"static_ips": ["10.90.0.2", "fd00:1::2"], "static_mac": "02:42:0a:5a:00:02",
                             "aliases": ["alias"], "interface_name": "eth0"}},
        "network_info": {"lan": {"name": "lan", "id": "id-of-lan", "driver": "bridge", "network_interface": "mr-lan",
                                 "subnets": [{"subnet": "10.90.0.0/24", "gateway": "10.90.0.1"},
                                             {"subnet": "fd00:1::/64", "gateway": "fd00:1::1"}],
                                 "ipv6_enabled": true, "internal": false, "dns_enabled": true, "options": {}}}})"));
}

TEST_CASE("netavark: ports lead to the first network with a way in") {
    NetworkRecord record;
    record.ports = {{"", 8000, 80, 1, PublishedPorts::Protocol::tcp}};
    record.ends = {end_of("inner", "eth0", true), end_of("lan", "eth1", false), end_of("other", "eth2", false)};
    const auto has_ports = [&](int i) {
        return Json::parse(netavark_input(record, record.ends[static_cast<std::size_t>(i)])).contains("port_mappings");
    };
    CHECK(!has_ports(0));
    CHECK(has_ports(1));
    CHECK(!has_ports(2));
}
