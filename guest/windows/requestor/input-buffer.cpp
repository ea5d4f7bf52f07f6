#include "input-buffer.h"

#include <cstring>

namespace snaphook {

void InputBuffer::add(char byte) {
    if (byte == '\n') {
        line_length_ = 0;
    } else if (++line_length_ > MAX_LINE) {
        /* No text of a command has this byte, so what comes before it is none, however it reads. */
        if (line_length_ > MAX_LINE + 1) return;
        byte = '\0';
    }
    if (used_ == CAPACITY)
        overflowed_ = true;
    else
        bytes_[used_++] = byte;
}

bool InputBuffer::push(const char *bytes, size_t count, bool held) {
    bool released = false;
    for (size_t i = 0; i < count; i++) {
        bool releases = held && !released && bytes[i] == RELEASE_BYTE;
        if (releases)
            released = true;
        else if (bytes[i] != RELEASE_BYTE || line_length_ > 0)
            add(bytes[i]);
    }
    return released;
}

bool InputBuffer::take_line(std::string *line) {
    const void *end = memchr(bytes_.data(), '\n', used_);
    if (end == nullptr) return false;
    size_t length = static_cast<size_t>(static_cast<const char *>(end) - bytes_.data());
    line->assign(bytes_.data(), length);
    used_ -= length + 1;
    memmove(bytes_.data(), bytes_.data() + length + 1, used_);
    return true;
}

std::string InputBuffer::take_rest() {
    std::string rest(bytes_.data(), used_);
    used_ = 0;
    return rest;
}

}  // namespace snaphook
