// Words of a command line, joined by NUL, against a second reader that is written down as Docker's rules are told. What
// is underneath the first one reads some words otherwise, and is talked out of that: see command_line.cpp.
#include "cli/command_line.hpp"

#include <algorithm>

#include "fuzz.hpp"

using namespace minirun;

namespace {

constexpr OptionWords known[] = {
    {0, "", "", "Heading"},          {'v', "volume", "SRC", "a value"},      {'i', "interactive", "", "a switch"},
    {'t', "tty", "", "a switch"},    {0, "init", "", "a switch, no letter"}, {0, "size", "[=SIZE]", "may be left out"},
    {'e', "env", "NAME", "a value"},
};

bool is_on(std::string_view word) {
    return word == "1" || word == "t" || word == "T" || word == "true" || word == "TRUE" || word == "True";
}
bool is_off(std::string_view word) {
    return word == "0" || word == "f" || word == "F" || word == "false" || word == "FALSE" || word == "False";
}

// Nothing where the line is wrong.
class Reader {
public:
    explicit Reader(std::vector<std::string> words) : words_(std::move(words)) {}

    std::optional<CommandLine> read() {
        while (next_ < words_.size()) {
            const auto word = words_[next_];
            if (word == "--" || word.size() < 2 || word[0] != '-') break;
            next_++;
            if (!(word[1] == '-' ? read_long(word) : read_letters(word))) return std::nullopt;
        }
        if (next_ < words_.size() && words_[next_] == "--") next_++;
        line_.arguments.assign(words_.begin() + static_cast<std::ptrdiff_t>(next_), words_.end());
        return line_;
    }

private:
    template <class Fits>
    static std::optional<std::size_t> find(const Fits& fits) {
        const auto found = std::find_if(std::begin(known), std::end(known), fits);
        if (found == std::end(known)) return std::nullopt;
        return static_cast<std::size_t>(found - std::begin(known));
    }

    bool add_switch(std::size_t index, const std::optional<std::string>& value) {
        if (value && !is_on(*value) && !is_off(*value)) return false;
        line_.options.push_back({index, "", value.has_value(), !value || is_on(*value)});
        return true;
    }

    bool add_value(std::size_t index, std::optional<std::string> value) {
        if (!value && next_ == words_.size()) return false;
        line_.options.push_back({index, value ? *value : words_[next_++], true, true});
        return true;
    }

    bool read_long(const std::string& word) {
        const auto equals = word.find('=');
        const auto name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
        const auto index = find([&](const OptionWords& one) { return !name.empty() && one.name == name; });
        if (!index) return false;
        std::optional<std::string> value;
        if (equals != std::string::npos) value = word.substr(equals + 1);
        if (known[*index].argument.empty()) return add_switch(*index, value);
        if (!known[*index].argument.starts_with('[')) return add_value(*index, value);
        line_.options.push_back({*index, value.value_or(""), value.has_value(), true});
        return true;
    }

    bool read_letters(const std::string& word) {
        for (std::size_t i = 1; i < word.size(); i++) {
            const auto index = find([&](const OptionWords& one) { return one.letter == word[i]; });
            if (!index || word[i] == 0) return false;
            const bool has_equals = i + 1 < word.size() && word[i + 1] == '=';
            if (!known[*index].argument.empty()) {
                std::optional<std::string> value;
                if (i + 1 < word.size()) value = word.substr(has_equals ? i + 2 : i + 1);
                return add_value(*index, value);
            }
            if (has_equals) return add_switch(*index, word.substr(i + 2));
            if (!add_switch(*index, std::nullopt)) return false;
        }
        return true;
    }

    std::vector<std::string> words_;
    std::size_t next_ = 0;
    CommandLine line_;
};

void compare(const CommandLine& read, const CommandLine& expected) {
    fuzz::promise(read.arguments == expected.arguments, "the arguments are what is left");
    fuzz::promise(read.options.size() == expected.options.size(), "the same options");
    for (std::size_t i = 0; i < read.options.size(); i++) {
        const auto &a = read.options[i], &b = expected.options[i];
        fuzz::promise(a.index == b.index, "the same option");
        fuzz::promise(a.value == b.value && a.has_value == b.has_value && a.on == b.on, "the same value");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto words = fuzz::texts(data, size, 16);
    // The last one may still hold a NUL, which no argument of a program does.
    if (words.back().find('\0') != std::string::npos) return 0;
    const auto expected = Reader(words).read();
    words.insert(words.begin(), "run");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    const auto read =
        fuzz::unless_refused([&] { return read_command_line(known, {}, static_cast<int>(argv.size()), argv.data()); });
    fuzz::promise(read.has_value() == expected.has_value(), "both take it or both refuse it");
    if (read) compare(*read, *expected);
    return 0;
}
