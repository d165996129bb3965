// The one exception type of libminirun.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minirun {

/// What sort of failure it is; decides the exit code of the programs (see exit_code()).
enum class ErrorKind {
    usage,              ///< the command line or an option's value is wrong
    bad_input,          ///< a file that was given (config.json, profile, env file …) is wrong
    not_found,          ///< an image, file or directory that was named does not exist
    not_permitted,      ///< rights are missing (not root, LSM, user namespace switch)
    unsupported,        ///< this kernel, file system or machine cannot do it
    conflict,           ///< a name is taken, something is in use
    system,             ///< a system call failed
    command_not_found,  ///< the container's command does not exist: exit code 127
    cannot_execute,     ///< the container's command exists but cannot be run: exit code 126
};

/// A failure, told to a person: what went wrong, where, and the way out.
///
/// `message` is one sentence without a full stop that names the file, key or step. `hint` says what to
/// do about it and may be empty. `context` is the path from the outermost task to the failing one
/// ("running nginx-bundle", …) and is filled on the way up.
class Error : public std::exception {
public:
    Error(ErrorKind kind, std::string message, std::string hint = {}, int system_errno = 0)
        : kind_(kind), errno_(system_errno), message_(std::move(message)), hint_(std::move(hint)) {}

    /// What sort of failure it is.
    ErrorKind kind() const noexcept { return kind_; }
    /// The errno value behind it, or 0.
    int system_errno() const noexcept { return errno_; }
    /// One sentence without a full stop.
    const std::string& message() const noexcept { return message_; }
    /// What to do about it, or empty.
    const std::string& hint() const noexcept { return hint_; }
    /// The tasks that were being done, outermost last.
    const std::vector<std::string>& context() const noexcept { return context_; }

    /// Adds the task that was being done, outermost last.
    void add_context(std::string task) { context_.push_back(std::move(task)); }

    const char* what() const noexcept override { return message_.c_str(); }

private:
    ErrorKind kind_;
    int errno_;
    std::string message_;
    std::string hint_;
    std::vector<std::string> context_;
};

/// The exit code that the programs give for an error: 127, 126, or 125 for all that is minirun's own
/// failure (Docker's convention, docker-run(1) "Exit Status").
int exit_code(ErrorKind kind) noexcept;

}  // namespace minirun
