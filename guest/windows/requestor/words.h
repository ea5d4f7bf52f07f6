/* Text between the protocol, which is UTF-8, and Windows, which is UTF-16; and how ids and results are spelled. */
#ifndef SNAPHOOK_WORDS_H
#define SNAPHOOK_WORDS_H

#include <windows.h>

#include <string>
#include <string_view>

namespace snaphook {

/* Lower case, without braces. */
std::string guid_text(const GUID &id);
/* With or without braces. */
bool parse_guid(std::string_view text, GUID *id);
/* Such as `0x80042306`. */
std::string result_text(HRESULT result);
std::string narrow(std::wstring_view text);
/* Lower case, and only digits and letters: how serials are compared. */
std::string plain_serial(std::string_view text);

}  // namespace snaphook

#endif
