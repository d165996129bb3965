#include "cli/render.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

std::string_view escape_of(Paint paint) {
    switch (paint) {
        case Paint::bold: return "\x1b[1m";
        case Paint::dim: return "\x1b[2m";
        case Paint::red: return "\x1b[31m";
        case Paint::green: return "\x1b[32m";
        case Paint::yellow: return "\x1b[33m";
        case Paint::blue: return "\x1b[34m";
        case Paint::magenta: return "\x1b[35m";
        case Paint::cyan: return "\x1b[36m";
        case Paint::bold_red: return "\x1b[1;31m";
    }
    return "";
}

// In one write(2) where the kernel takes it, so that lines of several processes do not mix.
void write_to_stderr(std::string_view text) { (void)kernel::write_all(STDERR_FILENO, text.data(), text.size()); }

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

}  // namespace

bool colour_wanted(int fd) {
    if (is_set("NO_COLOR") || ::isatty(fd) == 0) return false;
    const char* term = std::getenv("TERM");
    return term == nullptr || std::string_view(term) != "dumb";
}

std::string painted(std::string_view text, Paint paint, bool colour) {
    return colour ? cat(escape_of(paint), text, "\x1b[0m") : std::string(text);
}

std::string render_error(std::string_view program, const Error& error, bool colour) {
    auto text = cat(painted(cat(program, ':'), Paint::bold_red, colour), ' ', error.message(), '\n');
    for (const auto& task : error.context()) append(text, cat("  while ", task, '\n'));
    if (!error.hint().empty()) append(text, cat("  ", painted("hint:", Paint::bold, colour), ' ', error.hint(), '\n'));
    return text;
}

void print_output(std::string_view text) {
    const auto written = kernel::write_all(STDOUT_FILENO, text.data(), text.size());
    if (!written)
        throw Error(ErrorKind::system, cat("cannot write to standard output: ", errno_text(written.error())), "",
                    written.error());
}

void print_error(std::string_view program, const Error& error) {
    write_to_stderr(render_error(program, error, colour_wanted(STDERR_FILENO)));
}

void print_notice(std::string_view program, std::string_view text) {
    write_to_stderr(cat(painted(cat(program, ':'), Paint::yellow, colour_wanted(STDERR_FILENO)), ' ', text, '\n'));
}

}  // namespace minirun
