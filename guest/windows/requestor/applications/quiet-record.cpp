#include "quiet-record.h"

#include <objbase.h>

#include "../handle.h"

namespace snaphook {

namespace {

constexpr wchar_t PRODUCT_KEY[] = L"SOFTWARE\\snaphook";
constexpr wchar_t RECORDS_KEY[] = L"SOFTWARE\\snaphook\\Quiet";
constexpr wchar_t PROCESS[] = L"Process";
constexpr wchar_t STARTED[] = L"Started";
constexpr wchar_t SCRIPT_MS[] = L"ScriptMs";
constexpr wchar_t SCRIPTS[] = L"Scripts";
/* One registry for programs of 32 and of 64 bits. */
constexpr REGSAM ACCESS = KEY_ALL_ACCESS | KEY_WOW64_64KEY;

std::wstring record_key(const std::wstring &name) { return std::wstring(RECORDS_KEY) + L"\\" + name; }

std::wstring new_name() {
    GUID id = {};
    wchar_t text[40];
    CoCreateGuid(&id);
    StringFromGUID2(id, text, ARRAYSIZE(text));
    return text;
}

/* 0: there is no such process. */
ULONGLONG start_of(HANDLE process) {
    FILETIME started = {}, unused = {};
    if (!GetProcessTimes(process, &started, &unused, &unused, &unused)) return 0;
    return static_cast<ULONGLONG>(started.dwHighDateTime) << 32 | started.dwLowDateTime;
}

bool is_alive(DWORD process, ULONGLONG started) {
    Handle open(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, process));
    return open && WaitForSingleObject(open.get(), 0) == WAIT_TIMEOUT && start_of(open.get()) == started;
}

LSTATUS create_key(const wchar_t *path, HKEY *key) {
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, nullptr, REG_OPTION_VOLATILE, ACCESS, nullptr, key, nullptr);
}

LSTATUS set_value(HKEY key, const wchar_t *name, DWORD type, const void *bytes, size_t length) {
    return RegSetValueExW(key, name, 0, type, static_cast<const BYTE *>(bytes), static_cast<DWORD>(length));
}

/* 0 where it is missing. */
template <typename Number>
Number read_number(HKEY key, const wchar_t *name) {
    Number number = 0;
    DWORD length = sizeof number;
    RegGetValueW(key, nullptr, name, sizeof number == 8 ? RRF_RT_REG_QWORD : RRF_RT_REG_DWORD, nullptr, &number, &length);
    return number;
}

std::vector<std::wstring> read_texts(HKEY key, const wchar_t *name) {
    DWORD length = 0;
    std::vector<std::wstring> texts;
    if (RegGetValueW(key, nullptr, name, RRF_RT_REG_MULTI_SZ, nullptr, nullptr, &length) != ERROR_SUCCESS) return texts;
    std::vector<wchar_t> characters(length / sizeof(wchar_t) + 2);
    if (RegGetValueW(key, nullptr, name, RRF_RT_REG_MULTI_SZ, nullptr, characters.data(), &length) != ERROR_SUCCESS) return texts;
    for (const wchar_t *at = characters.data(); *at != 0; at += wcslen(at) + 1) texts.push_back(at);
    return texts;
}

Failure failed(LSTATUS status, const char *what) {
    return status == ERROR_SUCCESS ? Failure{} : Failure{HRESULT_FROM_WIN32(static_cast<DWORD>(status)), what};
}

}  // namespace

QuietRecord::~QuietRecord() {
    if (key_ != nullptr) RegCloseKey(key_);
}

Failure QuietRecord::begin(DWORD script_ms) {
    HKEY above = nullptr;
    for (const wchar_t *path : {PRODUCT_KEY, RECORDS_KEY}) {
        if (LSTATUS status = create_key(path, &above)) return failed(status, "the key of the records cannot be made");
        RegCloseKey(above);
    }
    name_ = new_name();
    DWORD process = GetCurrentProcessId();
    ULONGLONG started = start_of(GetCurrentProcess());
    LSTATUS status = create_key(record_key(name_).c_str(), &key_);
    if (status == ERROR_SUCCESS) status = set_value(key_, PROCESS, REG_DWORD, &process, sizeof process);
    if (status == ERROR_SUCCESS) status = set_value(key_, STARTED, REG_QWORD, &started, sizeof started);
    if (status == ERROR_SUCCESS) status = set_value(key_, SCRIPT_MS, REG_DWORD, &script_ms, sizeof script_ms);
    return failed(status, "the record of the scripts cannot be made");
}

Failure QuietRecord::write(const std::vector<std::wstring> &scripts) {
    std::wstring texts;
    for (const std::wstring &script : scripts) texts += script + L'\0';
    texts += L'\0';
    return failed(set_value(key_, SCRIPTS, REG_MULTI_SZ, texts.data(), texts.size() * sizeof(wchar_t)), "the record of the scripts cannot be written");
}

void QuietRecord::remove() {
    if (key_ != nullptr) RegCloseKey(key_);
    key_ = nullptr;
    RegDeleteKeyExW(HKEY_LOCAL_MACHINE, record_key(name_).c_str(), KEY_WOW64_64KEY, 0);
}

std::vector<LeftRecord> read_left_records() {
    std::vector<LeftRecord> records;
    HKEY all = nullptr;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, RECORDS_KEY, 0, ACCESS, &all) != ERROR_SUCCESS) return records;
    wchar_t name[64];
    DWORD length = ARRAYSIZE(name);
    for (DWORD i = 0; RegEnumKeyExW(all, i, name, &length, nullptr, nullptr, nullptr, nullptr) == ERROR_SUCCESS; i++, length = ARRAYSIZE(name)) {
        HKEY key = nullptr;
        if (RegOpenKeyExW(all, name, 0, ACCESS, &key) != ERROR_SUCCESS) continue;
        if (!is_alive(read_number<DWORD>(key, PROCESS), read_number<ULONGLONG>(key, STARTED)))
            records.push_back({name, read_number<DWORD>(key, SCRIPT_MS), read_texts(key, SCRIPTS)});
        RegCloseKey(key);
    }
    RegCloseKey(all);
    return records;
}

void remove_left_record(const LeftRecord &record) {
    RegDeleteKeyExW(HKEY_LOCAL_MACHINE, record_key(record.name).c_str(), KEY_WOW64_64KEY, 0);
}

void remove_quiet_records() {
    HKEY product = nullptr;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, PRODUCT_KEY, 0, ACCESS, &product) != ERROR_SUCCESS) return;
    RegDeleteTreeW(product, L"Quiet");
    RegCloseKey(product);
    /* It stays as long as there is another key in it. */
    RegDeleteKeyExW(HKEY_LOCAL_MACHINE, PRODUCT_KEY, KEY_WOW64_64KEY, 0);
}

}  // namespace snaphook
