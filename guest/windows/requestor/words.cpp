#include "words.h"

#include <cstdio>

namespace snaphook {

namespace {

constexpr char GUID_FORMAT[] = "%08lx-%04hx-%04hx-%02hhx%02hhx-%02hhx%02hhx%02hhx%02hhx%02hhx%02hhx";
constexpr size_t GUID_LENGTH = 36;

}  // namespace

std::string guid_text(const GUID &id) {
    char text[GUID_LENGTH + 1];
    const unsigned char *rest = id.Data4;
    snprintf(text, sizeof text, GUID_FORMAT, id.Data1, id.Data2, id.Data3, rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7]);
    return text;
}

bool parse_guid(std::string_view text, GUID *id) {
    if (text.size() == GUID_LENGTH + 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, GUID_LENGTH);
    if (text.size() != GUID_LENGTH) return false;
    unsigned char bytes[16];
    int count = 0;
    for (size_t i = 0; i < GUID_LENGTH; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') return false;
            continue;
        }
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (digit < 0) return false;
        bytes[count / 2] = static_cast<unsigned char>(count % 2 == 0 ? digit << 4 : bytes[count / 2] | digit);
        count++;
    }
    id->Data1 = static_cast<unsigned long>(bytes[0]) << 24 | static_cast<unsigned long>(bytes[1]) << 16 | static_cast<unsigned long>(bytes[2]) << 8 | bytes[3];
    id->Data2 = static_cast<unsigned short>(bytes[4] << 8 | bytes[5]);
    id->Data3 = static_cast<unsigned short>(bytes[6] << 8 | bytes[7]);
    for (int i = 0; i < 8; i++) id->Data4[i] = bytes[8 + i];
    return true;
}

std::string result_text(HRESULT result) {
    char text[16];
    snprintf(text, sizeof text, "0x%08lX", static_cast<unsigned long>(result));
    return text;
}

std::string narrow(std::wstring_view text) {
    int length = static_cast<int>(text.size());
    int needed = WideCharToMultiByte(CP_UTF8, 0, text.data(), length, nullptr, 0, nullptr, nullptr);
    std::string utf8(static_cast<size_t>(needed), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text.data(), length, utf8.data(), needed, nullptr, nullptr);
    return utf8;
}

std::string plain_serial(std::string_view text) {
    std::string plain;
    for (char c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) plain += c;
    }
    return plain;
}

}  // namespace snaphook
