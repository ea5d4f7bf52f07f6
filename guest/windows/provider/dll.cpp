/* What COM wants of the DLL: its class factory, whether it may go, and its entries in the registry. */
#include <windows.h>

#include <new>
#include <stdio.h>
#include <wchar.h>

#include "../identity.h"
#include "../last_error.h"
#include "module.h"
#include "provider.h"

namespace snaphook {

volatile LONG module_uses = 0;

namespace {

HINSTANCE this_dll;

/* Lives as long as the DLL: it is not counted, only its locks are. */
class Factory final : public IClassFactory {
   public:
    STDMETHODIMP QueryInterface(REFIID interface_id, void **object) override {
        if (object == nullptr) return E_POINTER;
        bool is_known = interface_id == __uuidof(IUnknown) || interface_id == __uuidof(IClassFactory);
        *object = is_known ? static_cast<IClassFactory *>(this) : nullptr;
        if (!is_known) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }

    STDMETHODIMP_(ULONG) AddRef() override { return static_cast<ULONG>(InterlockedIncrement(&module_uses)) + 1; }
    STDMETHODIMP_(ULONG) Release() override { return static_cast<ULONG>(InterlockedDecrement(&module_uses)) + 1; }

    STDMETHODIMP CreateInstance(IUnknown *outer, REFIID interface_id, void **object) override {
        if (object == nullptr) return E_POINTER;
        *object = nullptr;
        return outer != nullptr ? CLASS_E_NOAGGREGATION : Provider::create(interface_id, object);
    }

    STDMETHODIMP LockServer(BOOL lock) override {
        if (lock) {
            InterlockedIncrement(&module_uses);
        } else {
            InterlockedDecrement(&module_uses);
        }
        return S_OK;
    }
};

Factory factory;

constexpr size_t KEY_LENGTH = 128;

/* The registry key of the class, below HKEY_LOCAL_MACHINE. */
void class_key(wchar_t (&key)[KEY_LENGTH], const wchar_t *below) {
    wchar_t id[40];
    StringFromGUID2(PROVIDER_CLASS, id, ARRAYSIZE(id));
    swprintf(key, KEY_LENGTH, L"Software\\Classes\\CLSID\\%ls%ls", id, below);
}

LSTATUS write_value(const wchar_t *key, const wchar_t *name, const wchar_t *value) {
    DWORD bytes = static_cast<DWORD>((wcslen(value) + 1) * sizeof(wchar_t));
    return RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, REG_SZ, value, bytes);
}

LSTATUS write_class(const wchar_t *dll) {
    wchar_t key[KEY_LENGTH];
    class_key(key, L"");
    LSTATUS status = write_value(key, nullptr, PROVIDER_NAME);
    class_key(key, L"\\InprocServer32");
    if (status == ERROR_SUCCESS) status = write_value(key, nullptr, dll);
    /* VSS must be able to abort the set while another thread holds. */
    if (status == ERROR_SUCCESS) status = write_value(key, L"ThreadingModel", L"Both");
    return status;
}

}  // namespace

}  // namespace snaphook

STDAPI DllGetClassObject(REFCLSID class_id, REFIID interface_id, void **object) {
    if (object == nullptr) return E_POINTER;
    *object = nullptr;
    if (class_id != snaphook::PROVIDER_CLASS) return CLASS_E_CLASSNOTAVAILABLE;
    return snaphook::factory.QueryInterface(interface_id, object);
}

STDAPI DllCanUnloadNow() { return snaphook::module_uses == 0 ? S_OK : S_FALSE; }

STDAPI DllUnregisterServer() {
    wchar_t key[snaphook::KEY_LENGTH];
    snaphook::class_key(key, L"");
    LSTATUS status = RegDeleteTreeW(HKEY_LOCAL_MACHINE, key);
    return status == ERROR_FILE_NOT_FOUND ? S_OK : HRESULT_FROM_WIN32(status);
}

/* The class alone: that VSS knows the provider is the installation's part. */
STDAPI DllRegisterServer() {
    wchar_t dll[MAX_PATH];
    DWORD length = GetModuleFileNameW(snaphook::this_dll, dll, ARRAYSIZE(dll));
    if (length == 0 || length == ARRAYSIZE(dll)) return snaphook::last_error();
    LSTATUS status = snaphook::write_class(dll);
    if (status != ERROR_SUCCESS) DllUnregisterServer();
    return HRESULT_FROM_WIN32(status);
}

extern "C" BOOL WINAPI DllMain(HINSTANCE dll, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        snaphook::this_dll = dll;
        DisableThreadLibraryCalls(dll);
    }
    return TRUE;
}
