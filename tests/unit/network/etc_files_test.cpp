#include "network/etc_files.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

constexpr const char* own_hosts =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

struct Fixture {
    ContainerSpec spec;
    RunOptions options;
    HostFacts host;
    Fixture() {
        spec.hostname = "web";
        host.hostname = "big";
        host.hosts = "127.0.0.1 localhost\n10.0.0.1 big # the host\n";
        host.resolv_conf = "# by hand\nnameserver 10.0.0.53\nsearch example.com\noptions edns0\nsortlist 10.0.0.0\n";
    }
    std::string text(std::string_view path) const {
        for (const auto& file : etc_files(spec, options, host))
            if (file.path == path) return file.text;
        return "none";
    }
    void with_host_network() { options.network = RunOptions::Network::host; }
};

}  // namespace

TEST_CASE("etc files: without a network nothing of the host is in them") {
    const Fixture fixture;
    CHECK(fixture.text("/etc/hostname") == "web\n");
    CHECK(fixture.text("/etc/hosts") == std::string(own_hosts) + "127.0.1.1\tweb\n");
    CHECK(fixture.text("/etc/resolv.conf") == "# This container has no network.\n");
}

TEST_CASE("etc files: with the host's network they are the host's") {
    Fixture fixture;
    fixture.with_host_network();
    CHECK(fixture.text("/etc/hosts") == fixture.host.hosts + "127.0.1.1\tweb\n");
    CHECK(fixture.text("/etc/resolv.conf") == fixture.host.resolv_conf);
    fixture.spec.hostname = "big";
    CHECK(fixture.text("/etc/hosts") == fixture.host.hosts);
    fixture.spec.hostname = "the";  // in a comment only
    CHECK(fixture.text("/etc/hosts") == fixture.host.hosts + "127.0.1.1\tthe\n");
    fixture.host.hosts = "";
    CHECK(fixture.text("/etc/hosts") == std::string(own_hosts) + "127.0.1.1\tthe\n");
}

TEST_CASE("etc files: a network of its own has those of the host's name servers that can be reached from there") {
    Fixture fixture;
    fixture.options.network = RunOptions::Network::pasta;
    CHECK(fixture.text("/etc/hosts") == std::string(own_hosts) + "127.0.1.1\tweb\n");
    const std::string rest = "search example.com\noptions edns0\nsortlist 10.0.0.0\n";
    CHECK(fixture.text("/etc/resolv.conf") == "nameserver 10.0.0.53\n" + rest);
    const std::string nobody =
        "# No name server of the host can be reached from here: minirun run --dns ADDRESS names one.\n";
    const struct {
        const char *host, *forward;
        std::string servers;
    } rows[] = {
        {"nameserver 127.0.0.53\nnameserver 10.0.0.53\n", "", "nameserver 10.0.0.53\n"},
        {"nameserver 127.0.0.53\n", "169.254.1.1", "nameserver 169.254.1.1\n"},
        {"nameserver ::1\nnameserver 127.0.0.1\n", "169.254.1.1", "nameserver 169.254.1.1\n"},
        {"nameserver ::1\n", "", nobody},
        {"nameserver fe80::1%eth0\n", "", nobody},
        {"", "", nobody},
    };
    for (const auto& row : rows) {
        fixture.host.resolv_conf = row.host;
        CHECK(dns_forward(fixture.options, fixture.host) == row.forward);
        CHECK(fixture.text("/etc/resolv.conf") == row.servers);
    }
    fixture.host.resolv_conf = "nameserver 127.0.0.53\noptions edns0\n";
    fixture.options.network = RunOptions::Network::path;
    fixture.options.network_path = "/run/netns/lab";
    CHECK(dns_forward(fixture.options, fixture.host).empty());
    CHECK(fixture.text("/etc/resolv.conf") == nobody + "options edns0\n");
    fixture.options.network = RunOptions::Network::pasta;
    fixture.options.dns = {"10.0.0.1"};
    CHECK(dns_forward(fixture.options, fixture.host).empty());
    CHECK(fixture.text("/etc/resolv.conf") == "nameserver 10.0.0.1\noptions edns0\n");
}

TEST_CASE("etc files: the host's name with the host's uts namespace") {
    Fixture fixture;
    fixture.spec.hostname = "";
    CHECK(fixture.text("/etc/hostname") == "big\n");
    CHECK(fixture.text("/etc/hosts") == own_hosts);
}

TEST_CASE("etc files: added hosts, domain name") {
    Fixture fixture;
    fixture.options.add_hosts = {"db:10.0.0.5", "v6=[fd00::5]"};
    fixture.spec.domainname = "example.com";
    CHECK(fixture.text("/etc/hosts") ==
          std::string(own_hosts) + "10.0.0.5\tdb\nfd00::5\tv6\n127.0.1.1\tweb.example.com web\n");
    fixture.options.add_hosts = {"web:10.0.0.9"};
    CHECK(fixture.text("/etc/hosts") == std::string(own_hosts) + "10.0.0.9\tweb\n");
}

TEST_CASE("etc files: resolver options replace the host's lines of their kind") {
    Fixture fixture;
    fixture.options.dns = {"1.1.1.1", "fe80::1%eth0"};
    CHECK(fixture.text("/etc/resolv.conf") == "nameserver 1.1.1.1\nnameserver fe80::1%eth0\n");
    fixture.with_host_network();
    CHECK(fixture.text("/etc/resolv.conf") ==
          "nameserver 1.1.1.1\nnameserver fe80::1%eth0\nsearch example.com\noptions edns0\nsortlist 10.0.0.0\n");
    fixture.options.dns.clear();
    fixture.options.dns_search = {"a.test", "b.test"};
    fixture.options.dns_options = {"ndots:2"};
    CHECK(fixture.text("/etc/resolv.conf") ==
          "nameserver 10.0.0.53\nsearch a.test b.test\noptions ndots:2\nsortlist 10.0.0.0\n");
    fixture.options.dns_search = {"."};
    CHECK(fixture.text("/etc/resolv.conf") == "nameserver 10.0.0.53\noptions ndots:2\nsortlist 10.0.0.0\n");
}

TEST_CASE("etc files: what the user mounts something on is the user's") {
    Fixture fixture;
    fixture.spec.mounts = {{"/etc/hosts", "bind", "/tmp/hosts", {"rbind"}}, {"/etcetera", "tmpfs", "tmpfs", {}}};
    CHECK(fixture.text("/etc/hosts") == "none");
    CHECK(fixture.text("/etc/hostname") == "web\n");
    fixture.spec.mounts = {{"/etc", "bind", "/tmp/etc", {"rbind"}}};
    CHECK(etc_files(fixture.spec, fixture.options, fixture.host).empty());
}

TEST_CASE("--add-host") {
    CHECK(parse_add_host("db:10.0.0.5") == HostEntry{"db", "10.0.0.5"});
    CHECK(parse_add_host("db:fd00::5") == HostEntry{"db", "fd00::5"});
    CHECK(parse_add_host("db:[fd00::5]") == HostEntry{"db", "fd00::5"});
    CHECK(parse_add_host("a.b-c_d=10.0.0.5") == HostEntry{"a.b-c_d", "10.0.0.5"});
    const struct {
        const char *text, *expected;
    } rows[] = {
        {"db", "--add-host 'db': expected NAME:ADDRESS | write db:10.0.0.5"},
        {":10.0.0.5",
         "--add-host ':10.0.0.5': '' is no host name | letters, digits, '-' and '_', with dots between the labels"},
        {"a b:10.0.0.5",
         "--add-host 'a b:10.0.0.5': 'a b' is no host name | letters, digits, '-' and '_', with dots between the "
         "labels"},
        {"db:10.0.0",
         "--add-host 'db:10.0.0': '10.0.0' is no IP address | "
         "write it as 10.0.0.5 or fd00::5, or host-gateway: names are not looked up"},
        {"db:1.2.3.4\n6.6.6.6 evil",
         "--add-host 'db:1.2.3.4\\n6.6.6.6 evil': '1.2.3.4\\n6.6.6.6 evil' is no IP address | "
         "write it as 10.0.0.5 or fd00::5, or host-gateway: names are not looked up"},
    };
    for (const auto& row : rows) CHECK(test::error_text([&] { parse_add_host(row.text); }) == row.expected);
}

TEST_CASE("--add-host NAME:host-gateway") {
    using Network = RunOptions::Network;
    CHECK(parse_add_host("db:host-gateway") == HostEntry{"db", "host-gateway"});
    Fixture fixture;
    fixture.options.add_hosts = {"this:host-gateway", "db:10.0.0.5"};
    fixture.options.network = Network::host;
    CHECK(fixture.text("/etc/hosts") == fixture.host.hosts + "127.0.0.1\tthis\n10.0.0.5\tdb\n127.0.1.1\tweb\n");
    // Which address a bridge has is known at the container's start.
    fixture.options.network = Network::bridge;
    auto hosts = fixture.text("/etc/hosts");
    set_host_gateway(hosts, "10.90.0.1");
    CHECK(hosts == std::string(own_hosts) + "10.90.0.1\tthis\n10.0.0.5\tdb\n127.0.1.1\tweb\n");
    hosts = fixture.text("/etc/hosts");
    set_host_gateway(hosts, "");
    CHECK(hosts == std::string(own_hosts) + "10.0.0.5\tdb\n127.0.1.1\tweb\n");
    const std::pair<Network, const char*> rows[] = {
        {Network::pasta, "pasta has no address that leads to this host"},
        {Network::path, "which address leads to this host, only who has made that network knows"},
        {Network::none, "without a network no address leads to this host"}};
    for (const auto& [network, reason] : rows) {
        fixture.options.network = network;
        CHECK(test::error_text([&] { fixture.text(""); }) ==
              cat("--add-host 'this:host-gateway': ", reason, " | with --network bridge, or host, there is one"));
    }
}

TEST_CASE("etc files: options are checked here too") {
    Fixture fixture;
    fixture.options.dns = {"8.8.8.8\nnameserver 6.6.6.6"};
    CHECK(test::error_text([&] { fixture.text(""); }) ==
          "--dns '8.8.8.8\\nnameserver 6.6.6.6': this is no IP address | write it as 10.0.0.1 or fd00::1");
    CHECK(test::error_text([] { check_name_server(std::string_view("8.8.8.8\0\nnameserver 6.6.6.6", 27)); }) ==
          "--dns '8.8.8.8\\x00\\nnameserver 6.6.6.6': this is no IP address | write it as 10.0.0.1 or fd00::1");
    fixture.options.dns = {"fe80::1%a b"};
    CHECK(test::error_text([&] { fixture.text(""); }) ==
          "--dns 'fe80::1%a b': this is no IP address | write it as 10.0.0.1 or fd00::1");
    fixture.options.dns = {};
    fixture.options.dns_search = {"a b"};
    CHECK(test::error_text([&] { fixture.text(""); }) ==
          "--dns-search 'a b': this is no domain | write example.com, or . for none");
    fixture.options.dns_search = {};
    fixture.options.dns_options = {""};
    CHECK(test::error_text([&] { fixture.text(""); }) ==
          "--dns-option '': this is no option of resolv.conf(5) | write ndots:2 or rotate");
}

TEST_CASE("is_host_name") {
    for (const auto* name : {"a", "web-1", "a_b", "A.b.c", "0"}) CHECK(is_host_name(name));
    for (const auto* name : {"", "-a", "a..b", ".a", "a.", "a b", "a/b", "\xc3\xa4"}) CHECK_FALSE(is_host_name(name));
    CHECK(is_host_name(std::string(63, 'a')));
    CHECK_FALSE(is_host_name(std::string(64, 'a')));
    CHECK(is_host_name(std::string(32, 'a') + "." + std::string(31, 'b')));
    CHECK_FALSE(is_host_name(std::string(32, 'a') + "." + std::string(32, 'b')));
}
