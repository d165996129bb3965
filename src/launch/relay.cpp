#include "launch/relay.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>

#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr int no_fd = -1;

// A pipe or a socket gives no more than a stream. Through a file's descriptor the container could read what was in it
// before, truncate it, or make it a set-uid program; through a terminal's, type into the shell (CVE-2016-8659). The
// child puts the container's own null device in place of the host's.
bool gives_only_a_stream(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) < 0) return false;
    const bool is_null = S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
    return S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || is_null;
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

// A terminal promises no room when poll(2) says that it takes something, so it is opened again, for us alone: the one
// that others use as well cannot be made one that does not wait. Not a master (5:2): that would be another terminal.
Fd open_without_waiting(int fd) {
    struct stat info {};
    if (::isatty(fd) == 0 || ::fstat(fd, &info) < 0 || info.st_rdev == makedev(5, 2)) return Fd();
    return Fd(::open(cat("/proc/self/fd/", fd).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

// Where a pipe has room it has PIPE_BUF. More would wait for its reader, and nobody would watch the clock.
std::size_t most_at_once_to(int fd) {
    struct stat info {};
    const bool never_waits =
        (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) || (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
    return never_waits ? std::numeric_limits<std::size_t>::max() : PIPE_BUF;
}

}  // namespace

std::size_t OutputMeter::take(std::size_t size) {
    const auto room = limit ? *limit - bytes : std::numeric_limits<std::uint64_t>::max();
    exceeded = exceeded || size > room;
    const auto taken = exceeded ? static_cast<std::size_t>(room) : size;
    bytes += taken;
    return taken;
}

Relay::Relay(int from, int to, Way way, OutputMeter& meter) : from_(from), to_(to), way_(way), meter_(&meter) {
    owned_sink_ = open_without_waiting(to);
    if (owned_sink_) to_ = owned_sink_.get();
    most_at_once_ = most_at_once_to(to_);
}

void Relay::watch(std::vector<pollfd>& list) const {
    const bool room = begin_ == end_;
    list.push_back({room ? from_ : no_fd, POLLIN, 0});
    list.push_back({room ? no_fd : to_, POLLOUT, 0});
}

void Relay::serve(const pollfd& source, const pollfd& sink) {
    if (source.revents != 0) read_some();
    if (sink.revents != 0) write_some();
}

bool Relay::read_some() {
    const auto n = ::read(from_, buffer_, sizeof buffer_);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) {
        // End of file; EIO: the last slave of a pty was closed.
        from_ = no_fd;
        owned_sink_.reset();
        return false;
    }
    begin_ = 0;
    end_ = static_cast<std::size_t>(n);
    bytes_read_ += end_;
    if (way_ == Way::out) end_ = meter_->take(end_);
    if (listener_ != nullptr) (*listener_)(stream_, {buffer_, end_});
    return end_ > 0;
}

void Relay::write_some() {
    const auto n = ::write(to_, buffer_ + begin_, std::min(end_ - begin_, most_at_once_));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
        // Nobody reads any more, or the disk is full. Who writes to a pipe of ours learns that as from any other pipe;
        // a terminal's program would hang, so it is read on.
        begin_ = end_ = 0;
        if (owned_source_) from_ = no_fd;
        owned_source_.reset();
        return;
    }
    begin_ += static_cast<std::size_t>(n);
}

std::uint64_t Relay::most_that_waits() const {
    constexpr int of_a_terminal = 1 << 20;
    const int size = ::fcntl(from_, F_GETPIPE_SZ);
    return static_cast<std::uint64_t>(size > 0 ? size : of_a_terminal);
}

bool Relay::has_more() {
    if (begin_ < end_) return true;
    pollfd ready{from_, POLLIN, 0};
    return from_ >= 0 && ::poll(&ready, 1, 0) > 0 && read_some();
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
    termios settings{};
    if (::tcgetattr(fd, &settings) < 0) return;
    before_ = settings;
    ::cfmakeraw(&settings);
    ::tcsetattr(fd, TCSADRAIN, &settings);
}

RawTerminal::~RawTerminal() {
    if (before_) ::tcsetattr(fd_, TCSADRAIN, &*before_);
}

ContainerStreams::ContainerStreams(const Streams& wanted, std::optional<std::uint64_t> output_limit,
                                   OutputListener listener)
    : wanted_(wanted), meter_{.limit = output_limit}, listener_(std::move(listener)) {
    given_ = {wanted.descriptors.in, wanted.descriptors.out, wanted.descriptors.err};
    if (wanted.inherited) return;
    if (wanted.tty && wanted.interactive && ::isatty(given_.in) == 0)
        throw Error(ErrorKind::usage, "-t with -i needs a terminal on standard input, and it is not one",
                    "leave out -t to pass on a file or a pipe");
    if (!wanted.interactive || wanted.tty) open_null();
    if (wanted.tty) return;
    if (wanted.interactive) given_.in = make_harmless(given_.in, Relay::Way::in);
    // One pipe for both keeps the order in which they were written.
    const bool together = !wanted.logged && kernel::is_same_file(given_.out, given_.err);
    given_.out = make_harmless(given_.out, Relay::Way::out);
    listen(STDOUT_FILENO);
    given_.err = together ? given_.out : make_harmless(given_.err, Relay::Way::out);
    if (!together) listen(STDERR_FILENO);
}

void ContainerStreams::open_null() {
    ends_of_container_.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!ends_of_container_.back()) throw system_error("cannot open '/dev/null'", errno);
    given_.in = ends_of_container_.back().get();
}

int ContainerStreams::make_harmless(int stream, Relay::Way way) {
    const bool input = way == Relay::Way::in;
    if (gives_only_a_stream(stream) && (input || (!wanted_.counted && !wanted_.logged))) return stream;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make a pipe", errno);
    Fd ours(ends[input ? 1 : 0]);
    ends_of_container_.emplace_back(ends[input ? 0 : 1]);
    // Whatever user the program runs as, it may open /dev/stdout.
    ::fchmod(ours.get(), 0666);
    set_nonblocking(ours.get());
    relays_.emplace_back(input ? stream : ours.get(), input ? ours.get() : stream, way, meter_);
    if (input)
        relays_.back().own_sink(std::move(ours));
    else
        relays_.back().own_source(std::move(ours));
    return ends_of_container_.back().get();
}

// What the relay that was made last passes on.
void ContainerStreams::listen(int stream) {
    if (wanted_.logged) relays_.back().tell(listener_, stream);
}

void ContainerStreams::start(const Launched& launched) {
    ends_of_container_.clear();
    if (!launched.terminal) return;
    const int terminal = launched.terminal.get();
    set_nonblocking(terminal);
    resize(terminal);
    relays_.emplace_back(terminal, wanted_.descriptors.out, Relay::Way::out, meter_);
    listen(STDOUT_FILENO);
    if (!wanted_.interactive) return;
    raw_.emplace(wanted_.descriptors.in);
    relays_.emplace_back(wanted_.descriptors.in, terminal, Relay::Way::in, meter_);
}

void ContainerStreams::resize(int terminal) const {
    winsize size{};
    for (const int stream : {wanted_.descriptors.in, wanted_.descriptors.out, wanted_.descriptors.err})
        if (::ioctl(stream, TIOCGWINSZ, &size) == 0) {
            ::ioctl(terminal, TIOCSWINSZ, &size);
            return;
        }
}

}  // namespace minirun
