#include "cli/render.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/fd.hpp"

using namespace minirun;

namespace {

// An environment variable that is as before when the test ends.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = ::getenv(name)) before_ = before;
        if (value != nullptr)
            ::setenv(name, value, 1);
        else
            ::unsetenv(name);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() {
        if (before_)
            ::setenv(name_, before_->c_str(), 1);
        else
            ::unsetenv(name_);
    }

private:
    const char* name_;
    std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("an error is a line, and one for the way out") {
    const Error plain(ErrorKind::usage, "no image is named");
    CHECK(render_error("minirun", plain, false) == "minirun: no image is named\n");
    Error rich(ErrorKind::usage, "unknown option '--nmae'", "did you mean --name?");
    CHECK(render_error("minirun", rich, false) == "minirun: unknown option '--nmae'\n  hint: did you mean --name?\n");
    rich.add_context("reading the command line");
    CHECK(render_error("minirun-oci", rich, false) ==
          "minirun-oci: unknown option '--nmae'\n  while reading the command line\n  hint: did you mean --name?\n");
    CHECK(render_error("minirun", rich, true) ==
          "\x1b[1;31mminirun:\x1b[0m unknown option '--nmae'\n  while reading the command line\n"
          "  \x1b[1mhint:\x1b[0m did you mean --name?\n");
}

TEST_CASE("paint is left out without colour") {
    CHECK(painted("x", Paint::green, false) == "x");
    CHECK(painted("x", Paint::green, true) == "\x1b[32mx\x1b[0m");
}

TEST_CASE("colour: on a terminal only, and not against NO_COLOR or on a dumb one") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Fd read_end(ends[0]), write_end(ends[1]);
    const Variable no_color("NO_COLOR", nullptr), term("TERM", "xterm");
    CHECK_FALSE(colour_wanted(write_end.get()));

    const Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    CHECK(colour_wanted(terminal.get()));
    {
        const Variable set("NO_COLOR", "1");
        CHECK_FALSE(colour_wanted(terminal.get()));
    }
    {
        const Variable empty("NO_COLOR", "");
        CHECK(colour_wanted(terminal.get()));
    }
    const Variable dumb("TERM", "dumb");
    CHECK_FALSE(colour_wanted(terminal.get()));
}
