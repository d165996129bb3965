// A container's connection to bridges: made, and taken down again.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "model/bridge_network.hpp"
#include "plan/step.hpp"

namespace minirun {

/// From when the container is connected to the end of this object. A kill -9 leaves the record, which
/// end_connection() goes by.
class BridgeConnection {
public:
    BridgeConnection() = default;
    /// Throws Error; then there is none, and nothing is left of it.
    BridgeConnection(const op::ConnectBridges& step, Fd network);
    BridgeConnection(BridgeConnection&&) noexcept = default;
    BridgeConnection& operator=(BridgeConnection&& other) noexcept;
    ~BridgeConnection() { end(); }
    void end() noexcept;

private:
    std::string record_, state_;
    Fd network_;             // the container's, which has to be there to be taken out of it
    std::vector<Fd> ports_;  // nobody else gets them meanwhile
};

/// What is written down in this file. Throws Error.
NetworkRecord read_network_record(const std::string& path);
void write_network_record(const std::string& path, const NetworkRecord& record);

/// One more end, or one less, of a container that runs; the caller holds lock_networks(). Throws Error; of
/// connect_end() nothing is left then. What it is to be is in the record already.
void connect_end(const std::string& record, const NetworkEnd& end, const std::string& state, const Fd& network);
void disconnect_end(const NetworkRecord& record, const NetworkEnd& end, const std::string& state, const Fd& network);

/// Takes down what a container whose owner is gone has left, as far as that can be done, and removes the record.
void end_connection(const std::string& record, const std::string& state) noexcept;

}  // namespace minirun
