#include "stream.h"

namespace snaphook {

namespace {

/* Of a read or write that was begun with `overlapped`. 0: it failed. */
DWORD length_of(HANDLE file, BOOL begun, OVERLAPPED *overlapped) {
    DWORD length = 0;
    if (!begun && GetLastError() != ERROR_IO_PENDING) return 0;
    return GetOverlappedResult(file, overlapped, &length, TRUE) ? length : 0;
}

}  // namespace

Stream Stream::standard() { return of_pipes(GetStdHandle(STD_INPUT_HANDLE), GetStdHandle(STD_OUTPUT_HANDLE)); }

Stream Stream::of_pipes(HANDLE input, HANDLE output) {
    Stream stream;
    stream.input_ = input;
    stream.output_ = output;
    return stream;
}

Stream Stream::of_pipe(Handle pipe) {
    Stream stream;
    stream.input_ = stream.output_ = pipe.get();
    stream.pipe_ = std::move(pipe);
    stream.read_event_ = make_event();
    stream.write_event_ = make_event();
    return stream;
}

DWORD Stream::read(char *bytes, DWORD capacity) {
    DWORD length = 0;
    if (!read_event_) return ReadFile(input_, bytes, capacity, &length, nullptr) ? length : 0;
    OVERLAPPED overlapped = {};
    overlapped.hEvent = read_event_.get();
    return length_of(input_, ReadFile(input_, bytes, capacity, nullptr, &overlapped), &overlapped);
}

bool Stream::write(std::string_view bytes) {
    while (!bytes.empty()) {
        DWORD length = 0;
        DWORD wanted = static_cast<DWORD>(bytes.size());
        if (!write_event_) {
            if (!WriteFile(output_, bytes.data(), wanted, &length, nullptr)) return false;
        } else {
            OVERLAPPED overlapped = {};
            overlapped.hEvent = write_event_.get();
            length = length_of(output_, WriteFile(output_, bytes.data(), wanted, nullptr, &overlapped), &overlapped);
        }
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

void Stream::cancel_read() { CancelIoEx(input_, nullptr); }

}  // namespace snaphook
