#include "launch/left_behind.hpp"

#include <sys/wait.h>

#include <csignal>

#include "base/text.hpp"
#include "support.hpp"

namespace minirun {
namespace {

// A process that waits until it is killed.
class Waiting {
public:
    Waiting() : pid(::fork()) {
        if (pid == 0)
            while (true) ::pause();
    }
    ~Waiting() {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    // The signal that has ended it; 0: it lives.
    int ended_by() const {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
        return info.si_pid == pid ? info.si_status : 0;
    }
    const pid_t pid;
};

SysStatus record_of(const std::string& path, pid_t pid) {
    return record_process(path.c_str(), pid, open_mount_namespace(pid));
}

std::string target_of(const std::string& link) {
    char target[256];
    const auto n = ::readlink(link.c_str(), target, sizeof target);
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
}

TEST_CASE("left behind: a record is one link, made once") {
    const test::TemporaryDirectory dir;
    const auto record = dir / "process";
    REQUIRE(record_of(record, ::getpid()).ok());
    CHECK(target_of(record).starts_with(std::to_string(::getpid()) + " "));
    CHECK(record_of(record, ::getpid()).error() == EEXIST);
    CHECK(record_of(dir / "none/process", ::getpid()).error() == ENOENT);
    const auto before = target_of(record);
    REQUIRE(record_process_again(record, ::getpid(), open_mount_namespace(::getpid())).ok());
    CHECK(target_of(record).starts_with(before.substr(0, before.rfind(' '))));
}

TEST_CASE("left behind: no record, or one that is none, ends nothing") {
    const test::TemporaryDirectory dir;
    end_recorded_process(dir / "none");
    for (const char* text : {"x", " ", "   ", "-1 0 0 0", "1", "99999999999999 1 1 1", "1 1 1 1 1"}) {
        ::unlink((dir / "odd").c_str());
        REQUIRE(::symlink(text, (dir / "odd").c_str()) == 0);
        CHECK_NOTHROW(end_recorded_process(dir / "odd"));
    }
}

TEST_CASE("left behind: another process with the recorded number lives on") {
    const test::TemporaryDirectory dir;
    const Waiting other;
    const auto record = dir / "process";
    REQUIRE(record_of(record, other.pid).ok());
    const auto fields = split(target_of(record), ' ');
    REQUIRE(fields.size() == 4);
    auto other_start = fields;
    other_start[1] = "1";
    auto other_boot = fields;
    other_boot[2] = "00000000-0000-0000-0000-000000000000";
    for (const auto& wrong : {other_start, other_boot}) {
        REQUIRE(::unlink(record.c_str()) == 0);
        REQUIRE(::symlink(join(wrong, " ").c_str(), record.c_str()) == 0);
        end_recorded_process(record);
        CHECK(other.ended_by() == 0);
    }
}

}  // namespace
}  // namespace minirun
