#ifndef SNAPHOOK_QUOTING_H
#define SNAPHOOK_QUOTING_H

#include <string>
#include <string_view>

#include "settings.h"

namespace snaphook {

/* One argument of a command line, as the C runtime of the program will read it. `text`: UTF-8. */
inline std::wstring quoted(std::string_view text) {
    std::wstring result = L"\"";
    size_t backslashes = 0;
    for (wchar_t c : wide(text)) {
        if (c == L'"') result.append(backslashes + 1, L'\\');
        backslashes = c == L'\\' ? backslashes + 1 : 0;
        result += c;
    }
    result.append(backslashes, L'\\');
    return result + L'"';
}

}  // namespace snaphook

#endif
