#include "launch/delivery.hpp"

#include "support.hpp"

using namespace minirun;

namespace {

constexpr const char* heading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::string socket(const char* state, const char* sent, const char* received) {
    return std::string("   0: 0100007F:1F90 0100007F:C3A2 ") + state + ' ' + sent + ':' + received +
           " 01:00000014 00000000     0        0 0 3 0000000000000000 20 4 30 10 -1\n";
}

}  // namespace

TEST_CASE("what is on its way: of sockets that are closed on the container's side") {
    CHECK(undelivered_in("") == 0);
    CHECK(undelivered_in(heading) == 0);
    for (const char* state : {"04", "09", "0B"})
        CHECK(undelivered_in(socket(state, "0012D687", "00000000")) == 0x12d687);
    CHECK(undelivered_in(socket("08", "00000000", "00000010")) == 17);
    CHECK(undelivered_in(heading + socket("04", "00000001", "00000000") + socket("08", "00000000", "00000001")) == 3);
    // Others wait for nothing: established, all of it acknowledged, over, listening.
    for (const char* state : {"01", "05", "06", "0A"})
        CHECK(undelivered_in(socket(state, "00000005", "00000005")) == 0);
    CHECK(undelivered_in("no such table\n\n: : :\n") == 0);
}
