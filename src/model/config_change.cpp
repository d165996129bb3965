#include "model/config_change.hpp"

#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

using Words = std::vector<std::string>;

struct Instruction {
    std::string_view whole, name, rest;

    [[noreturn]] void refuse(std::string_view why, std::string hint = "") const {
        throw option_error("--change", whole, why, hint);
    }
};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    return text;
}

// Words between blanks; quotes keep them together, a backslash takes the next character as it is.
Words words_of(const Instruction& instruction) {
    Words words;
    std::string word;
    bool inside = false;
    char quote_mark = 0;
    for (std::size_t i = 0; i < instruction.rest.size(); i++) {
        const char c = instruction.rest[i];
        const bool escapes = c == '\\' && quote_mark != '\'' && i + 1 < instruction.rest.size();
        if (escapes) {
            word += instruction.rest[++i];
            inside = true;
        } else if (quote_mark != 0) {
            if (c == quote_mark)
                quote_mark = 0;
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote_mark = c;
            inside = true;
        } else if (c != ' ' && c != '\t') {
            word += c;
            inside = true;
        } else if (inside) {
            words.push_back(std::exchange(word, ""));
            inside = false;
        }
    }
    if (quote_mark != 0) instruction.refuse("a quotation mark is not closed");
    if (inside) words.push_back(word);
    return words;
}

// "["a", "b"]" as JSON; nothing if it is none.
std::optional<Words> json_words(std::string_view text) {
    const auto document = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!document.is_array()) return std::nullopt;
    Words words;
    for (const auto& one : document) {
        if (!one.is_string()) return std::nullopt;
        words.push_back(one.get<std::string>());
    }
    return words;
}

void set_command(Json& config, const Instruction& instruction, const char* key) {
    config[key] = json_words(instruction.rest).value_or(Words{"/bin/sh", "-c", std::string(instruction.rest)});
}

// "A=1 B=2", or "A the rest of the line".
std::vector<std::pair<std::string, std::string>> assignments(const Instruction& instruction) {
    const auto first = instruction.rest.substr(0, instruction.rest.find_first_of(" \t"));
    if (first.find('=') == std::string_view::npos) {
        if (first.size() == instruction.rest.size()) instruction.refuse("there is no value", "write NAME=value");
        return {{std::string(first), std::string(trimmed(instruction.rest.substr(first.size())))}};
    }
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& word : words_of(instruction)) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            instruction.refuse(cat("expected NAME=value, found ", quote(word)));
        found.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return found;
}

void set_environment(Json& config, const Instruction& instruction) {
    if (!config["Env"].is_array()) config["Env"] = Json::array();
    for (const auto& [name, value] : assignments(instruction)) {
        auto text = cat(name, '=', value);
        bool replaced = false;
        for (auto& one : config["Env"])
            if (one.is_string() && one.get<std::string>().starts_with(name + "=")) one = text, replaced = true;
        if (!replaced) config["Env"].push_back(std::move(text));
    }
}

void add_ports(Json& config, const Instruction& instruction) {
    for (auto word : words_of(instruction)) {
        if (word.find('/') == std::string::npos) word += "/tcp";
        const auto ports = word.substr(0, word.find('/'));
        const auto protocol = word.substr(ports.size() + 1);
        unsigned last = 0;
        const auto range = split(ports, '-');
        for (const auto& port : range) {
            const auto number = parse_number<unsigned>(port);
            if (!number || *number == 0 || *number > 65535 || *number < last || range.size() > 2)
                instruction.refuse(cat(quote(word), " is no port"));
            last = *number;
        }
        if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
            instruction.refuse(cat(quote(word), " is no port"));
        config["ExposedPorts"][word] = Json::object();
    }
}

void add_volumes(Json& config, const Instruction& instruction) {
    for (const auto& path : json_words(instruction.rest).value_or(words_of(instruction))) {
        if (!path.starts_with('/')) instruction.refuse(cat("expected an absolute path, found ", quote(path)));
        config["Volumes"][path] = Json::object();
    }
}

void set_directory(Json& config, const Instruction& instruction) {
    const auto before = config.value("WorkingDir", "/");
    const std::string path(instruction.rest);
    config["WorkingDir"] = path.starts_with('/') ? path : cat(before, before.ends_with('/') ? "" : "/", path);
}

void set_stop_signal(Json& config, const Instruction& instruction) {
    if (!signal_number(instruction.rest)) instruction.refuse(cat("there is no signal ", quote(instruction.rest)));
    config["StopSignal"] = std::string(instruction.rest);
}

struct Row {
    std::string_view name;
    void (*apply)(Json& config, const Instruction& instruction);
};
constexpr std::array rows{
    Row{"CMD", [](Json& config, const Instruction& given) { set_command(config, given, "Cmd"); }},
    Row{"ENTRYPOINT", [](Json& config, const Instruction& given) { set_command(config, given, "Entrypoint"); }},
    Row{"ENV", set_environment},
    Row{"EXPOSE", add_ports},
    Row{"LABEL",
        [](Json& config, const Instruction& given) {
            for (const auto& [name, value] : assignments(given)) config["Labels"][name] = value;
        }},
    Row{"STOPSIGNAL", set_stop_signal},
    Row{"USER", [](Json& config, const Instruction& given) { config["User"] = std::string(given.rest); }},
    Row{"VOLUME", add_volumes},
    Row{"WORKDIR", set_directory},
};

}  // namespace

void apply_change(Json& config, std::string_view text) {
    const auto whole = trimmed(text);
    const auto name = whole.substr(0, whole.find_first_of(" \t"));
    const Instruction instruction{whole, name, trimmed(whole.substr(name.size()))};
    std::vector<std::string> known;
    for (const auto& row : rows) {
        known.emplace_back(row.name);
        if (upper_case(name) != row.name) continue;
        if (instruction.rest.empty()) instruction.refuse(cat(row.name, " has no value"));
        return row.apply(config, instruction);
    }
    instruction.refuse(cat("unknown instruction ", quote(name)), cat("known are ", join(known, ", ")));
}

}  // namespace minirun
