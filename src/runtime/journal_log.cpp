#include "runtime/journal_log.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::string_view journal_socket = "/run/systemd/journal/socket";
constexpr std::size_t most_waiting = std::size_t{256} << 10;  // bytes
constexpr int patience = 2000;                                // milliseconds, at the end of a container

// None if nobody listens there.
Fd connect_to_journal() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(journal_socket.begin(), journal_socket.end(), address.sun_path);
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        socket.reset();
    return socket;
}

// A value with an end of line in it has its length in front, 64 bits, the lowest byte first.
void add_field(std::string& entry, std::string_view name, std::string_view value) {
    entry += name;
    if (value.find('\n') == std::string_view::npos) {
        entry += '=';
    } else {
        entry += '\n';
        for (unsigned byte = 0; byte < 8; byte++) entry += static_cast<char>(std::uint64_t{value.size()} >> 8 * byte);
    }
    entry += value;
    entry += '\n';
}

}  // namespace

JournalLog::JournalLog(const ContainerFacts& facts) : socket_(connect_to_journal()) {
    if (!socket_)
        throw Error(ErrorKind::unsupported,
                    cat("--log-driver journald: nobody listens at ", journal_socket, ": ", errno_text(errno)),
                    "start systemd-journald, or leave the option out: the log is a file then");
    const auto id = facts.id.substr(0, 12);
    const auto& tag = facts.log.tag.empty() ? id : facts.log.tag;
    add_field(fields_, "CONTAINER_NAME", facts.name);
    add_field(fields_, "CONTAINER_ID", id);
    add_field(fields_, "CONTAINER_ID_FULL", facts.id);
    add_field(fields_, "CONTAINER_TAG", tag);
    add_field(fields_, "SYSLOG_IDENTIFIER", tag);
    add_field(fields_, "IMAGE_NAME", facts.image_name);
}

void JournalLog::add(std::string_view message, int priority, bool is_part) {
    std::string entry;
    add_field(entry, "PRIORITY", cat(priority));
    entry += fields_;
    if (is_part) add_field(entry, "CONTAINER_PARTIAL_MESSAGE", "true");
    add_field(entry, "MESSAGE", message);
    waiting_bytes_ += entry.size();
    waiting_.push_back(std::move(entry));
}

void JournalLog::tell_lost() {
    const auto lost = std::exchange(lost_, 0);
    if (lost > 0) add(cat("minirun: ", lost, " lines were lost: the journal did not keep up"), LOG_WARNING, false);
}

void JournalLog::add_line(int stream, std::string_view line, Time) {
    if (waiting_bytes_ > most_waiting) flush();
    if (waiting_bytes_ > most_waiting) {
        lost_++;
        return;
    }
    tell_lost();
    const bool is_part = !line.ends_with('\n') && line.size() == longest_log_entry;
    if (line.ends_with('\n')) line.remove_suffix(1);
    add(line, stream == STDERR_FILENO ? LOG_ERR : LOG_INFO, is_part);
}

// As much as the journal takes. One that was started anew is another socket at the same place.
void JournalLog::flush() {
    for (bool again = true; !waiting_.empty();) {
        const auto& entry = waiting_.front();
        const bool sent = socket_ && ::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0;
        if (socket_ && !sent) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == ENOBUFS) return;
            if (errno != EMSGSIZE) socket_.reset();
        }
        if (!socket_ && std::exchange(again, false)) {
            socket_ = connect_to_journal();
            if (socket_) continue;
        }
        if (!sent) lost_++;
        waiting_bytes_ -= entry.size();
        waiting_.pop_front();
    }
    waiting_.shrink_to_fit();
}

// What waits gets a moment.
void JournalLog::close() {
    tell_lost();
    pollfd watched{socket_.get(), POLLOUT, 0};
    while (!waiting_.empty() && ::poll(&watched, 1, patience) > 0) {
        flush();
        watched.fd = socket_.get();
    }
}

void JournalLog::watch(std::vector<pollfd>& list) const {
    list.push_back({waiting_.empty() ? -1 : socket_.get(), POLLOUT, 0});
}

void JournalLog::serve(std::span<const pollfd> events) {
    if (events[0].revents != 0) flush();
}

}  // namespace minirun
