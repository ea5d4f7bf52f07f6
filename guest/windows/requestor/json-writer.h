/* One event of the protocol as a line: ASCII only, everything else is escaped. */
#ifndef SNAPHOOK_JSON_WRITER_H
#define SNAPHOOK_JSON_WRITER_H

#include <cstdint>
#include <string>
#include <string_view>

namespace snaphook {

class JsonWriter {
   public:
    /* `capacity`: bytes that need no allocation later. */
    explicit JsonWriter(std::string_view event, size_t capacity = 0);

    /* In a list the key is empty. */
    void begin_object(std::string_view key = {});
    void end_object();
    void begin_list(std::string_view key);
    void end_list();

    /* ASCII; other bytes are written as `?`. */
    void text(std::string_view key, std::string_view value);
    /* UTF-16. */
    void wide_text(std::string_view key, std::wstring_view value);
    void number(std::string_view key, int64_t value);
    void boolean(std::string_view key, bool value);
    /* Milliseconds with three decimals. */
    void milliseconds(std::string_view key, int64_t microseconds);

    /* Ends the object; the line with its line end. */
    const std::string &finish();

   private:
    void begin_value(std::string_view key);
    void open(std::string_view key, char bracket);
    void close(char bracket);
    void character(unsigned unit);
    void digits(uint64_t value);

    std::string line_;
    bool comma_ = false;
};

}  // namespace snaphook

#endif
