// A text that copies share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace minirun {

/// A long text that is never changed: to copy it takes no memory.
class SharedText {
public:
    SharedText(std::string text) : owned_(std::make_shared<const std::string>(std::move(text))), text_(*owned_) {}
    SharedText(const char* text) : SharedText(std::string(text)) {}

    /// One that is there as long as the program runs, where it is.
    static SharedText lasting(std::string_view text) {
        SharedText shared;
        shared.text_ = text;
        return shared;
    }

    operator std::string_view() const noexcept { return text_; }
    friend bool operator==(const SharedText& one, std::string_view other) noexcept {
        return (one.text_.data() == other.data() && one.text_.size() == other.size()) || one.text_ == other;
    }
    friend bool operator==(const SharedText& one, const SharedText& other) noexcept { return one == other.text_; }

private:
    SharedText() = default;

    std::shared_ptr<const std::string> owned_;
    std::string_view text_;
};

}  // namespace minirun
