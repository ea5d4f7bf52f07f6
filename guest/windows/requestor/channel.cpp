#include "channel.h"

#include <algorithm>
#include <cstring>

namespace snaphook {

Channel::Channel(Stream stream, bool is_relayed)
    : stream_(std::move(stream)),
      is_relayed_(is_relayed),
      news_(CreateEventW(nullptr, FALSE, FALSE, nullptr)),
      thread_(CreateThread(nullptr, 0, read_thread, this, 0, nullptr)) {}

Channel::~Channel() {
    /* The reader may be anywhere between two reads. */
    while (WaitForSingleObject(thread_.get(), 10) == WAIT_TIMEOUT) stream_.cancel_read();
}

DWORD WINAPI Channel::read_thread(void *channel) {
    static_cast<Channel *>(channel)->read();
    return 0;
}

void Channel::read() {
    for (;;) {
        DWORD length = stream_.read(chunk_, sizeof chunk_);
        if (length == 0) break;
        accept(length);
    }
    end();
}

void Channel::accept(DWORD length) {
    Lock::Hold hold(lock_);
    if (relay_ != nullptr) {
        /* Only the end of the input is told by this byte, and no command has it. */
        std::replace(chunk_, chunk_ + length, LAST_BYTE, '\1');
        relay_->write({chunk_, length});
        return;
    }
    if (is_relayed_ && memchr(chunk_, LAST_BYTE, length) != nullptr) over_ = true;
    if (input_.push(chunk_, length, thaw_ != nullptr && !released_)) {
        released_ = true;
        SetEvent(thaw_);
    }
    SetEvent(news_.get());
}

void Channel::end() {
    Lock::Hold hold(lock_);
    over_ = true;
    if (thaw_ != nullptr) SetEvent(thaw_);
    if (relay_ != nullptr) relay_->write({&LAST_BYTE, 1});
    SetEvent(news_.get());
}

bool Channel::take_line(std::string *line) {
    Lock::Hold hold(lock_);
    return input_.take_line(line);
}

bool Channel::is_over() {
    Lock::Hold hold(lock_);
    return over_ || input_.overflowed();
}

bool Channel::is_held() {
    Lock::Hold hold(lock_);
    return thaw_ != nullptr;
}

void Channel::begin_hold(HANDLE thaw) {
    Lock::Hold hold(lock_);
    thaw_ = thaw;
    released_ = false;
    if (over_) SetEvent(thaw);
}

void Channel::end_hold() {
    Lock::Hold hold(lock_);
    thaw_ = nullptr;
    SetEvent(news_.get());
}

void Channel::write(std::string_view line) {
    Lock::Hold hold(output_lock_);
    /* A reader that is gone is noticed at the end of the input. */
    stream_.write(line);
}

bool Channel::relay_to(Stream *other, const std::string &first) {
    {
        Lock::Hold hold(lock_);
        other->write(first + '\n' + input_.take_rest());
        relay_ = other;
        if (over_) other->write({&LAST_BYTE, 1});
    }
    char answer[4096];
    bool is_last = false;
    while (!is_last) {
        DWORD length = other->read(answer, sizeof answer);
        if (length == 0) break;
        is_last = answer[length - 1] == LAST_BYTE;
        write({answer, is_last ? length - 1 : length});
    }
    Lock::Hold hold(lock_);
    relay_ = nullptr;
    return is_last;
}

}  // namespace snaphook
