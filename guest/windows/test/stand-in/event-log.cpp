#include "event-log.h"

#include <winevt.h>

#include <cstring>
#include <vector>

#include "imports.h"
#include "locked.h"

namespace stand_in {

namespace {

constexpr BYTE LEVEL_ERROR = 2;

struct Entry {
    ULONGLONG time;
    WORD id;
    std::wstring text;
};

CRITICAL_SECTION log_lock;
std::vector<Entry> entries;

ULONGLONG now() {
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return static_cast<ULONGLONG>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

/* The value behind `name='` in a query; empty when it is not asked for. */
std::wstring asked(const std::wstring &query, const std::wstring &name) {
    size_t at = query.find(name);
    if (at == std::wstring::npos) return L"";
    at = query.find(L'\'', at);
    return query.substr(at + 1, query.find(L'\'', at + 1) - at - 1);
}

std::wstring iso_time(ULONGLONG ticks) {
    FILETIME time = {static_cast<DWORD>(ticks), static_cast<DWORD>(ticks >> 32)};
    SYSTEMTIME parts;
    wchar_t text[32];
    FileTimeToSystemTime(&time, &parts);
    swprintf(text, ARRAYSIZE(text), L"%04hu-%02hu-%02huT%02hu:%02hu:%02hu.%03huZ", parts.wYear, parts.wMonth, parts.wDay, parts.wHour, parts.wMinute,
             parts.wSecond, parts.wMilliseconds);
    return text;
}

/* What a query found, newest first, or one of them; every handle is one of these. */
struct Found {
    std::vector<Entry> entries;
};

EVT_HANDLE handle_of(Found found) { return new Found(std::move(found)); }
Found *found_of(EVT_HANDLE handle) { return static_cast<Found *>(handle); }

EVT_HANDLE WINAPI query(EVT_HANDLE, const wchar_t *channel, const wchar_t *query, DWORD flags) {
    Found found;
    bool is_ours = wcscmp(channel, L"Application") == 0 && asked(query, L"@Name=") == L"VSS";
    Locked locked(&log_lock);
    for (const Entry &entry : entries)
        if (is_ours && (flags & EvtQueryReverseDirection) != 0 && iso_time(entry.time) >= asked(query, L"@SystemTime>="))
            found.entries.insert(found.entries.begin(), entry);
    return handle_of(std::move(found));
}

BOOL WINAPI next(EVT_HANDLE set, DWORD capacity, EVT_HANDLE *events, DWORD, DWORD, DWORD *count) {
    std::vector<Entry> &left = found_of(set)->entries;
    for (*count = 0; *count < capacity && !left.empty(); *count += 1) {
        events[*count] = handle_of({{left.front()}});
        left.erase(left.begin());
    }
    if (*count > 0) return TRUE;
    SetLastError(ERROR_NO_MORE_ITEMS);
    return FALSE;
}

EVT_HANDLE WINAPI render_context(DWORD, const wchar_t **, DWORD) { return handle_of({}); }

EVT_HANDLE WINAPI publisher(EVT_HANDLE, const wchar_t *, const wchar_t *, LCID, DWORD) { return handle_of({}); }

BOOL WINAPI render(EVT_HANDLE, EVT_HANDLE event, DWORD, DWORD capacity, void *buffer, DWORD *length, DWORD *count) {
    static wchar_t source[] = L"VSS";
    const Entry &entry = found_of(event)->entries.front();
    EVT_VARIANT values[EvtSystemPropertyIdEND] = {};
    values[EvtSystemProviderName].Type = EvtVarTypeString;
    values[EvtSystemProviderName].StringVal = source;
    values[EvtSystemEventID].Type = EvtVarTypeUInt16;
    values[EvtSystemEventID].UInt16Val = entry.id;
    values[EvtSystemLevel].Type = EvtVarTypeByte;
    values[EvtSystemLevel].ByteVal = LEVEL_ERROR;
    values[EvtSystemTimeCreated].Type = EvtVarTypeFileTime;
    values[EvtSystemTimeCreated].FileTimeVal = entry.time;
    *length = sizeof values;
    *count = EvtSystemPropertyIdEND;
    if (capacity >= sizeof values) {
        memcpy(buffer, values, sizeof values);
        return TRUE;
    }
    SetLastError(ERROR_INSUFFICIENT_BUFFER);
    return FALSE;
}

BOOL WINAPI format_message(EVT_HANDLE, EVT_HANDLE event, DWORD, DWORD, EVT_VARIANT *, DWORD, DWORD capacity, wchar_t *text, DWORD *length) {
    const std::wstring &words = found_of(event)->entries.front().text;
    *length = static_cast<DWORD>(words.size() + 1);
    if (capacity >= *length) {
        wcscpy(text, words.c_str());
        return TRUE;
    }
    SetLastError(ERROR_INSUFFICIENT_BUFFER);
    return FALSE;
}

BOOL WINAPI close(EVT_HANDLE handle) {
    delete found_of(handle);
    return TRUE;
}

}  // namespace

void log_error(WORD id, const std::wstring &text) {
    Locked locked(&log_lock);
    entries.push_back({now(), id, text});
}

void serve_event_log(HMODULE module) {
    InitializeCriticalSection(&log_lock);
    HMODULE library = GetModuleHandleW(L"wevtapi.dll");
    auto serve = [&](const char *name, auto *replacement) {
        replace_import(module, reinterpret_cast<void *>(GetProcAddress(library, name)), reinterpret_cast<void *>(replacement));
    };
    serve("EvtQuery", query);
    serve("EvtNext", next);
    serve("EvtCreateRenderContext", render_context);
    serve("EvtOpenPublisherMetadata", publisher);
    serve("EvtRender", render);
    serve("EvtFormatMessage", format_message);
    serve("EvtClose", close);
}

}  // namespace stand_in
