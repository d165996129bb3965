// The one pasta of a container.
#pragma once

#include "base/fd.hpp"
#include "plan/step.hpp"

namespace minirun {

/// pasta(1), from when it is ready to the end of this object. It dies with the thread that started it, too; and what
/// even that does not reach, its record leads to (launch/left_behind).
class PastaProcess {
public:
    PastaProcess() = default;
    /// Starts it on a network namespace, and returns when its ports are open. Throws Error; then there is none.
    PastaProcess(const op::StartPasta& step, const Fd& network);
    PastaProcess(PastaProcess&&) noexcept = default;
    PastaProcess& operator=(PastaProcess&& other) noexcept;
    ~PastaProcess() { end(); }
    void end() noexcept;

private:
    Fd process_;
};

}  // namespace minirun
