// minirun test: many containers of one image, each a test.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/test_options.hpp"
#include "cli/minirun/test_reports.hpp"
#include "cli/minirun/test_summary.hpp"
#include "cli/render.hpp"
#include "kernel/system_error.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "sandbox/test_pool.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_of_a_list = 256 << 20;

std::string text_of_list(const TestCommand& command) {
    if (!command.from.empty()) return read_file_or_pipe(command.from, most_of_a_list);
    if (::isatty(STDIN_FILENO) != 0)
        print_notice("minirun", "reading the list of tests from the terminal, a test a line; Ctrl-D ends it");
    return read_fd(STDIN_FILENO, "standard input", most_of_a_list);
}

// ---- What failed the last time

// A list of names, kept for each image and command: FNV-1a of both is the file's name.
std::string kept_file(const TestCommand& command) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&](const std::string& text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        hash = (hash ^ 0x100) * 0x100000001b3;
    };
    mix(command.run.image);
    for (const auto& word : command.run.options.arguments) mix(word);
    return cat(default_paths().data, "/failed-tests/", hash);
}

std::set<std::string> names_of_failed(const std::string& file, const std::string& text) {
    std::set<std::string> names;
    std::size_t number = 0;
    for (const auto& line : split(text, '\n')) {
        number++;
        if (line.empty()) continue;
        const auto json = parse_json(line, cat(file, " line ", number));
        if (!json.is_object() || !json.contains("name") || !json["name"].is_string())
            throw Error(ErrorKind::bad_input, cat(file, " line ", number, ": this is no result of a test"),
                        "--json FILE of an earlier run writes them");
        if (json.value("result", "failed") == "failed") names.insert(json["name"].get<std::string>());
    }
    return names;
}

void keep_failed(const TestCommand& command, const std::vector<ToldTest>& all) {
    std::string text;
    for (const auto& told : all)
        if (told.result.state == TestResult::State::failed) text += report_text(Report{{"name", told.test.name}}, -1);
    const auto file = kept_file(command);
    try {
        make_private_directories(file.substr(0, file.rfind('/')));
        replace_file(file, text, 0600);
    } catch (const Error& error) {
        // The results are what counts.
        print_notice("minirun", cat("--rerun-failed will not know of this run: ", error.message()));
    }
}

void leave_only_failed(std::vector<TestCase>& tests, const TestCommand& command) {
    const auto file = command.rerun_file.empty() ? kept_file(command) : command.rerun_file;
    const auto text = command.rerun_file.empty() ? read_optional_file(file, most_of_a_list)
                                                 : std::optional(read_file_or_pipe(file, most_of_a_list));
    if (!text)
        throw Error(ErrorKind::not_found, "--rerun-failed: no earlier run of this image and command is known",
                    "run them all first, or name a file that --json has written");
    const auto names = names_of_failed(file, *text);
    std::erase_if(tests, [&](const TestCase& test) { return !names.contains(test.name); });
}

// ---- What is told while it runs

// A report that goes to a file or to standard output as the results come.
class Stream {
public:
    explicit Stream(const std::string& where) {
        if (where == "-") {
            file_.reset(::fdopen(::dup(STDOUT_FILENO), "w"));
        } else if (!where.empty()) {
            file_.reset(std::fopen(where.c_str(), "we"));
            if (!file_) throw system_error(cat("cannot write the file ", quote(where)), errno);
        }
    }
    explicit operator bool() const { return file_ != nullptr; }
    void write(const std::string& text) {
        if (!file_) return;
        const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
        if (!written || std::fflush(file_.get()) != 0) throw system_error("cannot write the results", errno);
    }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
};

class Teller {
public:
    Teller(const TestCommand& command, const std::vector<TestCase>& tests)
        : tests_(tests), tap_(command.tap), json_(command.json), live_(::isatty(STDERR_FILENO) != 0) {
        tap_.write(tap_head(tests.size()));
    }

    void tell(const TestResult* result, std::size_t running) {
        if (result != nullptr) {
            counts_.add(*result);
            write(*result);
        }
        if (live_)
            std::fprintf(stderr, "\r\x1b[K%s", progress_line(counts_, tests_.size(), running, seconds()).c_str());
    }

    /// All results are in: those of tests that never ran are told, too.
    void finish(const std::vector<TestResult>& results) {
        if (live_) std::fputs("\r\x1b[K", stderr);
        for (const auto& result : results)
            if (result.state == TestResult::State::skipped) {
                counts_.add(result);
                write(result);
            }
    }

    const Counts& counts() const { return counts_; }
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

private:
    void write(const TestResult& result) {
        const ToldTest told{tests_[result.index], result};
        if (tap_) tap_.write(tap_point(told));
        if (json_) json_.write(json_line(told));
    }

    const std::vector<TestCase>& tests_;
    Stream tap_, json_;
    bool live_;
    Counts counts_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::vector<TestCase> tests_of(const TestCommand& command) {
    const auto where = command.from.empty() ? std::string("standard input") : command.from;
    auto tests = read_tests(text_of_list(command), where, command.run.options.arguments);
    if (tests.empty())
        throw Error(ErrorKind::bad_input, cat("there is no test in ", where),
                    "write a test a line: ls tests/*.py | minirun test IMAGE -- COMMAND {}");
    if (command.rerun_failed) leave_only_failed(tests, command);
    return selected(std::move(tests), command.selection);
}

}  // namespace

int test_command(int argc, char** argv) {
    const auto command = parse_test(argc, argv);
    if (command.help) {
        print_output(test_help());
        return 0;
    }
    Runner runner(command.run.options.rootfs ? open_plain_rootfs(*command.run.options.rootfs)
                                             : open_image(command.run.image));
    const auto tests = tests_of(command);
    const auto started = std::chrono::system_clock::now();
    Teller teller(command, tests);
    PoolSetting setting;
    setting.options = command.run.options;
    // Counting takes a cgroup, and that takes time: who reads the reports wants to know.
    setting.options.accounting = !command.json.empty();
    setting.cores = command.cores;
    setting.workers = command.jobs;
    setting.retries = command.retries;
    setting.fail_fast = command.fail_fast;
    setting.keep_output = !command.junit.empty();
    setting.progress = [&](const TestResult* result, std::size_t running) { teller.tell(result, running); };
    TestPool pool(runner, tests, std::move(setting));
    const auto results = pool.run();
    teller.finish(results);

    std::vector<ToldTest> all;
    for (const auto& result : results) all.push_back({tests[result.index], result});
    if (!command.junit.empty())
        replace_file(command.junit, junit_document(all, runner.image().name, started, teller.seconds()), 0644);
    keep_failed(command, all);
    // Standard output is for the one who reads the other form there.
    const bool taken = command.tap == "-" || command.json == "-";
    const auto text =
        summary(all, teller.counts(), teller.seconds(), colour_wanted(taken ? STDERR_FILENO : STDOUT_FILENO));
    if (taken)
        std::fputs(text.c_str(), stderr);
    else
        print_output(text);
    if (pool.interrupted_by() != 0) return 128 + pool.interrupted_by();
    return teller.counts().failed == 0 ? 0 : 1;
}

}  // namespace minirun
