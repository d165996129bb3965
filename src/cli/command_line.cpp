#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

using namespace std::string_view_literals;

bool needs_value(const OptionWords& option) { return !option.argument.empty() && !option.argument.starts_with('['); }

Error usage_error(std::string message, std::string hint = "--help lists the options") {
    return {ErrorKind::usage, std::move(message), std::move(hint)};
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

// CLI11 2.1 reads some words otherwise than Docker: the value of --name= is the next word, that of -n=x is "=x", and
// behind a switch -t=false leaves an option -=false, and -t-x even --x. A NUL, which no word of argv has, marks these
// places: two behind the '=' of --name=, one in front of the first '=' or '-' behind a letter.
std::string marked(std::string word) {
    const bool is_long = word.starts_with("--");
    const auto place = word.starts_with('-') ? word.find_first_of(is_long ? "=" : "=-", 2) : std::string::npos;
    if (place != std::string::npos) word.insert(is_long ? place + 1 : place, is_long ? 2 : 1, '\0');
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
        for (std::size_t index = 0; index < known_.size(); index++) {
            const auto& option = known_[index];
            if (option.name.empty() || !may_be_given(option)) continue;
            const auto name = cat("--", option.name);
            declare(option.letter != 0 ? cat('-', option.letter, ',', name) : name, needs_value(option),
                    [this, index](const std::string& value) { take(index, value); });
        }
        declare(std::string(behind_switch), true, [this](const std::string& rest) { take_behind_switch(rest); });
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
        // What CLI11 leaves begins with an option that it does not know, or is the arguments.
        const auto left = app_.remaining();
        if (!left.empty() && left[0].size() > 1 && left[0][0] == '-' && left[0] != "--") refuse(unmarked(left[0]));
        if (lacks_value) refuse_without_value(words_.back());
        const auto arguments = words_.last(app_.remaining_size());
        line_.arguments.assign(arguments.begin(), arguments.end());
        return std::move(line_);
    }

private:
    // CLI11 compares each option with all others when it is told of it, and copies their names: with a hundred of them
    // that was half of the instructions up to the launch. So it is told of those that one of the words can mean.
    bool may_be_given(const OptionWords& option) const {
        return std::any_of(words_.begin(), words_.end(), [&](std::string_view word) {
            if (word.starts_with("--")) return word.substr(2, word.find('=') - 2) == option.name;
            return word.starts_with('-') && option.letter != 0 && word.find(option.letter, 1) != std::string_view::npos;
        });
    }

    // Called as soon as it is read: the order of different options matters.
    template <class Take>
    void declare(std::string names, bool needs_value, Take take) {
        const auto callback = [take](const CLI::results_t& values) { return take(values.front()), true; };
        auto* option = app_.add_option(std::move(names), CLI::callback_t(callback));
        option->expected(needs_value ? 1 : 0)->trigger_on_parse();
    }

    void take(std::size_t index, const std::string& value) {
        const auto& option = known_[index];
        const bool has_value = needs_value(option) || was_behind_equals(value);
        line_.options.push_back({index, has_value ? unmarked(value) : "", has_value, true});
        if (has_value && option.argument.empty()) turn(cat("--", option.name));
    }

    void take_behind_switch(const std::string& rest) {
        if (rest[0] == '-') refuse_letter(rest);
        auto& given = line_.options.back();
        given.value = rest.substr(1);
        turn(cat('-', known_[given.index].letter));
    }

    // Sets the last switch to its value. The words are those of Go's strconv.ParseBool; CLI11 takes "0x" for one, too.
    void turn(const std::string& spelling) {
        constexpr std::string_view on[] = {"1", "t", "T", "true", "TRUE", "True"};
        constexpr std::string_view off[] = {"0", "f", "F", "false", "FALSE", "False"};
        const auto is_one_of = [&](const auto& words, std::string_view value) {
            return std::find(std::begin(words), std::end(words), value) != std::end(words);
        };
        auto& given = line_.options.back();
        given.on = is_one_of(on, given.value);
        if (!given.on && !is_one_of(off, given.value))
            throw usage_error(cat(spelling, " is true or false, not ", quote(given.value)),
                              "a switch takes a value only behind '='");
        given = {given.index, "", true, given.on};
    }

    [[noreturn]] void refuse(std::string_view word) const {
        if (word.starts_with("--")) refuse_name(word.substr(2, word.find('=') - 2));
        refuse_letter(word.substr(1));
    }

    [[noreturn]] void refuse_name(std::string_view name) const {
        for (const auto& option : unsupported_)
            if (option.name == name) throw usage_error(cat("--", name, " is not supported yet"));
        std::vector<std::string_view> names;
        for (const auto& option : known_)
            if (!option.name.empty()) names.push_back(option.name);
        const auto message = cat("unknown option ", quote(cat("--", name)));
        const auto near = nearest_word(name, names);
        throw near.empty() ? usage_error(message) : usage_error(message, cat("did you mean --", near, "?"));
    }

    // The first of the letters; they are the end of a word.
    [[noreturn]] void refuse_letter(std::string_view letters) const {
        const auto spelling = cat('-', letters[0]);
        for (const auto& option : unsupported_)
            if (option.letter == letters[0])
                throw usage_error(cat("--", option.name, " (", spelling, ") is not supported yet"));
        const std::string_view word = *std::find_if(words_.begin(), words_.end(), [&](std::string_view one) {
            return one.starts_with('-') && !one.starts_with("--") && one.ends_with(letters);
        });
        const auto message = cat("unknown option ", quote(spelling), word == spelling ? "" : cat(" in ", quote(word)));
        // Long options with one dash are the most common slip: -name.
        const auto name = word.substr(1, word.find('=') - 1);
        for (const auto& option : known_)
            if (option.name == name) throw usage_error(message, cat("did you mean --", name, "?"));
        throw usage_error(message);
    }

    [[noreturn]] void refuse_without_value(std::string_view word) const {
        const auto spelling = word.starts_with("--") ? std::string(word) : cat('-', word.back());
        const auto option = std::find_if(known_.begin(), known_.end(), [&](const OptionWords& one) {
            return spelling == cat("--", one.name) || spelling == cat('-', one.letter);
        });
        throw usage_error(cat(spelling, " needs a value"), cat("write ", spelling, ' ', option->argument));
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

CommandLine read_mixed_command_line(std::span<const OptionWords> known, int argc, char** argv) {
    std::vector<char*> rest(argv + 1, argv + argc);
    CommandLine all;
    // One argument at a time: what stands behind it may be an option again, unless "--" stood before it.
    while (true) {
        auto line = Reader(known, {}, rest).read();
        all.options.insert(all.options.end(), line.options.begin(), line.options.end());
        const auto taken = rest.size() - line.arguments.size();
        const bool ended = taken > 0 && std::string_view(rest[taken - 1]) == "--";
        if (line.arguments.empty() || ended) {
            all.arguments.insert(all.arguments.end(), line.arguments.begin(), line.arguments.end());
            return all;
        }
        all.arguments.push_back(line.arguments.front());
        rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(taken) + 1);
    }
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
        if (!option.argument.empty()) append(left, cat(needs_value(option) ? " " : "", option.argument));
        // Two at least: what comes next is no part of the argument.
        left += ' ';
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
