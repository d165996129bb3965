#include "runtime/container_record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/path.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "cgroup/control.hpp"
#include "kernel/channel.hpp"
#include "kernel/system_error.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/container_directory.hpp"
#include "security/default_seccomp.hpp"

namespace minirun {
namespace {

Error does_not_exist(const std::string& id) {
    return {ErrorKind::not_found, cat("container ", quote(id), " does not exist")};
}

Fd open_directory(const std::string& path) {
    return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Fd new_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) throw system_error("cannot make a socket", errno);
    return socket;
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
}

// The elements that are common to sockaddr_un and what the calls take.
const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

std::string record_root(const std::string& given) {
    const auto root = given.empty() ? default_paths().state : given;
    return root.starts_with('/') ? root : absolute_path(root, real_path("."));
}

ContainerRecord::ContainerRecord(std::string path, std::string id) : path_(std::move(path)), id_(std::move(id)) {}

ContainerRecord ContainerRecord::make(const std::string& root, const std::string& id) {
    check_container_id(id);
    ContainerRecord record(root + "/" + id, id);
    make_private_directories(root);
    if (::mkdir(record.path_.c_str(), 0700) < 0) {
        if (errno == EEXIST)
            throw Error(ErrorKind::conflict, cat("a container with the id ", quote(id), " already exists"),
                        "delete it first, or choose another id");
        throw system_error(cat("cannot make the directory ", quote(record.path_)), errno);
    }
    record.directory_ = open_directory(record.path_);
    return record;
}

ContainerRecord ContainerRecord::open(const std::string& root, const std::string& id) {
    check_container_id(id);
    ContainerRecord record(root + "/" + id, id);
    record.directory_ = open_directory(record.path_);
    if (!record.directory_) throw does_not_exist(id);
    // Its hooks run as who calls us.
    struct stat info {};
    if (::fstat(record.directory_.get(), &info) < 0 || info.st_uid != ::geteuid())
        throw Error(ErrorKind::not_permitted, cat("container ", quote(id), " is another user's"),
                    cat("run this as the user ", info.st_uid));
    return record;
}

bool ContainerRecord::exists(const std::string& root, const std::string& id) {
    check_container_id(id);
    return is_directory(root + "/" + id);
}

void ContainerRecord::lock() {
    constexpr int rounds = 1000, microseconds = 10000;
    for (int round = 0; ::flock(directory_.get(), LOCK_EX | LOCK_NB) < 0; round++) {
        if (errno != EWOULDBLOCK && errno != EINTR) throw system_error(cat("cannot lock ", quote(path_)), errno);
        if (round == rounds)
            throw Error(ErrorKind::conflict, cat("container ", quote(id_), " is being changed by another command"));
        ::usleep(microseconds);
    }
    struct stat info {};
    if (::fstat(directory_.get(), &info) == 0 && info.st_nlink == 0) throw does_not_exist(id_);
}

void ContainerRecord::unlock() { ::flock(directory_.get(), LOCK_UN); }

void ContainerRecord::write_config(std::string_view text) const { replace_file(path_ + "/config.json", text, 0600); }

std::string ContainerRecord::read_config() const { return read_file(path_ + "/config.json", max_config_size); }

const ContainerSpec& ContainerRecord::read_spec() const {
    if (spec_) return *spec_;
    auto spec = parse_runtime_spec(read_config(), path_ + "/config.json");
    if (is_made() && read().default_seccomp) spec.linux_.seccomp = SharedText::lasting(default_seccomp_profile());
    return spec_.emplace(std::move(spec));
}

void ContainerRecord::write(const Made& made) const {
    made_ = made;
    const Json json{{"bundle", made.bundle},
                    {"rootfs", made.rootfs},
                    {"created", made.created},
                    {"owner", made.owner},
                    {"preserveFds", made.preserve_fds},
                    {"pivotRoot", made.pivot_root},
                    {"newKeyring", made.new_keyring},
                    {"cgroupManager", made.cgroup_manager},
                    {"listenFds", made.listen_fds},
                    {"notifySocket", made.notify_socket},
                    {"defaultSeccomp", made.default_seccomp}};
    replace_file(path_ + "/record.json", json.dump(-1, ' ', false, Json::error_handler_t::replace), 0600);
}

const Made& ContainerRecord::read() const {
    if (made_) return *made_;
    const auto file = path_ + "/record.json";
    const auto document = parse_json(read_file(file, max_config_size), file);
    Problems problems(file);
    const JsonView view(document, problems);
    Made made{view["bundle"].string_or(""),
              view["rootfs"].string_or(""),
              view["created"].string_or(""),
              view["owner"].string_or(""),
              static_cast<unsigned>(view["preserveFds"].unsigned_integer(1 << 20).value_or(0)),
              view["pivotRoot"].boolean_or(true),
              view["newKeyring"].boolean_or(true),
              view["cgroupManager"].string_or(""),
              static_cast<unsigned>(view["listenFds"].unsigned_integer(1 << 20).value_or(0)),
              view["notifySocket"].string_or(""),
              view["defaultSeccomp"].boolean_or(false)};
    problems.throw_if_any();
    return made_.emplace(std::move(made));
}

// By the descriptor: the path of a socket may be 107 bytes long, engines' state directories are longer.
std::string ContainerRecord::socket_path() const { return cat("/proc/self/fd/", directory_.get(), "/start"); }

Fd ContainerRecord::listen_for_start() const {
    auto socket = new_socket();
    const auto address = address_of(socket_path());
    if (::bind(socket.get(), generic(address), sizeof address) < 0 || ::listen(socket.get(), 16) < 0)
        throw system_error(cat("cannot listen on ", quote(path_ + "/start")), errno);
    return socket;
}

Fd ContainerRecord::connect_to_start() const {
    auto socket = new_socket();
    const auto address = address_of(socket_path());
    if (const auto told = kernel::tell_senders(socket.get()); !told)
        throw system_error("cannot ask who sends what", told.error());
    if (::connect(socket.get(), generic(address), sizeof address) == 0) return socket;
    if (errno == ENOENT || errno == ECONNREFUSED) return Fd();
    throw system_error(cat("cannot reach the container at ", quote(path_ + "/start")), errno);
}

// The socket may be left from a start that was killed right behind its work: then nobody listens to it.
bool ContainerRecord::waits_for_start() const {
    if (::access((path_ + "/start").c_str(), F_OK) < 0) return false;
    const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto address = address_of(socket_path());
    return !socket || ::connect(socket.get(), generic(address), sizeof address) == 0 ||
           (errno != ECONNREFUSED && errno != ENOENT);
}

void ContainerRecord::started() const { ::unlink((path_ + "/start").c_str()); }

Fd ContainerRecord::open_process() const { return open_recorded_process(process()); }

pid_t ContainerRecord::pid() const { return recorded_pid(process()); }

ContainerState ContainerRecord::observe() const {
    ContainerState state;
    state.id = id_;
    if (::access((path_ + "/config.json").c_str(), F_OK) == 0) {
        const auto spec = read_spec();
        state.oci_version = spec.oci_version;
        state.annotations = spec.annotations;
    }
    if (is_made()) {
        const auto made = read();
        state.bundle = made.bundle;
        state.rootfs = made.rootfs;
        state.created = made.created;
        state.owner = made.owner;
    }
    const auto alive = open_process();
    if (alive) state.pid = pid();
    const bool was_there = pid() != 0;
    const bool waits = alive && waits_for_start();
    state.status = !was_there ? ContainerStatus::creating
                   : !alive   ? ContainerStatus::stopped
                   : waits    ? ContainerStatus::created
                              : ContainerStatus::running;
    if (state.status != ContainerStatus::running) return state;
    if (const auto place = cgroup(); place && is_frozen(*place)) state.status = ContainerStatus::paused;
    return state;
}

std::optional<CgroupPlace> ContainerRecord::cgroup() const {
    const auto name = read_link(cat(path_, '/', cgroup_record));
    if (expected_cgroup_ && expected_cgroup_->name == name) return expected_cgroup_;
    if (name.empty()) return std::nullopt;
    return cgroup_place(probe_cgroups(), name);
}

bool ContainerRecord::is_made() const { return ::access((path_ + "/record.json").c_str(), F_OK) == 0; }

void ContainerRecord::remove() const {
    if (const auto place = cgroup()) remove_cgroup(*place);
    remove_tree(path_);
}

}  // namespace minirun
