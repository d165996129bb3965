// SIGINT, SIGTERM and SIGHUP in a long work: it ends as by an error, and what is half made is taken away.
#pragma once

namespace minirun {

/// Thrown; no Error, because there is nothing to say.
struct Interrupted {
    int signal;
};

/// From here on the first of these signals is noted, except one that is ignored. A second one ends the process at once.
void note_interruptions();

/// The signal that was noted; 0 if there is none.
int interruption() noexcept;

/// Throws Interrupted if there was one: to be called wherever long work goes on.
void check_interruption();

/// Waits until something can be read from `fd`. Throws Interrupted.
void wait_readable(int fd);

/// Ends the process as the signal would have.
[[noreturn]] void end_by(int signal);

}  // namespace minirun
