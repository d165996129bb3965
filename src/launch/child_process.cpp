#include "launch/child_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "kernel/process.hpp"
#include "launch/init_image.hpp"

namespace minirun {
namespace {

// A sanitizer keeps what it knows of a thread in that thread's storage, and so cannot follow a child in our memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MINIRUN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MINIRUN_SANITIZED 1
#endif
#endif
#ifdef MINIRUN_SANITIZED
constexpr bool memory_can_be_lent = false;
#else
constexpr bool memory_can_be_lent = true;
#endif

constexpr std::size_t stack_size = 64 * 1024;

std::size_t guard_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::mutex& child_in_memory() {
    static std::mutex one;
    return one;
}

}  // namespace

EndsProcess::~EndsProcess() {
    if (pidfd_ == nullptr || !*pidfd_) return;
    (void)kernel::send_signal(pidfd_->get(), SIGKILL);
    (void)kernel::wait_pidfd(pidfd_->get());
}

// The page at the low end of each is a guard.
std::span<std::byte> LentMemory::lend(bool for_two) {
    std::unique_lock<std::mutex> lock(child_in_memory(), std::try_to_lock);
    if (!lock) return {};
    const auto one = guard_size() + stack_size, size = for_two ? 2 * one : one;
    void* const memory =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return {};
    mapped_ = {static_cast<std::byte*>(memory), size};
    for (std::size_t at = guard_size(); at < size; at += one)
        if (::mprotect(mapped_.data() + at, stack_size, PROT_READ | PROT_WRITE) < 0) return {};
    was_dumpable_ = kernel::is_dumpable();
    lock_ = std::move(lock);
    return mapped_.subspan(guard_size(), stack_size);
}

std::span<std::byte> LentMemory::second_stack() const { return mapped_.last(stack_size); }

LentMemory::~LentMemory() {
    if (was_dumpable_) (void)kernel::set_dumpable(true);
    if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
}

ChildProcess::ChildProcess(const op::CloneProcess& step, std::span<const Step> steps, const ChildStart& start)
    : steps_(steps), start_(start) {
    clone(step);
}

void ChildProcess::run(void* self) noexcept {
    const auto& child = *static_cast<const ChildProcess*>(self);
    run_child(child.steps_, child.start_);
}

// Empty where that is not to be: it gets a copy then.
std::span<std::byte> ChildProcess::lend_memory() {
    const bool forks_init = std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
        return std::holds_alternative<op::ForkInit>(step.operation);
    });
    if (!memory_can_be_lent || (forks_init && !init_program())) return {};
    const auto stack = memory_.lend(forks_init);
    if (!forks_init || stack.empty()) return stack;
    start_.init_program = init_program().get();
    start_.second_stack = memory_.second_stack();
    return stack;
}

void ChildProcess::clone(const op::CloneProcess& step) {
    const Fd cgroup(step.cgroup == nullptr ? -1 : ::open(step.cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (step.cgroup != nullptr && !cgroup) error_ = errno;
    if (error_ != 0) return;
    auto cloned = SysResult<kernel::Cloned>::failure(ENOSYS);
    if (const auto stack = step.in_memory ? lend_memory() : std::span<std::byte>(); !stack.empty())
        cloned = kernel::clone_process_in_memory(step.flags, stack, &ChildProcess::run, this, cgroup.get());
    if (!cloned && cloned.error() == ENOSYS) {
        start_.init_program = -1;
        cloned = kernel::clone_process(step.flags, cgroup.get());
        if (cloned && cloned.value().pid == 0) run_child(steps_, start_);
    }
    error_ = cloned.error();
    if (!cloned) return;
    pid_ = cloned.value().pid;
    pidfd_.reset(cloned.value().pidfd);
}

}  // namespace minirun
