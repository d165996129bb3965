#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

using namespace std::string_view_literals;

constexpr auto see_help = "--help lists the options"sv;

bool is_switch(const OptionWords& option) { return option.argument.empty(); }
bool has_optional_value(const OptionWords& option) { return option.argument.starts_with('['); }

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

// CLI11 2.1 reads some words otherwise than Docker: the value of --name= is the next word, that of -n=x is "=x", and
// behind a switch -t=false leaves an option -=false, and -t-x even --x. A NUL, which no word of argv has, marks these
// places: two behind the '=' of --name=, one in front of the first '=' or '-' behind a letter.
std::string marked(std::string word) {
    const bool is_long = word.starts_with("--");
    const auto place = word.starts_with('-') ? word.find_first_of(is_long ? "=" : "=-", 2) : word.npos;
    if (place != word.npos) word.insert(is_long ? place + 1 : place, is_long ? 2 : 1, '\0');
    return word;
}
bool was_behind_equals(std::string_view value) { return value.starts_with("\0\0"sv) || value.starts_with("\0="sv); }
std::string unmarked(std::string value) {
    if (was_behind_equals(value)) value.erase(0, 2);
    std::erase(value, '\0');
    return value;
}
constexpr auto behind_switch = "-\0"sv;  // what CLI11 finds behind the -t of -t=false and -t-x

class Reader {
public:
    Reader(std::span<const OptionWords> known, std::span<const UnsupportedOption> unsupported,
           std::span<char* const> words)
        : known_(known), unsupported_(unsupported), words_(words) {
        app_.set_help_flag();  // CLI11's would take -h
        app_.prefix_command();
        for (std::size_t index = 0; index < known_.size(); index++)
            if (!known_[index].name.empty()) declare(index);
        declare(behind_switch, true, [this](const std::string& rest) { take_behind_switch(rest); });
    }

    CommandLine read() {
        std::vector<std::string> last_first;
        std::transform(words_.rbegin(), words_.rend(), std::back_inserter(last_first), marked);
        bool lacks_value = false;
        try {
            app_.parse(std::move(last_first));
        } catch (const CLI::ArgumentMismatch&) {
            lacks_value = true;
        }
        // From the first word that is no option or an unknown one.
        const auto rest = app_.remaining();
        if (!rest.empty() && rest[0].size() > 1 && rest[0][0] == '-' && rest[0] != "--") refuse(unmarked(rest[0]));
        if (lacks_value) refuse_without_value(words_.back());
        const auto arguments = words_.last(app_.remaining_size());
        line_.arguments.assign(arguments.begin(), arguments.end());
        return std::move(line_);
    }

private:
    void declare(std::size_t index) {
        const auto& option = known_[index];
        const auto name = cat("--", option.name);
        declare(option.letter != 0 ? cat('-', option.letter, ',', name) : name,
                !is_switch(option) && !has_optional_value(option),
                [this, index](const std::string& value) { take(index, value); });
    }
    template <class Take>
    void declare(std::string_view names, bool needs_value, Take take) {
        const auto callback = [take](const CLI::results_t& values) { return take(values.front()), true; };
        app_.add_option(std::string(names), CLI::callback_t(callback))
            ->expected(needs_value ? 1 : 0)
            ->trigger_on_parse();
    }

    void take(std::size_t index, const std::string& value) {
        const auto& option = known_[index];
        const bool may_lack_value = is_switch(option) || has_optional_value(option);
        if (may_lack_value && !was_behind_equals(value)) {
            line_.options.push_back({index, "", false, true});
        } else {
            line_.options.push_back({index, unmarked(value), true, true});
            if (is_switch(option)) turn(cat("--", option.name));
        }
    }

    void take_behind_switch(const std::string& rest) {
        if (rest[0] == '-') refuse_letter(rest);
        auto& given = line_.options.back();
        given.value = rest.substr(1);
        turn(cat('-', known_[given.index].letter));
    }

    // Sets the last switch to its value. As Go's strconv.ParseBool reads it; CLI11 would take "0x" and "-", too.
    void turn(const std::string& spelling) {
        constexpr std::string_view words[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                              "0", "f", "F", "false", "FALSE", "False"};
        auto& given = line_.options.back();
        const auto found = std::find(std::begin(words), std::end(words), given.value);
        if (found == std::end(words))
            throw Error(ErrorKind::usage, cat(spelling, " is true or false, not ", quote(given.value)),
                        "a switch takes a value only behind '='");
        given = {given.index, "", true, found - words < 6};
    }

    [[noreturn]] void refuse(std::string_view word) const {
        if (word.starts_with("--")) refuse_name(word.substr(2, word.find('=') - 2));
        refuse_letter(word.substr(1));
    }

    [[noreturn]] void refuse_name(std::string_view name) const {
        std::vector<std::string_view> names;
        for (const auto& option : unsupported_)
            if (option.name == name)
                throw Error(ErrorKind::usage, cat("--", name, " is not supported yet"), std::string(see_help));
        for (const auto& option : known_)
            if (!option.name.empty()) names.push_back(option.name);
        const auto near = nearest_word(name, names);
        throw Error(ErrorKind::usage, cat("unknown option ", quote(cat("--", name))),
                    near.empty() ? std::string(see_help) : cat("did you mean --", near, "?"));
    }

    // The first of `letters`, which are the end of a word.
    [[noreturn]] void refuse_letter(std::string_view letters) const {
        for (const auto& option : unsupported_)
            if (option.letter == letters[0])
                throw Error(ErrorKind::usage, cat("--", option.name, " (-", option.letter, ") is not supported yet"),
                            std::string(see_help));
        const std::string_view word = *std::find_if(words_.begin(), words_.end(), [&](std::string_view one) {
            return one.starts_with('-') && one.ends_with(letters);
        });
        // Long options with one dash are the most common slip: -name.
        const auto name = word.substr(1, word.find('=') - 1);
        const bool is_long =
            std::any_of(known_.begin(), known_.end(), [&](const OptionWords& option) { return option.name == name; });
        throw Error(
            ErrorKind::usage,
            cat("unknown option ", quote(cat('-', letters[0])), word.size() > 2 ? cat(" in ", quote(word)) : ""),
            is_long ? cat("did you mean --", name, "?") : std::string(see_help));
    }

    [[noreturn]] void refuse_without_value(std::string_view word) const {
        const auto spelling = word.starts_with("--") ? std::string(word) : cat('-', word.back());
        const auto option = std::find_if(known_.begin(), known_.end(), [&](const OptionWords& one) {
            return spelling == cat("--", one.name) || spelling == cat('-', one.letter);
        });
        throw Error(ErrorKind::usage, cat(spelling, " needs a value"), cat("write ", spelling, ' ', option->argument));
    }

    std::span<const OptionWords> known_;
    std::span<const UnsupportedOption> unsupported_;
    std::span<char* const> words_;
    CLI::App app_;
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
