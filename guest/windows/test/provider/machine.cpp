#include "machine.h"

#include <stdio.h>
#include <wchar.h>

#include "../../identity.h"

namespace checks {

namespace {

HMODULE dll;
wchar_t path_of_dll[MAX_PATH];

}  // namespace

void load_provider_dll() {
    GetModuleFileNameW(nullptr, path_of_dll, MAX_PATH);
    wcscpy(wcsrchr(path_of_dll, L'\\') + 1, snaphook::PROVIDER_DLL);
    dll = LoadLibraryW(path_of_dll);
}

const wchar_t *dll_path() { return path_of_dll; }

HRESULT call_export(const char *name) {
    auto function = reinterpret_cast<HRESULT(STDAPICALLTYPE *)()>(reinterpret_cast<void *>(GetProcAddress(dll, name)));
    return function == nullptr ? E_NOTIMPL : function();
}

HRESULT can_unload() { return call_export("DllCanUnloadNow"); }

HRESULT class_object(REFCLSID class_id, REFIID interface_id, void **object) {
    using GetClassObject = HRESULT(STDAPICALLTYPE *)(REFCLSID, REFIID, void **);
    auto get = reinterpret_cast<GetClassObject>(reinterpret_cast<void *>(GetProcAddress(dll, "DllGetClassObject")));
    return get == nullptr ? E_NOTIMPL : get(class_id, interface_id, object);
}

Machine::Machine() {
    GetTempPathW(MAX_PATH, volume);
    wcscat(volume, L"snaphook-volume");
    CloseHandle(CreateFileW(volume, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS, 0, nullptr));
    wcscat(volume, L"\\");
    IClassFactory *factory = nullptr;
    class_object(snaphook::PROVIDER_CLASS, IID_PPV_ARGS(&factory));
    factory->CreateInstance(nullptr, IID_PPV_ARGS(&software));
    factory->Release();
    software->QueryInterface(IID_PPV_ARGS(&sets));
    software->QueryInterface(IID_PPV_ARGS(&notifications));
}

Machine::~Machine() {
    window.close();
    unload();
    volume[wcslen(volume) - 1] = L'\0';
    DeleteFileW(volume);
}

void Machine::unload() {
    if (software == nullptr) return;
    notifications->Release();
    sets->Release();
    software->Release();
    software = nullptr;
}

HRESULT Machine::begin(const GUID &set) { return software->BeginPrepareSnapshot(set, SNAPSHOT, volume, VSS_CTX_APP_ROLLBACK); }

bool Machine::is_supported() {
    BOOL supported = TRUE;
    return software->IsVolumeSupported(volume, &supported) == S_OK && supported;
}

HRESULT Machine::prepare(const GUID &set) {
    HRESULT result = begin(set);
    return FAILED(result) ? result : sets->EndPrepareSnapshots(set);
}

Call::Call(IVssProviderCreateSnapshotSet *sets, Step step, const GUID &set) : sets_(sets), step_(step), set_(set) {
    thread_ = CreateThread(nullptr, 0, run, this, 0, nullptr);
}

Call::~Call() {
    result();
    CloseHandle(thread_);
}

DWORD WINAPI Call::run(void *self) {
    auto *call = static_cast<Call *>(self);
    call->result_ = (call->sets_->*call->step_)(call->set_);
    return 0;
}

HRESULT Call::result() {
    WaitForSingleObject(thread_, INFINITE);
    return result_;
}

bool Call::is_over(DWORD after_ms) { return WaitForSingleObject(thread_, after_ms) == WAIT_OBJECT_0; }

}  // namespace checks
