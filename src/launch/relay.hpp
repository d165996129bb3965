// Bytes between the user's terminal and the container.
#pragma once

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "launch/launcher.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// What a container has written to its streams.
struct OutputMeter {
    std::uint64_t bytes = 0;  ///< passed on
    std::optional<std::uint64_t> limit{};
    bool exceeded = false;  ///< there was more than the limit

    /// Of so many bytes more, how many are passed on.
    std::size_t take(std::size_t size);
};

/// Told what a container writes: on standard output (1), to which a terminal counts, or standard error (2).
using OutputListener = std::function<void(int stream, std::string_view bytes)>;

/// One direction: reads when there is something and room, writes when the other side takes it.
class Relay {
public:
    enum class Way { in, out };
    Relay(int from, int to, Way way, OutputMeter& meter);

    /// What to wait for; descriptors of -1 are ignored by poll(2).
    void watch(std::vector<pollfd>& list) const;
    /// Acts on the two entries that watch() added.
    void serve(const pollfd& source, const pollfd& sink);
    /// Whether there is something to be written now; reads it if it has to.
    bool has_more();
    /// Waits where the other side does not take it.
    void write_some();
    int sink() const { return to_; }
    bool is_input() const { return way_ == Way::in; }
    /// What was read so far, and how much can be waiting to be.
    std::uint64_t bytes_read() const { return bytes_read_; }
    std::uint64_t most_that_waits() const;
    /// Called with all that is passed on; `listener` lives longer than this.
    void tell(const OutputListener& listener, int stream) {
        listener_ = &listener;
        stream_ = stream;
    }
    /// Closed when the source has ended and all is written: the far end sees end of file.
    void own_sink(Fd sink) { owned_sink_ = std::move(sink); }
    /// Closed when nothing can be written any more: the far end is told.
    void own_source(Fd source) { owned_source_ = std::move(source); }

private:
    bool read_some();

    int from_, to_;
    Way way_;
    OutputMeter* meter_;
    const OutputListener* listener_ = nullptr;
    int stream_ = 0;
    std::size_t most_at_once_;
    std::uint64_t bytes_read_ = 0;
    Fd owned_sink_, owned_source_;
    std::size_t begin_ = 0, end_ = 0;
    char buffer_[16384];
};

/// The user's terminal in raw mode; put back as it was at the end of the scope.
class RawTerminal {
public:
    explicit RawTerminal(int fd);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

private:
    int fd_;
    std::optional<termios> before_;
};

/// The container's standard streams, and what has to be relayed for them.
///
/// With --tty the container has a pty of its own. Without it, pipes and sockets are handed on as they are, and cost
/// nothing; terminals, files and whatever else gives more than a stream are replaced by pipes.
class ContainerStreams {
public:
    /// `output_limit`: bytes on both streams; nothing more is passed on.
    ContainerStreams(const Streams& wanted, std::optional<std::uint64_t> output_limit, OutputListener listener = {});
    ContainerStreams(const ContainerStreams&) = delete;
    ContainerStreams& operator=(const ContainerStreams&) = delete;

    StandardStreams for_launch() const { return given_; }
    /// After the launch: lets go of the container's ends and sets up the relays.
    void start(const Launched& launched);
    std::vector<Relay>& relays() { return relays_; }
    const OutputMeter& output() const { return meter_; }
    /// Gives the container's terminal the size of the user's.
    void resize(int terminal) const;

private:
    int make_harmless(int stream, Relay::Way way);
    void open_null();
    void listen(int stream);

    Streams wanted_;
    StandardStreams given_;
    std::vector<Fd> ends_of_container_;
    OutputMeter meter_;
    OutputListener listener_;
    std::vector<Relay> relays_;
    std::optional<RawTerminal> raw_;
};

}  // namespace minirun
