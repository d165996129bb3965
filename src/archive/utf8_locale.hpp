// The locale in which libarchive takes names as UTF-8.
#pragma once

#include <locale.h>

namespace minirun {

/// libarchive converts names in PAX headers, which are UTF-8, from and to the form of the thread's locale.
class Utf8Locale {
public:
    Utf8Locale() : before_(::uselocale(utf8())) {}
    ~Utf8Locale() { ::uselocale(before_); }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

private:
    static locale_t utf8() {
        static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return locale;
    }
    locale_t before_;
};

}  // namespace minirun
