#include "knobs.h"

#include <objbase.h>

#include <sstream>
#include <vector>

namespace stand_in {

namespace {

/* A service of Windows does not have the environment of the test: what lies beside this DLL is the same for all. */
std::wstring file_path() {
    wchar_t path[MAX_PATH] = L"";
    if (GetEnvironmentVariableW(L"SNAPHOOK_STAND_IN", path, MAX_PATH) > 0) return path;
    GetModuleFileNameW(GetModuleHandleW(L"vssapi.dll"), path, MAX_PATH);
    std::wstring dll = path;
    return dll.substr(0, dll.rfind(L'\\') + 1) + L"stand-in.txt";
}

/* Empty where it cannot be read. */
std::string content_of(const std::wstring &path) {
    HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING, 0,
                              nullptr);
    if (file == INVALID_HANDLE_VALUE) return "";
    std::string content(GetFileSize(file, nullptr), '\0');
    DWORD bytes = 0;
    ReadFile(file, content.data(), static_cast<DWORD>(content.size()), &bytes, nullptr);
    CloseHandle(file);
    content.resize(bytes);
    return content;
}

std::wstring widened(const std::string &text) {
    int length = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
    std::wstring wide(static_cast<size_t>(length), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), length);
    return wide;
}

std::string narrowed(const std::wstring &text) {
    int length = WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0, nullptr, nullptr);
    std::string narrow(static_cast<size_t>(length), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), narrow.data(), length, nullptr, nullptr);
    return narrow;
}

}  // namespace

Knobs Knobs::read() {
    Knobs knobs;
    std::istringstream lines(content_of(file_path()));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        size_t equals = line.find('=');
        if (equals != std::string::npos) knobs.values_[widened(line.substr(0, equals))] = widened(line.substr(equals + 1));
    }
    return knobs;
}

std::wstring Knobs::text(const std::wstring &key, const wchar_t *otherwise) const {
    auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
}

DWORD Knobs::number(const std::wstring &key, DWORD otherwise) const {
    return has(key) ? static_cast<DWORD>(wcstoul(text(key).c_str(), nullptr, 0)) : otherwise;
}

bool Knobs::yes(const std::wstring &key, bool otherwise) const { return has(key) ? text(key) == L"yes" : otherwise; }

HRESULT Knobs::result(const std::wstring &key) const { return static_cast<HRESULT>(number(key, S_OK)); }

std::wstring nth(const std::wstring &key, int n) { return key + L"." + std::to_wstring(n); }

GUID guid_of(const std::wstring &text) {
    GUID id = {};
    CLSIDFromString((text.find(L'{') == 0 ? text : L"{" + text + L"}").c_str(), &id);
    return id;
}

void note(const std::wstring &line) {
    std::wstring path = Knobs::read().text(L"log");
    if (path.empty()) return;
    HANDLE file =
        CreateFileW(path.c_str(), FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) return;
    std::string bytes = narrowed(line) + "\n";
    DWORD written = 0;
    WriteFile(file, bytes.data(), static_cast<DWORD>(bytes.size()), &written, nullptr);
    CloseHandle(file);
}

}  // namespace stand_in
