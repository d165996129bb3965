#include "model/config_change.hpp"

#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "base/json.hpp"
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
        const auto range = split(ports, '-');
        const auto first = parse_number<std::uint16_t>(range.front()), last = parse_number<std::uint16_t>(range.back());
        if (!first || !last || *first == 0 || *last < *first || range.size() > 2 ||
            (protocol != "tcp" && protocol != "udp" && protocol != "sctp"))
            instruction.refuse(cat(quote(word), " is no port"));
        // Each port of a range for itself, as Docker has it.
        for (unsigned port = *first; port <= *last; port++)
            config["ExposedPorts"][cat(port, '/', protocol)] = Json::object();
    }
}

// What stands behind HEALTHCHECK's options in a config, and whether it is a time.
struct HealthOption {
    std::string_view name, key;
    bool is_time;
};
constexpr std::array health_options{
    HealthOption{"interval", "Interval", true}, HealthOption{"timeout", "Timeout", true},
    HealthOption{"start-period", "StartPeriod", true}, HealthOption{"start-interval", "StartInterval", true},
    HealthOption{"retries", "Retries", false}};

void set_health_option(Json& check, const Instruction& instruction, std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    for (const auto& option : health_options) {
        if (option.name != name) continue;
        const bool has_unit = value.find_first_not_of("0123456789.") != std::string_view::npos || value == "0";
        const auto number = !option.is_time ? parse_number<std::int64_t>(value)
                            : has_unit      ? parse_duration(value)
                                            : std::nullopt;
        constexpr std::int64_t shortest = 1'000'000;  // a millisecond, for Docker; 0 is what it does by itself
        if (!number || *number < 0 || (option.is_time && *number != 0 && *number < shortest))
            instruction.refuse(cat(quote(word), option.is_time ? ": expected a time of at least 1ms, such as 30s"
                                                               : ": expected a number"));
        check[option.key] = *number;
        return;
    }
    instruction.refuse(cat("unknown option ", quote(word)),
                       "there are --interval, --timeout, --start-period, --start-interval and --retries");
}

std::string_view take_word(std::string_view& text) {
    const auto word = text.substr(0, text.find_first_of(" \t"));
    text = trimmed(text.substr(word.size()));
    return word;
}

// "HEALTHCHECK [--interval=30s …] CMD command" or "HEALTHCHECK NONE".
void set_health_check(Json& config, const Instruction& instruction) {
    auto rest = instruction.rest;
    auto check = Json::object();
    while (rest.starts_with("--")) set_health_option(check, instruction, take_word(rest));
    const auto type = upper_case(take_word(rest));
    if (type == "NONE" && rest.empty() && check.empty()) {
        check["Test"] = Words{"NONE"};
    } else if (type == "CMD" && !rest.empty()) {
        Words test{"CMD-SHELL", std::string(rest)};
        if (const auto words = json_words(rest)) {
            test = {"CMD"};
            test.insert(test.end(), words->begin(), words->end());
        }
        check["Test"] = test;
    } else {
        instruction.refuse("expected CMD and a command, or NONE alone");
    }
    config["Healthcheck"] = check;
}

void add_trigger(Json& config, const Instruction& instruction) {
    auto rest = instruction.rest;
    const auto name = upper_case(take_word(rest));
    if (name == "ONBUILD" || name == "FROM" || name == "MAINTAINER")
        instruction.refuse(cat(name, " cannot be triggered"));
    if (!config["OnBuild"].is_array()) config["OnBuild"] = Json::array();
    config["OnBuild"].push_back(std::string(instruction.rest));
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
    Row{"HEALTHCHECK", set_health_check},
    Row{"LABEL",
        [](Json& config, const Instruction& given) {
            for (const auto& [name, value] : assignments(given)) config["Labels"][name] = value;
        }},
    Row{"ONBUILD", add_trigger},
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

void apply_changes(Json& config, const std::vector<std::string>& instructions) {
    for (const auto& instruction : instructions) must_be_text("--change", instruction);
    for (const auto& instruction : instructions) apply_change(config, instruction);
}

void must_be_text(std::string_view option, const std::string& text) {
    try {
        (void)Json(text).dump();
    } catch (const Json::exception&) {
        throw option_error(option, text, "is no UTF-8");
    }
}

}  // namespace minirun
