#include "runtime/stored_container.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/remove_tree.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "kernel/process.hpp"
#include "kernel/sys_result.hpp"
#include "kernel/system_error.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "model/health_check.hpp"
#include "model/launch_request_json.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/events.hpp"
#include "runtime/supervision_mark.hpp"
#include "security/default_seccomp.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_file = std::size_t{16} << 20;

// What outlives a run.
constexpr std::array<std::string_view, 14> lasting{
    "config.json", "record.json", "request.json", "container.json", "state.json", "supervisor", "supervisor.lock",
    "stopped",     "image",       "upper",        "volumes",        "json.log",   "attach",     "health.json"};

bool is_lasting(std::string_view name) {
    return name.starts_with("json.log.") || std::find(lasting.begin(), lasting.end(), name) != lasting.end();
}

std::vector<std::string> entries_of(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

// The document in a file of ours, as `read` makes it.
template <class Read>
auto read_document(const std::string& path, Read read) {
    const auto document = parse_json(read_file(path, max_file), path);
    Problems problems(path);
    auto value = read(JsonView(document, problems));
    problems.throw_if_any();
    return value;
}

// A file of ours that cannot be written has one way out.
template <class Write>
void write_down(const std::string& path, Write write) {
    try {
        write();
    } catch (const Error& error) {
        throw system_error(cat("cannot write ", quote(path)), error.system_errno(), root_hint);
    }
}

void write_document(const std::string& path, const Json& json) {
    const auto text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    write_down(path, [&] { replace_file(path, text, 0600); });
}

Error not_found(const std::string& word) {
    return {ErrorKind::not_found, cat("there is no container ", quote(word)), "minirun ps -a lists them"};
}

// What supervisor.lock holds: the exit code, and blanks.
constexpr std::string_view no_exit_code = "       \n";

void write_exit_code(const Fd& lock, std::string_view code) {
    std::string text(no_exit_code);
    text.replace(0, code.size(), code);
    (void)libc_status(static_cast<int>(::pwrite(lock.get(), text.data(), text.size(), 0)));
}

// Nothing if nobody holds it, and nobody begins to as long as the descriptor is open.
Fd lock_if_free(const std::string& path) {
    Fd lock(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) lock.reset();
    return lock;
}

// Whether somebody supervises it: asked without being in the way of who is about to.
bool is_held(const std::string& path) noexcept {
    const Fd lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) < 0;
}

// Had, where it was killed.
bool has_supervisor(const std::string& directory) noexcept {
    struct stat info {};
    return ::lstat((directory + "/supervisor").c_str(), &info) == 0;
}

}  // namespace

bool is_at_rest(ContainerPhase phase) noexcept {
    return phase == ContainerPhase::created || phase == ContainerPhase::exited;
}

std::string_view phase_word(ContainerPhase phase) noexcept {
    constexpr std::string_view words[] = {"created", "running", "paused", "restarting", "exited"};
    return words[static_cast<std::size_t>(phase)];
}

StoredContainer::StoredContainer(const Paths& paths, std::string path) : paths_(paths), path_(std::move(path)) {}

StoredContainer StoredContainer::make(const Paths& paths, const ContainerFacts& facts, const LaunchRequest& request) {
    StoredContainer container(paths, request.container_dir);
    container.facts_ = facts;
    Made made;
    made.bundle = container.path_;
    made.rootfs = request.spec.root.path;
    made.created = facts.created;
    made.owner = "root";
    made.default_seccomp = request.spec.linux_.seccomp == default_seccomp_profile();
    const auto record = container.record();
    // Nine tenths of the document would be the profile, and to read it most of what an exec takes.
    auto spec = request.spec;
    if (made.default_seccomp) spec.linux_.seccomp.reset();
    const auto config = runtime_spec_json(spec);
    write_down(container.path_, [&] {
        record.write_config(config);
        record.write(made);
    });
    container.write(request);
    write_down(container.path_, [&] { replace_file(container.path_ + "/supervisor.lock", no_exit_code, 0600); });
    container.write_facts();
    return container;
}

StoredContainer StoredContainer::find(const Paths& paths, const std::string& word) {
    if (word.empty() || word.find('/') != std::string::npos || word[0] == '.') throw not_found(word);
    std::vector<std::string> found;
    if (const auto id = read_link(paths.names + "/" + word); !id.empty()) found.push_back(id);
    if (found.empty() && is_stored_container(paths.containers + "/" + word)) found.push_back(word);
    if (found.empty())
        for (const auto& id : entries_of(paths.containers))
            if (id.starts_with(word) && is_stored_container(paths.containers + "/" + id)) found.push_back(id);
    if (found.size() > 1)
        throw Error(ErrorKind::usage, cat("the ids of ", found.size(), " containers begin with ", quote(word)),
                    "give more of it");
    const auto path = found.empty() ? "" : paths.containers + "/" + found[0];
    if (found.empty() || !is_stored_container(path)) throw not_found(word);
    StoredContainer container(paths, path);
    container.facts_ = read_document(path + "/container.json", read_facts);
    return container;
}

std::optional<StoredContainer> StoredContainer::in_directory(const Paths& paths, const std::string& id) try {
    StoredContainer container(paths, paths.containers + "/" + id);
    if (!is_stored_container(container.path_)) return std::nullopt;
    container.facts_ = read_document(container.path_ + "/container.json", read_facts);
    return container;
} catch (const Error&) {
    // It was removed just now, or a crash of the machine has left it without content.
    return std::nullopt;
}

std::vector<StoredContainer> StoredContainer::all(const Paths& paths) {
    std::vector<StoredContainer> containers;
    for (const auto& id : entries_of(paths.containers))
        if (auto container = in_directory(paths, id)) containers.push_back(std::move(*container));
    return containers;
}

void StoredContainer::write_facts() const { write_document(path_ + "/container.json", facts_json(facts_)); }

ContainerRecord StoredContainer::record() const {
    return ContainerRecord::open(paths_.containers, path_.substr(path_.rfind('/') + 1));
}

LaunchRequest StoredContainer::request() const {
    auto request = read_document(path_ + "/request.json", read_launch_request);
    request.spec = record().read_spec();
    request.id = facts_.id;
    request.name = facts_.name;
    request.container_dir = path_;
    request.process_record = path_ + "/process";
    if (request.pasta) request.pasta->process_record = cat(path_, '/', pasta_record);
    request.seccomp_cache = paths_.seccomp;
    // Without limits, too: to pause it, to count what it uses, and for other processes in it.
    request.cgroup = CgroupUse::where_allowed;
    return request;
}

void StoredContainer::write(const LaunchRequest& request) const {
    write_document(path_ + "/request.json", launch_request_json(request));
}

ContainerProgress StoredContainer::progress() const {
    const auto path = path_ + "/state.json";
    if (::access(path.c_str(), F_OK) < 0) return {};
    return read_document(path, read_progress);
}

void StoredContainer::write(const ContainerProgress& progress) const {
    write_document(path_ + "/state.json", progress_json(progress));
}

std::optional<Health> StoredContainer::health() const {
    const auto path = path_ + "/health.json";
    if (!facts_.health) return std::nullopt;
    if (::access(path.c_str(), F_OK) < 0) return Health{};
    return read_document(path, read_health);
}

void StoredContainer::write(const Health& health) const noexcept try {
    const auto text = health_json(health).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    replace_file(path_ + "/health.json", text, 0600);
} catch (...) {
    // A container that runs is worth more than what is known of its health.
}

void StoredContainer::rename(const std::string& name) {
    check_container_name(name);
    const auto old = std::exchange(facts_.name, name);
    if (old == name) return;
    take_container_name(paths_, facts_.id, name);
    write_facts();
    ::unlink(cat(paths_.names, '/', old).c_str());
}

void StoredContainer::update(const Json& resources, const std::optional<RestartPolicy>& restart) {
    const auto path = path_ + "/config.json";
    auto config = parse_json(read_file(path, max_file), path);
    config["linux"]["resources"].merge_patch(resources);
    record().write_config(config.dump());
    if (restart) facts_.restart = *restart;
    write_facts();
}

// A supervisor that was killed took its container along (DieWithParent), but for one that has shed that.
void StoredContainer::settle() {
    const auto lock = is_lost(path_) ? lock_if_free(path_ + "/supervisor.lock") : Fd();
    if (!lock || !has_supervisor(path_)) return;
    end_processes();
    tell_event(paths_, facts_, "die", {{"exitCode", cat(128 + SIGKILL)}});
    if (facts_.remove) {
        remove();
        throw not_found(facts_.name);
    }
    auto progress = this->progress();
    progress.finished = rfc3339(std::chrono::system_clock::now());
    progress.exit_code = 128 + SIGKILL;
    progress.error = "its supervisor was killed, and it was ended";
    try {
        write(progress);
        ::unlink((path_ + "/supervisor").c_str());
    } catch (const Error&) {
        // On a full disk all that can be done has to go on, to remove it first of all. The next look tries again.
    }
}

bool StoredContainer::is_lost(const std::string& directory) noexcept {
    return has_supervisor(directory) && !is_held(directory + "/supervisor.lock");
}

ContainerSummary StoredContainer::observe() {
    const bool supervised = is_held(path_ + "/supervisor.lock");
    if (!supervised) settle();
    const auto progress = this->progress();
    ContainerSummary all{.id = facts_.id,
                         .name = facts_.name,
                         .image_name = facts_.image_name,
                         .image_id = facts_.image_id,
                         .created = facts_.created,
                         .started = progress.started,
                         .finished = progress.finished,
                         .exit_code = progress.exit_code,
                         .oom_killed = progress.oom_killed,
                         .error = progress.error,
                         .restarts = progress.restarts,
                         .remove = facts_.remove,
                         .restart = facts_.restart,
                         .log = facts_.log,
                         .health = health(),
                         .labels = facts_.labels,
                         .ports = facts_.ports,
                         .args = facts_.args,
                         .directory = path_,
                         .log_file = facts_.log.kept ? log_path() : ""};
    const bool runs = supervised && open_recorded_process(path_ + "/process");
    // It is being started, or waits to be, or is just ending: whoever asks it to end has to wait.
    const bool lives = runs || (supervised && has_supervisor(path_));
    if (runs) all.pid = recorded_pid(path_ + "/process");
    const auto place = runs ? record().cgroup() : std::nullopt;
    const bool was_started = !progress.started.empty() || !progress.error.empty();
    all.phase = place && is_frozen(*place) ? ContainerPhase::paused
                : runs                     ? ContainerPhase::running
                : lives                    ? ContainerPhase::restarting
                : was_started              ? ContainerPhase::exited
                                           : ContainerPhase::created;
    return all;
}

// Who only looks, or waits for the last one to end, has the lock for a moment, too.
Fd StoredContainer::lock() const {
    const auto path = path_ + "/supervisor.lock";
    constexpr int rounds = 1000, microseconds = 1000;
    auto lock = lock_if_free(path);
    for (int round = 0; !lock && errno == EWOULDBLOCK && round < rounds && !open_supervisor(); round++) {
        ::usleep(microseconds);
        lock = lock_if_free(path);
    }
    if (lock ? !is_stored_container(path_) : errno == ENOENT) throw not_found(facts_.name);  // removed just now
    if (!lock && errno != EWOULDBLOCK) throw system_error(cat("cannot lock ", quote(path)), errno, root_hint);
    if (!lock)
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(facts_.name),
                        open_supervisor() ? " runs already" : " is in use by another command, such as minirun cp"));
    return lock;
}

StoredContainer::Supervision StoredContainer::become_supervisor() const {
    auto lock = this->lock();
    // In place: on a full disk there is room for the exit code.
    write_exit_code(lock, "");
    if (const auto done = record_process_again(path_ + "/supervisor", ::getpid(), Fd()); !done)
        throw system_error(cat("cannot make the link ", quote(path_ + "/supervisor")), done.error(), root_hint);
    return {std::move(lock), mark_supervised(paths_, facts_.id)};
}

void StoredContainer::end_supervision(const Supervision& own, int exit_code) const {
    write_exit_code(own.lock, cat(exit_code));
    // Of one that goes now the link stays: were we killed before, it would not go.
    if (!facts_.remove) ::unlink((path_ + "/supervisor").c_str());
}

std::optional<int> StoredContainer::await_supervisor(int milliseconds) const {
    const Fd lock(::open((path_ + "/supervisor.lock").c_str(), O_RDONLY | O_CLOEXEC));
    if (!lock) return progress().exit_code;
    if (milliseconds < 0) {
        while (::flock(lock.get(), LOCK_SH) < 0 && errno == EINTR) continue;
    } else {
        constexpr int step = 5;
        for (int waited = 0; ::flock(lock.get(), LOCK_SH | LOCK_NB) < 0; waited += step) {
            if (waited >= milliseconds) return std::nullopt;
            ::usleep(step * 1000);
        }
    }
    char text[16] = {};
    const auto n = ::pread(lock.get(), text, sizeof text - 1, 0);
    const std::string_view told(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    // One that was killed has told nothing.
    return parse_number<int>(told.substr(0, told.find(' ')))
        .value_or(!is_stored_container(path_) ? 137 : progress().exit_code);
}

Fd StoredContainer::open_supervisor() const { return open_recorded_process(path_ + "/supervisor"); }

void StoredContainer::clear_run() const {
    if (const auto place = record().cgroup()) remove_cgroup(*place);
    end_connection(cat(path_, '/', network_record), paths_.networks_state);
    for (const auto& name : entries_of(path_)) {
        const auto path = cat(path_, '/', name);
        if (!is_lasting(name) && ::unlink(path.c_str()) < 0) remove_tree(path);
    }
}

bool StoredContainer::is_stopped_by_hand() const { return ::access((path_ + "/stopped").c_str(), F_OK) == 0; }

void StoredContainer::stop_by_hand(bool stopped) const {
    const auto path = path_ + "/stopped";
    if (stopped)
        Fd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).reset();
    else
        ::unlink(path.c_str());
}

void StoredContainer::end_processes() const {
    end_recorded_process(path_ + "/process");
    end_recorded_process(cat(path_, '/', pasta_record));
    end_connection(cat(path_, '/', network_record), paths_.networks_state);
    if (const auto place = record().cgroup()) remove_cgroup(*place);
}

void StoredContainer::reread() { facts_ = read_document(path_ + "/container.json", read_facts); }

void StoredContainer::remove() {
    end_processes();
    reread();  // it may have been renamed
    const auto name = cat(paths_.names, '/', facts_.name);
    if (read_link(name) == facts_.id) ::unlink(name.c_str());
    // First what makes it one: whatever is left behind a kill -9 from here on the sweep takes for what it is.
    ::unlink((path_ + "/container.json").c_str());
    remove_tree(path_);
    tell_event(paths_, facts_, "destroy");
}

}  // namespace minirun
