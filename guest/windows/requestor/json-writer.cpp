#include "json-writer.h"

namespace snaphook {

JsonWriter::JsonWriter(std::string_view event, size_t capacity) {
    line_.reserve(capacity);
    begin_object();
    text("event", event);
}

void JsonWriter::begin_value(std::string_view key) {
    if (comma_) line_ += ',';
    comma_ = true;
    if (key.empty()) return;
    line_ += '"';
    line_ += key;
    line_ += "\":";
}

void JsonWriter::open(std::string_view key, char bracket) {
    begin_value(key);
    line_ += bracket;
    comma_ = false;
}

void JsonWriter::close(char bracket) {
    line_ += bracket;
    comma_ = true;
}

void JsonWriter::begin_object(std::string_view key) { open(key, '{'); }
void JsonWriter::end_object() { close('}'); }
void JsonWriter::begin_list(std::string_view key) { open(key, '['); }
void JsonWriter::end_list() { close(']'); }

void JsonWriter::character(unsigned unit) {
    static constexpr char hex[] = "0123456789abcdef";
    if (unit == '"' || unit == '\\') line_ += '\\';
    if (unit >= ' ' && unit <= '~') {
        line_ += static_cast<char>(unit);
        return;
    }
    line_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) line_ += hex[unit >> shift & 0xf];
}

void JsonWriter::text(std::string_view key, std::string_view value) {
    begin_value(key);
    line_ += '"';
    for (char c : value) character(static_cast<unsigned char>(c) < 0x80 ? static_cast<unsigned>(c) : '?');
    line_ += '"';
}

void JsonWriter::wide_text(std::string_view key, std::wstring_view value) {
    begin_value(key);
    line_ += '"';
    for (wchar_t c : value) character(static_cast<unsigned>(c) & 0xffff);
    line_ += '"';
}

void JsonWriter::digits(uint64_t value) {
    char digits[24];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) line_ += digits[--count];
}

void JsonWriter::number(std::string_view key, int64_t value) {
    begin_value(key);
    if (value < 0) line_ += '-';
    digits(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

void JsonWriter::boolean(std::string_view key, bool value) {
    begin_value(key);
    line_ += value ? "true" : "false";
}

void JsonWriter::milliseconds(std::string_view key, int64_t microseconds) {
    begin_value(key);
    uint64_t value = microseconds < 0 ? 0 : static_cast<uint64_t>(microseconds);
    digits(value / 1000);
    line_ += '.';
    for (uint64_t unit = 100; unit > 0; unit /= 10) line_ += static_cast<char>('0' + value / unit % 10);
}

const std::string &JsonWriter::finish() {
    end_object();
    line_ += '\n';
    return line_;
}

}  // namespace snaphook
