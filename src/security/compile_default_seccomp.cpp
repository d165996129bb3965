// A tool of the build: compiles the default seccomp profile to a C++ fragment for default_seccomp.cpp.
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "security/seccomp.hpp"

namespace {

using minirun::cat;

std::string read_file(const std::string& path) {
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf()))
        throw minirun::Error(minirun::ErrorKind::not_found, cat("cannot read ", path));
    return text.str();
}

std::string instruction_rows(const std::vector<sock_filter>& program) {
    std::string rows;
    for (const auto& i : program)
        minirun::append(rows, cat("    {", i.code, ',', +i.jt, ',', +i.jf, ',', i.k, "u},\n"));
    return rows;
}

// Single characters: a string literal may be limited in length, and its characters need not be signed.
std::string character_rows(const std::string& text) {
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::size_t per_row = 16;
    std::string rows;
    for (std::size_t i = 0; i < text.size(); i++) {
        const auto byte = static_cast<unsigned char>(text[i]);
        minirun::append(rows,
                        cat("'\\x", hex[byte >> 4], hex[byte & 15], "',", i % per_row == per_row - 1 ? "\n" : ""));
    }
    return rows;
}

std::string fragment(const std::string& profile_file) {
    const auto text = read_file(profile_file);
    // The oldest kernel, not the one of this machine, decides about minKernel: builds are reproducible.
    const auto kernel = minirun::oldest_kernel;
    const auto& capabilities = minirun::default_capabilities();
    const auto filter = minirun::compile_seccomp(text, profile_file, capabilities, kernel);
    if (filter.flags != 0)
        throw minirun::Error(minirun::ErrorKind::unsupported,
                             cat(profile_file, ": .flags: the default profile has none"));
    const auto profile = minirun::read_seccomp_profile(text, profile_file, capabilities, kernel);
    return cat("constexpr std::uint64_t capabilities = ", minirun::seccomp_capability_mask(capabilities),
               "u;\nconstexpr std::uint64_t relevant_capabilities = ", profile.relevant_capabilities,
               "u;\nconstexpr sock_filter program[] = {\n", instruction_rows(filter.program),
               "};\nconstexpr char profile[] = {\n", character_rows(text), "};\n");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: compile_default_seccomp PROFILE.json OUT.inc\n";
        return 2;
    }
    try {
        std::ofstream out(argv[2], std::ios::binary | std::ios::trunc);
        out << fragment(argv[1]);
        out.close();
        if (!out) throw minirun::Error(minirun::ErrorKind::system, cat("cannot write ", argv[2]));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "compile_default_seccomp: " << error.what() << '\n';
        return 1;
    }
}
