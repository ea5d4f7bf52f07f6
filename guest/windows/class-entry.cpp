#include "class-entry.h"

#include <objbase.h>
#include <stdio.h>
#include <wchar.h>

#include "identity.h"

namespace snaphook {

namespace {

constexpr size_t KEY_LENGTH = 128;

/* Below HKEY_LOCAL_MACHINE. */
void class_key(wchar_t (&key)[KEY_LENGTH], const wchar_t *below) {
    wchar_t id[40];
    StringFromGUID2(PROVIDER_CLASS, id, ARRAYSIZE(id));
    swprintf(key, KEY_LENGTH, L"Software\\Classes\\CLSID\\%ls%ls", id, below);
}

LSTATUS write_value(const wchar_t *key, const wchar_t *name, const wchar_t *value) {
    DWORD bytes = static_cast<DWORD>((wcslen(value) + 1) * sizeof(wchar_t));
    return RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, REG_SZ, value, bytes);
}

}  // namespace

HRESULT write_class_entry(const wchar_t *dll) {
    wchar_t key[KEY_LENGTH];
    class_key(key, L"");
    LSTATUS status = write_value(key, nullptr, PROVIDER_NAME);
    class_key(key, L"\\InprocServer32");
    if (status == ERROR_SUCCESS) status = write_value(key, nullptr, dll);
    /* VSS must be able to abort the set while another thread holds. */
    if (status == ERROR_SUCCESS) status = write_value(key, L"ThreadingModel", L"Both");
    if (status != ERROR_SUCCESS) delete_class_entry();
    return HRESULT_FROM_WIN32(status);
}

HRESULT delete_class_entry() {
    wchar_t key[KEY_LENGTH];
    class_key(key, L"");
    LSTATUS status = RegDeleteTreeW(HKEY_LOCAL_MACHINE, key);
    return status == ERROR_FILE_NOT_FOUND ? S_OK : HRESULT_FROM_WIN32(status);
}

}  // namespace snaphook
