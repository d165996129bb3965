// Those who are attached to a container in the background: they see what it writes, and write to it.
//
// A connection is a socket of type SOCK_SEQPACKET, at the path containers/ID/attach or handed over by who has started
// the container. Each message begins with a byte that says what it is:
//
//   supervisor ──► client   '1' '2'  what was written to standard output or error
//                           'x'      the container has ended; its exit code, in digits
//   client ──► supervisor   'i'      what was typed
//                           'e'      nothing more is going to be
//                           'w'      the size of the client's terminal: a struct winsize
#pragma once

#include <sys/ioctl.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "launch/supervise.hpp"

namespace minirun {

/// The name of the socket in a container's directory.
inline constexpr const char* attach_socket = "attach";
/// No message is longer, in bytes.
inline constexpr std::size_t longest_attach_message = 16385;

class AttachServer : public SupervisedService {
public:
    /// Listens in the container's directory; `first`: a connection that is there already, or none. Throws Error.
    AttachServer(const std::string& directory, Fd first);
    ~AttachServer() override;

    /// Where what is typed goes: the master of the container's terminal, which stays the caller's, or a pipe.
    void set_terminal(int terminal) {
        terminal_ = terminal;
        typed_.clear();
        ended_ = false;
    }
    void set_input(Fd pipe) {
        input_ = std::move(pipe);
        typed_.clear();
        ended_ = false;
    }

    void watch(std::vector<pollfd>& list) const override;
    void serve(std::span<const pollfd> events) override;

    /// Passes on what the container has written. Who does not read is let go: nobody holds up a container.
    void tell(int stream, std::string_view bytes);
    void tell_end(int exit_code);

private:
    void accept_one();
    bool receive(int client);
    void write_some();
    int sink() const { return terminal_ >= 0 ? terminal_ : input_.get(); }
    void send(char kind, std::string_view bytes);

    std::string path_;
    Fd listener_;
    std::vector<Fd> clients_;
    int terminal_ = -1;
    Fd input_;
    std::string typed_;  ///< that the container has not taken yet: then nobody is listened to
    bool ended_ = false;
    winsize size_{};
};

/// A connection to the supervisor of the container in this directory; none if it has no such socket. Throws Error.
Fd connect_to_attach(const std::string& directory);

}  // namespace minirun
