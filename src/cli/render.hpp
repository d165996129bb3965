// What the programs print: colour where it is wanted, errors and remarks in one form.
#pragma once

#include <string>
#include <string_view>

#include "minirun/error.hpp"

namespace minirun {

/// Whether what is written to this descriptor may be coloured: a terminal that is not dumb, and no NO_COLOR
/// (no-color.org).
bool colour_wanted(int fd);

enum class Paint { bold, dim, red, green, yellow, blue, magenta, cyan, bold_red };

/// The text in a colour, or as it is.
std::string painted(std::string_view text, Paint paint, bool colour);

/// "PROGRAM: MESSAGE", with lines for what was being done and for the way out.
std::string render_error(std::string_view program, const Error& error, bool colour);

/// Writes it to standard output. Throws Error if that cannot take it: output that is lost is not to look like success.
void print_output(std::string_view text);

/// Writes it to standard error in one piece.
void print_error(std::string_view program, const Error& error);

/// A one-line remark for standard error: "PROGRAM: TEXT".
void print_notice(std::string_view program, std::string_view text);

}  // namespace minirun
