// A network device of the host that becomes a container's.
#pragma once

#include <linux/if_addr.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "network/netlink.hpp"

namespace minirun {

/// A network device in another network namespace, set up there. It keeps what the kernel keeps (MTU, hardware address),
/// and its permanent addresses of global scope, which the kernel takes away. It goes back with the end of this object,
/// unless dismissed: a container that has failed would take it along. config-linux.md "Network devices".
class MovedDevice {
public:
    /// Throws Error; then it is back.
    MovedDevice(const std::string& device, const Fd& network_namespace, const std::string& name);
    MovedDevice(MovedDevice&&) = default;
    MovedDevice& operator=(MovedDevice&&) = delete;
    ~MovedDevice();
    void dismiss() noexcept { stays_ = true; }

private:
    struct Address {
        ifaddrmsg header;
        std::string local, address, broadcast;
    };
    struct Link {
        int index = 0;
        bool up = false;
    };
    static Link find(Netlink& netlink, const std::string& what, const std::string& device);
    static std::vector<Address> addresses_of(Netlink& netlink, const std::string& what, int index);
    void set_up(Netlink& netlink, const std::string& what, int index, bool up) const;
    void move_back();

    std::string device_, name_;
    Fd own_namespace_;
    Netlink here_, there_;
    Link before_;
    std::vector<Address> addresses_;
    bool stays_ = false, moved_ = false;
};

}  // namespace minirun
