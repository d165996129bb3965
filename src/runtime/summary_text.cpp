#include "runtime/summary_text.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

#include "base/text.hpp"

namespace minirun {
namespace {

class Writer {
public:
    void field(const std::string& text) { append(text); }
    void field(std::integral auto number) { append(cat(static_cast<std::int64_t>(number))); }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void field(Enum value) { field(static_cast<int>(value)); }
    void field(const std::optional<std::uint64_t>& number) { append(number ? cat(*number) : ""); }

    std::string out;

private:
    void append(std::string_view text) { out.append(text).push_back('\0'); }
};

// Behind the first field that is none of ours all others are empty, and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    void field(std::string& text) { text = next(); }
    template <std::integral Number>
    void field(Number& number) {
        const auto read = parse_number<std::int64_t>(next());
        ok_ = ok_ && read && std::in_range<Number>(*read);
        if (ok_) number = static_cast<Number>(*read);
    }
    void field(bool& value) {
        int number = 0;
        field(number);
        value = number != 0;
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void field(Enum& value) {
        int number = 0;
        field(number);
        value = static_cast<Enum>(number);
    }
    void field(std::optional<std::uint64_t>& number) {
        const auto text = next();
        if (!text.empty()) number = parse_number<std::uint64_t>(text);
        ok_ = ok_ && (text.empty() || number);
    }
    // How many there are of what comes next: each has a byte at least.
    std::size_t count() {
        std::size_t number = 0;
        field(number);
        ok_ = ok_ && number <= rest_.size();
        return ok_ ? number : 0;
    }
    bool ok() const { return ok_; }
    bool is_at_end() const { return ok_ && rest_.empty(); }

private:
    std::string_view next() {
        const auto end = rest_.find('\0');
        ok_ = ok_ && end != std::string_view::npos;
        if (!ok_) return {};
        const auto text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return text;
    }

    std::string_view rest_;
    bool ok_ = true;
};

// The fields that every summary has, in one order for both ways.
template <class Stream, class Summary>
void single_fields(Stream& stream, Summary& one) {
    stream.field(one.id);
    stream.field(one.name);
    stream.field(one.image_name);
    stream.field(one.image_id);
    stream.field(one.phase);
    stream.field(one.pid);
    stream.field(one.created);
    stream.field(one.started);
    stream.field(one.finished);
    stream.field(one.exit_code);
    stream.field(one.oom_killed);
    stream.field(one.error);
    stream.field(one.restarts);
    stream.field(one.remove);
    stream.field(one.restart.when);
    stream.field(one.restart.most);
    stream.field(one.log.kept);
    stream.field(one.log.max_size);
    stream.field(one.log.max_files);
    stream.field(one.log.journal);
    stream.field(one.log.tag);
}

template <class Stream, class Ports>
void port_fields(Stream& stream, Ports& ports) {
    stream.field(ports.address);
    stream.field(ports.host_port);
    stream.field(ports.container_port);
    stream.field(ports.count);
    stream.field(ports.protocol);
}

}  // namespace

std::string summary_text(const ContainerSummary& one) {
    Writer writer;
    single_fields(writer, one);
    writer.field(one.labels.size());
    for (const auto& [key, value] : one.labels) {
        writer.field(key);
        writer.field(value);
    }
    writer.field(one.ports.size());
    for (const auto& ports : one.ports) port_fields(writer, ports);
    writer.field(one.args.size());
    for (const auto& word : one.args) writer.field(word);
    return std::move(writer.out);
}

bool read_summary_text(std::string_view text, ContainerSummary& one) {
    Reader reader(text);
    one.labels.clear();
    one.ports.clear();
    one.args.clear();
    single_fields(reader, one);
    for (auto left = reader.count(); left > 0 && reader.ok(); left--) {
        std::string key;
        reader.field(key);
        reader.field(one.labels[key]);
    }
    for (auto left = reader.count(); left > 0 && reader.ok(); left--) port_fields(reader, one.ports.emplace_back());
    for (auto left = reader.count(); left > 0 && reader.ok(); left--) reader.field(one.args.emplace_back());
    return reader.is_at_end();
}

}  // namespace minirun
