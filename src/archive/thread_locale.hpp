// The locale in which libarchive reads and writes names.
#pragma once

#include <locale.h>

namespace minirun {

/// libarchive converts names in PAX headers, which are UTF-8, from and to the form of the thread's locale.
class ThreadLocale {
public:
    enum class Names {
        utf8,  ///< for writing
        /// For reading: from UTF-8 to UTF-8 libarchive would compose letters and accents (normal form C), and so make
        /// one name of two. To ASCII it converts nothing but ASCII; it leaves other names as they are, with a warning.
        bytes,
    };
    explicit ThreadLocale(Names names) : before_(::uselocale(names == Names::utf8 ? utf8() : ascii())) {}
    ~ThreadLocale() { ::uselocale(before_); }
    ThreadLocale(const ThreadLocale&) = delete;
    ThreadLocale& operator=(const ThreadLocale&) = delete;

private:
    static locale_t utf8() {
        static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return locale;
    }
    static locale_t ascii() {
        static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C", nullptr);
        return locale;
    }
    locale_t before_;
};

}  // namespace minirun
