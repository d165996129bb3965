#include "runtime/health_monitor.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/containers.hpp"
#include "minirun/lifecycle.hpp"
#include "model/health_check.hpp"
#include "model/paths.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

using std::chrono::nanoseconds;

// Behind its time the check itself sees to its end. Should it hang there, it is waited for so much longer.
constexpr nanoseconds grace = std::chrono::seconds(30);
constexpr int too_long = 124;  // the exit code of check_health()

const char* program = nullptr;

std::string now() { return rfc3339(std::chrono::system_clock::now()); }

std::string seconds_text(nanoseconds time) {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    return milliseconds % 1000 == 0 ? cat(milliseconds / 1000, " s") : cat(milliseconds, " ms");
}

// What the new process does. Only system calls: another thread may hold a lock of libc's.
[[noreturn]] void become_check(const char* id, int output, const sigset_t& mask) {
    kernel::reset_signals(mask);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    (void)kernel::close_all_from(STDERR_FILENO + 1, -1);
    const char* words[] = {"minirun", "health-check", id, nullptr};
    ::execv(program, const_cast<char**>(words));
    ::_exit(127);
}

}  // namespace

void set_health_check_program(const char* path) noexcept { program = path; }

int Containers::check_health(const std::string& id) const {
    const auto container = StoredContainer::find(default_paths(), id);
    const auto& check = container.facts().health;
    if (!check) throw Error(ErrorKind::conflict, cat("container ", quote(id), " has no health check"));
    ExecOptions exec;
    exec.id = container.id();
    exec.process = [&](const ContainerSpec& own, pid_t) {
        auto process = own.process;
        process.terminal = false;
        process.args = health_command(*check);
        return process;
    };
    exec.for_person = true;
    exec.timeout = check->timeout;
    return Lifecycle(default_paths().containers).exec(exec);
}

std::unique_ptr<HealthMonitor> HealthMonitor::of(const StoredContainer& container, const CgroupPlace* cgroup,
                                                 const sigset_t& mask) {
    if (!container.facts().health || program == nullptr) return nullptr;
    return std::unique_ptr<HealthMonitor>(new HealthMonitor(container, cgroup, mask));
}

HealthMonitor::HealthMonitor(const StoredContainer& container, const CgroupPlace* cgroup, const sigset_t& mask)
    : container_(container),
      cgroup_(cgroup),
      mask_(mask),
      check_(*container.facts().health),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      started_(kernel::monotonic_nanoseconds()) {
    if (!timer_) throw system_error("cannot make a timer", errno);
    container_.write(health_);
    set_timer(time_to_next_check(check_, health_, nanoseconds(0)));
}

HealthMonitor::~HealthMonitor() {
    if (!process_) return;
    (void)kernel::send_signal(process_.get(), SIGKILL);
    (void)kernel::wait_pidfd(process_.get());
}

nanoseconds HealthMonitor::since_start() const { return nanoseconds(kernel::monotonic_nanoseconds() - started_); }

void HealthMonitor::set_timer(nanoseconds time) {
    const auto count = std::max<std::int64_t>(time.count(), 1);  // 0 would stop it
    const itimerspec setting{{}, {count / 1'000'000'000, count % 1'000'000'000}};
    ::timerfd_settime(timer_.get(), 0, &setting, nullptr);
}

void HealthMonitor::watch(std::vector<pollfd>& list) const {
    list.push_back({timer_.get(), POLLIN, 0});
    list.push_back({output_.get(), POLLIN, 0});
    list.push_back({process_.get(), POLLIN, 0});
}

void HealthMonitor::serve(std::span<const pollfd> events) {
    if (events[1].revents != 0) read_output();
    if (events[2].revents != 0) return end_check();
    std::uint64_t times = 0;
    if (events[0].revents == 0 || ::read(timer_.get(), &times, sizeof times) < 0) return;
    if (process_)
        (void)kernel::send_signal(process_.get(), SIGKILL);
    else if (is_paused())
        set_timer(check_.interval);
    else
        begin_check();
}

bool HealthMonitor::is_paused() const { return cgroup_ != nullptr && is_frozen(*cgroup_); }

void HealthMonitor::begin_check() {
    begun_ = since_start();
    result_ = {};
    result_.start = now();
    cut_ = false;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) {
        result_.output = cat("cannot make a pipe: ", errno_text(errno));
        return take(-1);
    }
    output_.reset(ends[0]);
    const Fd theirs(ends[1]);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    const auto process = kernel::clone_process(0);
    if (process && process.value().pid == 0) become_check(container_.id().c_str(), theirs.get(), mask_);
    if (!process) {
        result_.output = cat("cannot start a process: ", errno_text(process.error()));
        return take(-1);
    }
    process_.reset(process.value().pidfd);
    set_timer(check_.timeout + grace);
}

// All that is there: who writes is not held up, and of what is too much nothing is kept.
void HealthMonitor::read_output() {
    char block[4096];
    const auto n = ::read(output_.get(), block, sizeof block);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return output_.reset();
    const auto room = longest_health_output - result_.output.size();
    cut_ = cut_ || static_cast<std::size_t>(n) > room;
    result_.output.append(block, std::min(room, static_cast<std::size_t>(n)));
}

void HealthMonitor::end_check() {
    const auto end = kernel::wait_pidfd(process_.get());
    process_.reset();
    // No more than a pipe holds: something that was left behind may write for ever.
    for (int block = 0; output_ && block < 16; block++) read_output();
    // No document of ours holds one: it becomes what all bytes become that are no text.
    std::replace(result_.output.begin(), result_.output.end(), '\0', '\xff');
    if (cut_) result_.output += "...";
    int code = !end ? -1 : end.value().signaled ? 128 + end.value().code : end.value().code;
    if (code == too_long && since_start() - begun_ >= check_.timeout) {
        result_.output = cat("the check was ended: it took longer than ", seconds_text(check_.timeout),
                             result_.output.empty() ? "" : ": ", result_.output);
        code = -1;
    }
    take(code);
}

void HealthMonitor::take(int exit_code) {
    output_.reset();
    result_.exit_code = exit_code;
    result_.end = now();
    // Of a container that stands still nothing is known.
    if (!is_paused()) {
        const auto before = health_.status;
        take_health_result(health_, std::move(result_), check_, begun_);
        container_.write(health_);
        if (health_.status != before)
            tell_event(default_paths(), container_.facts(), cat("health_status: ", health_word(health_.status)));
    }
    result_ = {};
    set_timer(time_to_next_check(check_, health_, since_start()));
    // This process stays: what all that took goes back.
    ::malloc_trim(0);
}

}  // namespace minirun
