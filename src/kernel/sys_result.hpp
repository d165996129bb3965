// The value of a system call or its errno. No exceptions: usable in the child after clone3.
#pragma once

#include <cerrno>

namespace minirun {

template <class T>
class [[nodiscard]] SysResult {
public:
    static SysResult success(T value) noexcept { return SysResult(value, 0); }
    static SysResult failure(int error) noexcept { return SysResult(T{}, error); }
    bool ok() const noexcept { return error_ == 0; }
    explicit operator bool() const noexcept { return ok(); }
    int error() const noexcept { return error_; }
    T value() const noexcept { return value_; }

private:
    SysResult(T value, int error) noexcept : value_(value), error_(error) {}
    T value_;
    int error_;
};

template <>
class [[nodiscard]] SysResult<void> {
public:
    static SysResult success() noexcept { return SysResult(0); }
    static SysResult failure(int error) noexcept { return SysResult(error); }
    bool ok() const noexcept { return error_ == 0; }
    explicit operator bool() const noexcept { return ok(); }
    int error() const noexcept { return error_; }

private:
    explicit SysResult(int error) noexcept : error_(error) {}
    int error_;
};

using SysStatus = SysResult<void>;

/// What a function of libc returned: negative is failure, and errno says which. Not in the child: sys::status().
inline SysStatus libc_status(int result) noexcept {
    return result < 0 ? SysStatus::failure(errno) : SysStatus::success();
}

}  // namespace minirun
