// Standard input, output and error.
#pragma once

namespace minirun {

/// Opens the null device for those that are closed. A program may be started without; the next file that it opens would
/// become, say, standard error, and what is meant for people would be written into it.
void open_missing_standard_streams() noexcept;

}  // namespace minirun
