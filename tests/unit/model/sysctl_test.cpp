#include "model/sysctl.hpp"

#include <doctest/doctest.h>

using namespace minirun;
using namespace std::string_literals;

TEST_CASE("the file of a sysctl, from both ways to write its key") {
    CHECK(sysctl_path("net.ipv4.ip_forward") == "net/ipv4/ip_forward");
    CHECK(sysctl_path("net/ipv4/ip_forward") == "net/ipv4/ip_forward");
    CHECK(sysctl_path("net.ipv4.conf.eth0/100.forwarding") == "net/ipv4/conf/eth0.100/forwarding");
    CHECK(sysctl_path("net/ipv4/conf/eth0.100/forwarding") == "net/ipv4/conf/eth0.100/forwarding");
    CHECK(sysctl_path("kernel.sem") == "kernel/sem");
}

TEST_CASE("a key whose path could lead elsewhere is none") {
    for (const auto& key : {""s, "sysctl"s, "."s, "/"s, ".net.ipv4"s, "/net/ipv4"s, "net."s, "net/"s, "net..ipv4"s,
                            "net//ipv4"s, "net/../kernel/core_pattern"s, "net/./ipv4"s, "net.//.kernel.core_pattern"s,
                            "net./.ipv4"s, "net/.."s, "../kernel/core_pattern"s, "net.ipv4\0.x"s}) {
        CAPTURE(key);
        CHECK_FALSE(sysctl_path(key).has_value());
    }
}

TEST_CASE("which namespace has a sysctl of its own") {
    CHECK(sysctl_namespace("net/core/somaxconn") == NamespaceType::network);
    CHECK_FALSE(sysctl_namespace("user/max_user_namespaces"));  // written before the user namespace is entered
    CHECK(sysctl_namespace("fs/mqueue/queues_max") == NamespaceType::ipc);
    CHECK(sysctl_namespace("kernel/sem") == NamespaceType::ipc);
    CHECK(sysctl_namespace("kernel/shm_rmid_forced") == NamespaceType::ipc);
    CHECK(sysctl_namespace("kernel/msgmax") == NamespaceType::ipc);
    CHECK(sysctl_namespace("kernel/domainname") == NamespaceType::uts);
    for (const auto* path : {"kernel/core_pattern", "vm/swappiness", "fs/file-max", "net", "kernel/semx", "kernel/shm",
                             "fs/mqueue", "kernel/hostname", "network/x", "kernel/msg_anything"}) {
        CAPTURE(path);
        CHECK_FALSE(sysctl_namespace(path).has_value());
    }
}
