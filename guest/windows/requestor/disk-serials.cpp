#include "disk-serials.h"

#include <winioctl.h>

#include <cstddef>
#include <cstring>

#include "words.h"

namespace snaphook {

namespace {

constexpr size_t ID_HEADER = offsetof(STORAGE_DEVICE_ID_DESCRIPTOR, Identifiers);
constexpr size_t IDENTIFIER_HEADER = offsetof(STORAGE_IDENTIFIER, Identifier);

std::string hex(const BYTE *bytes, size_t count) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < count; i++) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 0xf];
    }
    return text;
}

}  // namespace

std::string serial_of(const BYTE *descriptor, DWORD length) {
    STORAGE_DEVICE_DESCRIPTOR header;
    constexpr DWORD needed = offsetof(STORAGE_DEVICE_DESCRIPTOR, RawDeviceProperties);
    if (length < needed) return "";
    memcpy(&header, descriptor, needed);
    DWORD begin = header.SerialNumberOffset;
    /* Both stand for "none" (ntddstor.h). */
    if (begin == 0 || begin == MAXDWORD || begin >= length) return "";
    const char *text = reinterpret_cast<const char *>(descriptor) + begin;
    return plain_serial(std::string_view(text, strnlen(text, length - begin)));
}

std::string naa_name_of(const BYTE *descriptor, DWORD length) {
    STORAGE_DEVICE_ID_DESCRIPTOR header;
    if (length < ID_HEADER) return "";
    memcpy(&header, descriptor, ID_HEADER);
    size_t at = ID_HEADER;
    for (DWORD i = 0; i < header.NumberOfIdentifiers; i++) {
        STORAGE_IDENTIFIER identifier;
        if (length < at + IDENTIFIER_HEADER) return "";
        memcpy(&identifier, descriptor + at, IDENTIFIER_HEADER);
        size_t begin = at + IDENTIFIER_HEADER;
        if (length < begin + identifier.IdentifierSize) return "";
        bool names_disk = identifier.Type == StorageIdTypeFCPHName && identifier.Association == StorageIdAssocDevice;
        if (names_disk && identifier.CodeSet == StorageIdCodeSetBinary) return hex(descriptor + begin, identifier.IdentifierSize);
        if (identifier.NextOffset == 0) return "";
        at += identifier.NextOffset;
    }
    return "";
}

}  // namespace snaphook
