#include "cli/command_line.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

bool is_switch(const OptionWords& option) { return option.argument.empty(); }
bool has_optional_value(const OptionWords& option) { return option.argument.starts_with('['); }

// As Go's strconv.ParseBool reads it.
std::optional<bool> parse_boolean(std::string_view text) {
    constexpr std::string_view yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::string_view no[] = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::find(std::begin(yes), std::end(yes), text) != std::end(yes)) return true;
    if (std::find(std::begin(no), std::end(no), text) != std::end(no)) return false;
    return std::nullopt;
}

// The number of letters to insert, remove, replace or swap with their neighbour that make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); j++) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

// Columns on a terminal: all bytes but those that continue a character of UTF-8.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

class Reader {
public:
    Reader(std::span<const OptionWords> known, std::span<const UnsupportedOption> unsupported,
           std::span<char* const> words)
        : known_(known), unsupported_(unsupported), words_(words) {}

    CommandLine read() {
        while (at_ < words_.size()) {
            const std::string_view word = words_[at_];
            if (word == "--") {
                at_++;
                break;
            }
            if (word.size() < 2 || word[0] != '-') break;
            at_++;
            if (word[1] == '-')
                read_long(word.substr(2));
            else
                read_letters(word);
        }
        for (; at_ < words_.size(); at_++) line_.arguments.emplace_back(words_[at_]);
        return std::move(line_);
    }

private:
    void read_long(std::string_view word) {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto found = std::find_if(known_.begin(), known_.end(), [&](const OptionWords& option) {
            return !name.empty() && option.name == name;
        });
        if (found == known_.end()) refuse_name(name);
        const auto spelling = cat("--", name);
        if (equals != std::string_view::npos)
            add_with_value(*found, spelling, word.substr(equals + 1));
        else
            add(*found, spelling);
    }

    void read_letters(std::string_view word) {
        auto letters = word.substr(1);
        while (!letters.empty()) {
            const char letter = letters[0];
            const auto found = std::find_if(known_.begin(), known_.end(),
                                            [&](const OptionWords& option) { return option.letter == letter; });
            if (found == known_.end()) refuse_letter(letter, word);
            letters.remove_prefix(1);
            const auto spelling = cat('-', letter);
            const bool has_value = letters.starts_with('=') || (!letters.empty() && !is_switch(*found));
            if (!has_value) {
                add(*found, spelling);
                continue;
            }
            if (letters[0] == '=') letters.remove_prefix(1);
            return add_with_value(*found, spelling, letters);
        }
    }

    void add_with_value(const OptionWords& option, const std::string& spelling, std::string_view value) {
        Given given{index_of(option), std::string(value), true, true};
        if (is_switch(option)) {
            const auto on = parse_boolean(value);
            if (!on)
                throw Error(ErrorKind::usage, cat(spelling, " is true or false, not ", quote(value)),
                            "a switch takes a value only behind '='");
            given = {index_of(option), "", true, *on};
        }
        line_.options.push_back(std::move(given));
    }

    // Without a value in the same word.
    void add(const OptionWords& option, const std::string& spelling) {
        if (is_switch(option) || has_optional_value(option)) {
            line_.options.push_back({index_of(option), "", false, true});
            return;
        }
        if (at_ == words_.size())
            throw Error(ErrorKind::usage, cat(spelling, " needs a value"),
                        cat("write ", spelling, ' ', option.argument));
        line_.options.push_back({index_of(option), words_[at_++], true, true});
    }

    std::size_t index_of(const OptionWords& option) const { return static_cast<std::size_t>(&option - known_.data()); }

    [[noreturn]] void refuse_name(std::string_view name) const {
        std::vector<std::string_view> names;
        for (const auto& option : unsupported_) {
            if (option.name == name)
                throw Error(ErrorKind::usage, cat("--", name, " is not supported yet"), see_help());
        }
        for (const auto& option : known_)
            if (!option.name.empty()) names.push_back(option.name);
        const auto near = nearest_word(name, names);
        throw Error(ErrorKind::usage, cat("unknown option ", quote(cat("--", name))),
                    near.empty() ? see_help() : cat("did you mean --", near, "?"));
    }

    [[noreturn]] void refuse_letter(char letter, std::string_view word) const {
        for (const auto& option : unsupported_)
            if (option.letter == letter)
                throw Error(ErrorKind::usage, cat("--", option.name, " (-", letter, ") is not supported yet"),
                            see_help());
        // Long options with one dash are the most common slip: -name.
        const auto in_word = word.size() > 2 ? cat(" in ", quote(word)) : std::string();
        const auto name = word.substr(1, word.find('=') == std::string_view::npos ? word.npos : word.find('=') - 1);
        const bool is_long =
            std::any_of(known_.begin(), known_.end(), [&](const OptionWords& option) { return option.name == name; });
        throw Error(ErrorKind::usage, cat("unknown option ", quote(std::string{'-', letter}), in_word),
                    is_long ? cat("did you mean --", name, "?") : see_help());
    }

    static std::string see_help() { return "--help lists the options"; }

    std::span<const OptionWords> known_;
    std::span<const UnsupportedOption> unsupported_;
    std::span<char* const> words_;
    std::size_t at_ = 0;
    CommandLine line_;
};

}  // namespace

CommandLine read_command_line(std::span<const OptionWords> known, std::span<const UnsupportedOption> unsupported,
                              int argc, char** argv) {
    const std::span<char* const> words(argv, static_cast<std::size_t>(argc));
    return Reader(known, unsupported, words.subspan(1)).read();
}

std::string options_help(std::span<const OptionWords> known) {
    constexpr std::size_t column = 34;
    std::string text;
    for (const auto& option : known) {
        if (option.help.empty()) continue;
        if (option.name.empty()) {
            append(text, cat('\n', option.help, ":\n"));
            continue;
        }
        auto left = option.letter != 0 ? cat("  -", option.letter, ", --") : std::string("      --");
        append(left, option.name);
        if (!option.argument.empty()) append(left, cat(has_optional_value(option) ? "" : " ", option.argument));
        do left += ' ';
        while (width(left) < column);
        append(text, cat(left, option.help, '\n'));
    }
    return text;
}

std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known) {
    // A beginning that only one word has is clear; otherwise a third of the letters may be wrong.
    std::string_view begun;
    int beginnings = 0;
    for (const auto word : known)
        if (typed.size() >= 2 && word.starts_with(typed)) begun = word, beginnings++;
    if (beginnings == 1) return begun;
    std::string_view best;
    std::size_t least = std::max<std::size_t>(1, typed.size() / 3) + 1;
    for (const auto word : known)
        if (const auto distance = edit_distance(typed, word); distance < least && distance < word.size())
            best = word, least = distance;
    return best;
}

}  // namespace minirun
