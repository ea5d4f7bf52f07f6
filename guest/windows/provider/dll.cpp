/* What COM wants of the DLL: its class factory, whether it may go, and its entries in the registry. */
#include <windows.h>

#include "../class-entry.h"
#include "../identity.h"
#include "../last-error.h"
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

}  // namespace

}  // namespace snaphook

STDAPI DllGetClassObject(REFCLSID class_id, REFIID interface_id, void **object) {
    if (object == nullptr) return E_POINTER;
    *object = nullptr;
    if (class_id != snaphook::PROVIDER_CLASS) return CLASS_E_CLASSNOTAVAILABLE;
    return snaphook::factory.QueryInterface(interface_id, object);
}

STDAPI DllCanUnloadNow() { return snaphook::module_uses == 0 ? S_OK : S_FALSE; }

/* The class alone: that VSS knows the provider is the installation's part. */
STDAPI DllRegisterServer() {
    wchar_t dll[MAX_PATH];
    DWORD length = GetModuleFileNameW(snaphook::this_dll, dll, ARRAYSIZE(dll));
    if (length == 0 || length == ARRAYSIZE(dll)) return snaphook::last_error();
    return snaphook::write_class_entry(dll);
}

STDAPI DllUnregisterServer() { return snaphook::delete_class_entry(); }

extern "C" BOOL WINAPI DllMain(HINSTANCE dll, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        snaphook::this_dll = dll;
        DisableThreadLibraryCalls(dll);
    }
    return TRUE;
}
