// minirun-systemd: asks systemd for a container's scope, over D-Bus. A program of its own because the library for that
// cannot be linked statically; nothing else of minirun needs it.
//
//   minirun-systemd [--user] start UNIT SLICE PID DESCRIPTION [PROPERTY=VALUE…]   returns when PID is in the scope
//   minirun-systemd [--user] set UNIT [PROPERTY=VALUE…]
//   minirun-systemd [--user] stop UNIT                                            returns when it is gone
//
// What goes wrong is one sentence on standard error, and exit code 1.
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "kernel/names.hpp"

namespace {

constexpr const char* service = "org.freedesktop.systemd1";
constexpr const char* object = "/org/freedesktop/systemd1";
constexpr const char* manager = "org.freedesktop.systemd1.Manager";

class BusFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

void check(int result, const char* what) {
    if (result < 0) throw BusFailure(std::string(what) + ": " + minirun::errno_text(-result));
}

struct Bus {
    sd_bus* bus = nullptr;
    explicit Bus(bool of_user) {
        check(of_user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus),
              of_user ? "cannot reach the user's systemd over D-Bus (is XDG_RUNTIME_DIR set, and a session there?)"
                      : "cannot reach systemd over D-Bus");
    }
    ~Bus() { sd_bus_flush_close_unref(bus); }
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;
};

struct Message {
    sd_bus_message* message = nullptr;
    Message() = default;
    ~Message() { sd_bus_message_unref(message); }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
};

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    ~BusError() { sd_bus_error_free(&error); }
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
};

std::uint64_t number(const std::string& text) {
    if (text == "infinity") return UINT64_MAX;
    const auto value = minirun::parse_number<std::uint64_t>(text);
    if (!value) throw BusFailure("'" + text + "' is no number");
    return *value;
}

// "0-2,7" as systemd wants it: a bit for each.
std::vector<std::uint8_t> mask(const std::string& list) {
    std::vector<std::uint8_t> bytes;
    std::size_t at = 0;
    while (at < list.size()) {
        const auto comma = std::min(list.find(',', at), list.size());
        const auto part = list.substr(at, comma - at);
        const auto dash = part.find('-');
        const auto first = number(part.substr(0, dash));
        const auto last = dash == std::string::npos ? first : number(part.substr(dash + 1));
        if (last > 8191) throw BusFailure("'" + list + "' has a number over 8191");
        for (auto bit = first; bit <= last; bit++) {
            if (bytes.size() <= bit / 8) bytes.resize(bit / 8 + 1);
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 1u << bit % 8);
        }
        at = comma + 1;
    }
    return bytes;
}

void append_property(sd_bus_message* message, const std::string& assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos) throw BusFailure("'" + assignment + "' is no PROPERTY=VALUE");
    const auto name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    int done = 0;
    if (name == "CollectMode") {
        done = sd_bus_message_append(message, "(sv)", name.c_str(), "s", value.c_str());
    } else if (value == "yes" || value == "no") {
        done = sd_bus_message_append(message, "(sv)", name.c_str(), "b", value == "yes" ? 1 : 0);
    } else if (name == "AllowedCPUs" || name == "AllowedMemoryNodes") {
        const auto bits = mask(value);
        check(sd_bus_message_open_container(message, 'r', "sv"), "cannot write a message");
        check(sd_bus_message_append(message, "s", name.c_str()), "cannot write a message");
        check(sd_bus_message_open_container(message, 'v', "ay"), "cannot write a message");
        check(sd_bus_message_append_array(message, 'y', bits.data(), bits.size()), "cannot write a message");
        check(sd_bus_message_close_container(message), "cannot write a message");
        done = sd_bus_message_close_container(message);
    } else {
        done = sd_bus_message_append(message, "(sv)", name.c_str(), "t", number(value));
    }
    check(done, "cannot write a message");
}

void append_properties(sd_bus_message* message, const std::vector<std::string>& assignments) {
    for (const auto& one : assignments) append_property(message, one);
}

// The jobs that end meanwhile; ours may end before its name has come back to us.
struct Jobs {
    std::vector<std::pair<std::string, std::string>> ended;

    static int on_removed(sd_bus_message* message, void* self, sd_bus_error*) {
        const char *path = nullptr, *unit = nullptr, *result = nullptr;
        std::uint32_t id = 0;
        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0)
            static_cast<Jobs*>(self)->ended.emplace_back(path, result);
        return 0;
    }
    const std::string* result_of(const std::string& job) const {
        for (const auto& [path, result] : ended)
            if (path == job) return &result;
        return nullptr;
    }
};

class Manager {
public:
    explicit Manager(bool of_user) : bus_(of_user) {
        check(sd_bus_match_signal(bus_.bus, nullptr, service, object, manager, "JobRemoved", &Jobs::on_removed, &jobs_),
              "cannot listen to systemd");
        BusError error;
        check(sd_bus_call_method(bus_.bus, service, object, manager, "Subscribe", &error.error, nullptr, ""),
              error.error.message != nullptr ? error.error.message : "systemd does not answer");
    }

    sd_bus_message* new_call(Message& message, const char* method) {
        check(sd_bus_message_new_method_call(bus_.bus, &message.message, service, object, manager, method),
              "cannot write a message");
        return message.message;
    }

    void call(const Message& message, Message& reply, const std::string& what) {
        BusError error;
        const int done = sd_bus_call(bus_.bus, message.message, 0, &error.error, &reply.message);
        if (done < 0)
            throw BusFailure(
                what + ": " +
                (error.error.message != nullptr ? std::string(error.error.message) : minirun::errno_text(-done)));
    }

    void await(const std::string& job, const std::string& what) {
        const std::string* result = nullptr;
        while ((result = jobs_.result_of(job)) == nullptr) {
            const int processed = sd_bus_process(bus_.bus, nullptr);
            check(processed, "cannot listen to systemd");
            constexpr std::uint64_t patience = 30'000'000;  // microseconds
            if (processed == 0 && sd_bus_wait(bus_.bus, patience) == 0)
                throw BusFailure(what + ": systemd does not come to an end with it");
        }
        if (*result != "done") throw BusFailure(what + ": systemd says " + *result);
    }

private:
    Jobs jobs_;
    Bus bus_;
};

std::string job_of(const Message& reply) {
    const char* path = nullptr;
    check(sd_bus_message_read(reply.message, "o", &path), "cannot read systemd's answer");
    return path;
}

void start(Manager& systemd, const std::vector<std::string>& words) {
    if (words.size() < 4) throw BusFailure("start needs UNIT SLICE PID DESCRIPTION");
    Message message, reply;
    auto* m = systemd.new_call(message, "StartTransientUnit");
    check(sd_bus_message_append(m, "ss", words[0].c_str(), "fail"), "cannot write a message");
    check(sd_bus_message_open_container(m, 'a', "(sv)"), "cannot write a message");
    check(sd_bus_message_append(m, "(sv)", "Description", "s", words[3].c_str()), "cannot write a message");
    check(sd_bus_message_append(m, "(sv)", "Slice", "s", words[1].c_str()), "cannot write a message");
    check(sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, static_cast<std::uint32_t>(number(words[2]))),
          "cannot write a message");
    append_properties(m, {words.begin() + 4, words.end()});
    check(sd_bus_message_close_container(m), "cannot write a message");
    check(sd_bus_message_append(m, "a(sa(sv))", 0), "cannot write a message");
    const auto what = "cannot start the unit '" + words[0] + "'";
    systemd.call(message, reply, what);
    systemd.await(job_of(reply), what);
}

void set(Manager& systemd, const std::vector<std::string>& words) {
    if (words.empty()) throw BusFailure("set needs UNIT");
    Message message, reply;
    auto* m = systemd.new_call(message, "SetUnitProperties");
    check(sd_bus_message_append(m, "sb", words[0].c_str(), 1), "cannot write a message");
    check(sd_bus_message_open_container(m, 'a', "(sv)"), "cannot write a message");
    append_properties(m, {words.begin() + 1, words.end()});
    check(sd_bus_message_close_container(m), "cannot write a message");
    systemd.call(message, reply, "cannot set properties of the unit '" + words[0] + "'");
}

void stop(Manager& systemd, const std::vector<std::string>& words) {
    if (words.size() != 1) throw BusFailure("stop needs UNIT");
    const auto what = "cannot stop the unit '" + words[0] + "'";
    Message message, reply;
    check(sd_bus_message_append(systemd.new_call(message, "StopUnit"), "ss", words[0].c_str(), "replace"),
          "cannot write a message");
    systemd.call(message, reply, what);
    systemd.await(job_of(reply), what);
}

}  // namespace

int main(int argc, char** argv) try {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool of_user = !words.empty() && words[0] == "--user";
    if (of_user) words.erase(words.begin());
    const auto command = words.empty() ? std::string() : words[0];
    if (command != "start" && command != "set" && command != "stop")
        throw BusFailure("expected start, set or stop; minirun calls this program, people do not");
    words.erase(words.begin());
    Manager systemd(of_user);
    (command == "start" ? start : command == "set" ? set : stop)(systemd, words);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "minirun-systemd: %s\n", error.what());
    return 1;
}
