#include "archive/block_queue.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

#include "support.hpp"

using namespace minirun;

namespace {

std::vector<unsigned char> numbers(std::size_t count) {
    std::vector<unsigned char> bytes(count);
    std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(0));
    return bytes;
}

}  // namespace

TEST_SUITE("BlockQueue") {
    TEST_CASE("what is added comes out, in whatever pieces") {
        const auto sent = numbers(100'003);
        for (const std::size_t most : {1u, 7u, 4096u, 200'000u}) {
            BlockQueue queue(most);
            std::vector<unsigned char> received;
            {
                const std::jthread reader([&] {
                    for (auto block = queue.next(); !block.empty(); block = queue.next()) {
                        CHECK(block.size() <= most);
                        received.insert(received.end(), block.begin(), block.end());
                    }
                });
                Bytes left(sent);
                for (std::size_t piece = 1; !left.empty(); piece = piece * 3 + 1) {
                    queue.add(left.first(std::min(piece, left.size())));
                    left = left.subspan(std::min(piece, left.size()));
                }
                queue.end(true);
            }
            CHECK(received == sent);
        }
    }

    TEST_CASE("a block stays as it is until the next one is taken") {
        BlockQueue queue(8);
        queue.add(numbers(8));
        const auto block = queue.next();
        std::jthread writer([&] {
            queue.add(std::vector<unsigned char>(4, 99));
            queue.end(true);
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CHECK(std::vector(block.begin(), block.end()) == numbers(8));
        CHECK(queue.next()[0] == 99);
    }

    TEST_CASE("who adds does not wait when nobody takes it") {
        BlockQueue queue(8);
        std::jthread writer([&] { queue.add(numbers(1000)); });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        queue.abandon();
        writer.join();
        queue.add(numbers(1000));
    }

    TEST_CASE("an end that is none is told at once") {
        BlockQueue queue(8);
        queue.add(numbers(5));
        queue.end(false);
        CHECK_THROWS_AS(queue.next(), CutOff);
    }
}
