#include "sandbox/test_result.hpp"

namespace minirun {
namespace {

// A test writes whatever it likes: bytes.
Report bytes_of(const std::string& text) { return Report::binary({text.begin(), text.end()}); }
std::string text_of(const Report& bytes) { return {bytes.get_binary().begin(), bytes.get_binary().end()}; }

}  // namespace

std::vector<std::uint8_t> to_bytes(const TestResult& result) {
    return Report::to_cbor(Report{{"state", static_cast<int>(result.state)},
                                  {"index", result.index},
                                  {"reason", bytes_of(result.reason)},
                                  {"seconds", result.seconds},
                                  {"out", bytes_of(result.out)},
                                  {"err", bytes_of(result.err)},
                                  // As text: an argument may be no UTF-8, which is replaced there.
                                  {"report", report_text(result.report, -1)}});
}

TestResult test_result_from(const std::vector<std::uint8_t>& bytes) {
    const auto all = Report::from_cbor(bytes);
    TestResult result;
    result.state = static_cast<TestResult::State>(all.at("state").get<int>());
    result.index = all.at("index").get<std::size_t>();
    result.reason = text_of(all.at("reason"));
    result.seconds = all.at("seconds").get<double>();
    result.out = text_of(all.at("out"));
    result.err = text_of(all.at("err"));
    result.report = Report::parse(all.at("report").get<std::string>());
    return result;
}

}  // namespace minirun
