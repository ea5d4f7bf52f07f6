#include "event-log.h"

#include <winevt.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace snaphook {

namespace {

constexpr size_t MOST_ENTRIES = 20;
constexpr size_t LONGEST_TEXT = 500;

class EventHandle {
   public:
    explicit EventHandle(EVT_HANDLE handle) : handle_(handle) {}
    EventHandle(EventHandle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    EventHandle &operator=(EventHandle &&) = delete;
    ~EventHandle() {
        if (handle_ != nullptr) EvtClose(handle_);
    }

    EVT_HANDLE get() const { return handle_; }
    explicit operator bool() const { return handle_ != nullptr; }

   private:
    EVT_HANDLE handle_;
};

ULONGLONG ticks_of(const FILETIME &time) { return static_cast<ULONGLONG>(time.dwHighDateTime) << 32 | time.dwLowDateTime; }

std::string iso_time(ULONGLONG ticks) {
    FILETIME time = {static_cast<DWORD>(ticks), static_cast<DWORD>(ticks >> 32)};
    SYSTEMTIME parts;
    char text[32];
    FileTimeToSystemTime(&time, &parts);
    snprintf(text, sizeof text, "%04hu-%02hu-%02huT%02hu:%02hu:%02hu.%03huZ", parts.wYear, parts.wMonth, parts.wDay, parts.wHour, parts.wMinute,
             parts.wSecond, parts.wMilliseconds);
    return text;
}

/* winmeta.h: 1 critical, 2 error, 3 warning, the rest tells. */
const char *level_word(BYTE level) { return level == 1 || level == 2 ? "error" : level == 3 ? "warning" : "information"; }

/* In the words of this machine; empty when its publisher has none. */
std::wstring words_of(EVT_HANDLE event, const std::wstring &publisher) {
    EventHandle metadata(EvtOpenPublisherMetadata(nullptr, publisher.c_str(), nullptr, 0, 0));
    std::vector<wchar_t> text(8192);
    DWORD length = 0;
    if (!metadata) return L"";
    if (!EvtFormatMessage(metadata.get(), event, 0, 0, nullptr, EvtFormatMessageEvent, static_cast<DWORD>(text.size()), text.data(), &length)) return L"";
    std::wstring words(text.data());
    if (words.size() > LONGEST_TEXT) words.resize(LONGEST_TEXT);
    return words;
}

bool read_entry(EVT_HANDLE event, LogEntry *entry) {
    EventHandle context(EvtCreateRenderContext(0, nullptr, EvtRenderContextSystem));
    DWORD length = 0, count = 0;
    if (!context) return false;
    EvtRender(context.get(), event, EvtRenderEventValues, 0, nullptr, &length, &count);
    std::vector<BYTE> buffer(length);
    if (length == 0 || !EvtRender(context.get(), event, EvtRenderEventValues, length, buffer.data(), &length, &count)) return false;
    if (count <= EvtSystemTimeCreated) return false;
    const auto *values = reinterpret_cast<const EVT_VARIANT *>(buffer.data()); /* as EvtRender fills it */
    const EVT_VARIANT &source = values[EvtSystemProviderName], &id = values[EvtSystemEventID];
    const EVT_VARIANT &level = values[EvtSystemLevel], &time = values[EvtSystemTimeCreated];
    if (source.Type != EvtVarTypeString || id.Type != EvtVarTypeUInt16 || time.Type != EvtVarTypeFileTime) return false;
    entry->source = source.StringVal;
    entry->id = id.UInt16Val;
    entry->level = level_word(level.Type == EvtVarTypeByte ? level.ByteVal : 0);
    entry->time = time.FileTimeVal;
    entry->at = iso_time(entry->time);
    entry->text = words_of(event, entry->source);
    return true;
}

void read_log(const wchar_t *log, const wchar_t *source, const FILETIME &since, std::vector<LogEntry> *entries) {
    std::string time = iso_time(ticks_of(since));
    std::wstring query = L"*[System[Provider[@Name='" + std::wstring(source) + L"'] and TimeCreated[@SystemTime>='" +
                         std::wstring(time.begin(), time.end()) + L"']]]";
    EventHandle found(EvtQuery(nullptr, log, query.c_str(), EvtQueryChannelPath | EvtQueryReverseDirection));
    if (!found) return;
    EVT_HANDLE next[MOST_ENTRIES];
    DWORD count = 0;
    if (!EvtNext(found.get(), MOST_ENTRIES, next, 0, 0, &count)) return;
    for (DWORD i = 0; i < count; i++) {
        EventHandle event(next[i]);
        LogEntry entry;
        if (read_entry(event.get(), &entry)) entries->push_back(entry);
    }
}

}  // namespace

std::vector<LogEntry> read_log_entries(const FILETIME &since) {
    std::vector<LogEntry> entries;
    read_log(L"Application", L"VSS", since, &entries);
    read_log(L"System", L"Volsnap", since, &entries);
    std::sort(entries.begin(), entries.end(), [](const LogEntry &a, const LogEntry &b) { return a.time < b.time; });
    if (entries.size() > MOST_ENTRIES) entries.erase(entries.begin(), entries.end() - MOST_ENTRIES);
    return entries;
}

}  // namespace snaphook
