#include "by-files.h"

#include <windows.h>

#include <cwchar>
#include <string>
#include <string_view>

#include "for-administrators.h"
#include "front.h"
#include "handle.h"
#include "stream.h"

namespace snaphook {

namespace {

constexpr DWORD LIFE_MS = 60 * 60 * 1000;
constexpr DWORD AWAIT_MS = 2 * 60 * 1000;
constexpr DWORD TELL_MS = 10 * 1000;
constexpr DWORD BUFFER_BYTES = 64 * 1024;
constexpr size_t NAME_LENGTH = 32;
constexpr wchar_t DIGITS[] = L"0123456789abcdef";
constexpr std::string_view FROZEN = "{\"event\":\"frozen\"";

std::wstring pipe_of(const wchar_t *name) { return std::wstring(L"\\\\.\\pipe\\snaphook-vss-") + name; }
std::wstring event_of(const wchar_t *name) { return std::wstring(L"Global\\snaphook-vss-") + name + L"-frozen"; }

bool is_name(const wchar_t *name) { return wcslen(name) == NAME_LENGTH && wcsspn(name, DIGITS) == NAME_LENGTH; }

/* What tells bring, for the session. */
struct Input {
    Handle pipe;
    Handle event = make_event();
    Handle session;

    void carry() {
        ULONGLONG end = GetTickCount64() + LIFE_MS;
        for (ULONGLONG now = 0; (now = GetTickCount64()) < end && accept(static_cast<DWORD>(end - now));) {
            char bytes[4096];
            while (DWORD length = read(bytes, sizeof bytes)) {
                DWORD written = 0;
                WriteFile(session.get(), bytes, length, &written, nullptr);
            }
            DisconnectNamedPipe(pipe.get());
        }
        /* For the session the client is gone. */
        session = Handle();
    }

   private:
    bool accept(DWORD limit_ms) {
        OVERLAPPED overlapped = begin();
        if (ConnectNamedPipe(pipe.get(), &overlapped)) return true;
        DWORD error = GetLastError();
        /* The second: one came and is gone again. What it left can still be read. */
        if (error == ERROR_PIPE_CONNECTED || error == ERROR_NO_DATA) return true;
        if (error != ERROR_IO_PENDING) return false;
        if (WaitForSingleObject(event.get(), limit_ms) == WAIT_OBJECT_0) return true;
        DWORD length = 0;
        CancelIoEx(pipe.get(), &overlapped);
        GetOverlappedResult(pipe.get(), &overlapped, &length, TRUE);
        return false;
    }

    DWORD read(char *bytes, DWORD capacity) {
        OVERLAPPED overlapped = begin();
        DWORD length = 0;
        if (!ReadFile(pipe.get(), bytes, capacity, nullptr, &overlapped) && GetLastError() != ERROR_IO_PENDING) return 0;
        return GetOverlappedResult(pipe.get(), &overlapped, &length, TRUE) ? length : 0;
    }

    OVERLAPPED begin() {
        ResetEvent(event.get());
        OVERLAPPED overlapped = {};
        overlapped.hEvent = event.get();
        return overlapped;
    }
};

/* What the session says, for the file. Nothing is allocated while it says nothing. */
struct Output {
    Handle session;
    Handle file;
    Handle frozen;

    void carry() {
        std::string line, kept;
        line.reserve(BUFFER_BYTES);
        kept.reserve(BUFFER_BYTES);
        char bytes[4096];
        DWORD length = 0;
        while (ReadFile(session.get(), bytes, sizeof bytes, &length, nullptr) && length > 0) {
            for (DWORD at = 0; at < length; at++) {
                line += bytes[at];
                if (bytes[at] != '\n') continue;
                kept += line;
                if (line.compare(0, FROZEN.size(), FROZEN) == 0) {
                    SetEvent(frozen.get());
                } else {
                    append(kept);
                    kept.clear();
                }
                line.clear();
            }
        }
        append(kept);
    }

   private:
    void append(const std::string &text) {
        DWORD written = 0;
        WriteFile(file.get(), text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
    }
};

template <typename Part>
DWORD WINAPI carry(void *part) {
    static_cast<Part *>(part)->carry();
    return 0;
}

Input input;
Output output;
/* The session's own ends. */
Handle session_input, session_output, output_thread;

/* What was said last has to get to the file. */
void write_rest() {
    session_output = Handle();
    WaitForSingleObject(output_thread.get(), INFINITE);
}

bool make_anonymous_pipe(Handle *read_end, Handle *write_end) {
    HANDLE read = nullptr, write = nullptr;
    if (!CreatePipe(&read, &write, nullptr, BUFFER_BYTES)) return false;
    *read_end = Handle(read);
    *write_end = Handle(write);
    return true;
}

int digit_of(wchar_t character) {
    const wchar_t *found = character == 0 ? nullptr : wcschr(DIGITS, character);
    return found == nullptr ? -1 : static_cast<int>(found - DIGITS);
}

bool parse_hex(const wchar_t *hex, std::string *bytes) {
    for (; *hex != 0; hex += 2) {
        int high = digit_of(hex[0]), low = high < 0 ? -1 : digit_of(hex[1]);
        if (low < 0) return false;
        bytes->push_back(static_cast<char>(high * 16 + low));
    }
    return true;
}

}  // namespace

int hold(const wchar_t *name, const wchar_t *file) {
    ForAdministrators security;
    if (!is_name(name) || security.get() == nullptr) return 2;
    constexpr DWORD access = PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE;
    constexpr DWORD kind = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS;
    input.pipe = Handle(CreateNamedPipeW(pipe_of(name).c_str(), access, kind, 1, 0, BUFFER_BYTES, 0, security.get()));
    output.frozen = Handle(CreateEventW(security.get(), TRUE, FALSE, event_of(name).c_str()));
    output.file = Handle(CreateFileW(file, FILE_APPEND_DATA, FILE_SHARE_READ, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!input.pipe || !output.frozen || !output.file) return 1;
    if (!make_anonymous_pipe(&session_input, &input.session) || !make_anonymous_pipe(&output.session, &session_output)) return 1;
    output_thread = Handle(CreateThread(nullptr, 0, carry<Output>, &output, 0, nullptr));
    Handle input_thread(CreateThread(nullptr, 0, carry<Input>, &input, 0, nullptr));
    if (!output_thread || !input_thread) return 1;
    return serve(Stream::of_pipes(session_input.get(), session_output.get()), write_rest);
}

int tell(const wchar_t *name, const wchar_t *hex) {
    std::string bytes;
    if (!is_name(name) || !parse_hex(hex, &bytes)) return 2;
    std::wstring path = pipe_of(name);
    Handle pipe;
    for (ULONGLONG end = GetTickCount64() + TELL_MS; !pipe && GetTickCount64() < end;) {
        /* Whoever serves it may know who we are, and not more. */
        constexpr DWORD flags = SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;
        pipe = Handle(CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, flags, nullptr));
        /* Another one is being heard. */
        if (!pipe && (GetLastError() != ERROR_PIPE_BUSY || !WaitNamedPipeW(path.c_str(), TELL_MS))) return 1;
    }
    DWORD written = 0;
    if (!pipe || !WriteFile(pipe.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &written, nullptr)) return 1;
    return FlushFileBuffers(pipe.get()) ? 0 : 1;
}

int await_frozen(const wchar_t *name) {
    if (!is_name(name)) return 2;
    Handle frozen(OpenEventW(SYNCHRONIZE, FALSE, event_of(name).c_str()));
    return frozen && WaitForSingleObject(frozen.get(), AWAIT_MS) == WAIT_OBJECT_0 ? 0 : 1;
}

}  // namespace snaphook
