#ifndef SNAPHOOK_LINE_BUFFER_H
#define SNAPHOOK_LINE_BUFFER_H

#include <optional>
#include <string>

namespace snaphook {

/* Bytes that come in pieces, as lines without their ends. Of a line that is too long the rest is lost. */
class LineBuffer {
   public:
    static constexpr size_t MAX_LINE = 64 * 1024;

    void add(const char *bytes, size_t count) {
        for (size_t i = 0; i < count; i++) {
            if (bytes[i] == '\n' || length_ < MAX_LINE) text_ += bytes[i];
            length_ = bytes[i] == '\n' ? 0 : length_ + 1;
        }
    }

    std::optional<std::string> take_line() {
        size_t end = text_.find('\n');
        if (end == std::string::npos) return std::nullopt;
        std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return line;
    }

   private:
    std::string text_;
    size_t length_ = 0;
};

}  // namespace snaphook

#endif
