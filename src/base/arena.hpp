// Memory whose pieces live and die together: the C strings and arrays that a plan points to.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace minirun {

class Arena {
public:
    /// A NUL-terminated copy that lives as long as the arena.
    const char* text(std::string_view source) {
        auto* copy = static_cast<char*>(allocate(source.size() + 1, 1));
        std::memcpy(copy, source.data(), source.size());
        copy[source.size()] = '\0';
        return copy;
    }

    template <class T>
    std::span<const T> array(std::span<const T> source) {
        static_assert(std::is_trivially_copyable_v<T>);
        if (source.empty()) return {};
        auto* copy = static_cast<T*>(allocate(source.size_bytes(), alignof(T)));
        std::memcpy(copy, source.data(), source.size_bytes());
        return {copy, source.size()};
    }
    template <class T>
    std::span<const T> array(const std::vector<T>& source) {
        return array(std::span<const T>(source));
    }

    /// argv-like: NUL-terminated strings, then a null pointer.
    template <class Texts>
    const char* const* null_terminated(const Texts& texts) {
        std::vector<const char*> pointers;
        for (const auto& one : texts) pointers.push_back(text(one));
        pointers.push_back(nullptr);
        return array(pointers).data();
    }

private:
    static constexpr std::size_t block_size = std::size_t{16} * 1024;

    void* allocate(std::size_t size, std::size_t alignment) {
        std::size_t start = (used_ + alignment - 1) / alignment * alignment;
        if (blocks_.empty() || start + size > capacity_) {
            capacity_ = size > block_size ? size : block_size;
            blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(capacity_));
            start = 0;
        }
        used_ = start + size;
        return blocks_.back().get() + start;
    }

    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::size_t used_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace minirun
