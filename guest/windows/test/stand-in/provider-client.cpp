#include "provider-client.h"

#include <vsserror.h>

#include <algorithm>
#include <iterator>

#include "../../identity.h"
#include "event-log.h"
#include "knobs.h"
#include "storage.h"

namespace stand_in {

namespace {

using GetClassObject = HRESULT(STDAPICALLTYPE *)(REFCLSID, REFIID, void **);

/* "Any other code becomes VSS_E_UNEXPECTED_PROVIDER_ERROR." */
constexpr HRESULT ALLOWED[] = {
    S_OK,
    E_OUTOFMEMORY,
    VSS_E_PROVIDER_VETO,
    VSS_E_INSUFFICIENT_STORAGE,
    VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
    VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED,
    VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER,
};

/* "Volume Shadow Copy Service error: Error calling a routine on a Shadow Copy Provider." */
constexpr WORD PROVIDER_CALL_FAILED = 12293;

std::wstring hex(HRESULT result) {
    wchar_t text[16];
    swprintf(text, ARRAYSIZE(text), L"0x%08lX", static_cast<unsigned long>(result));
    return text;
}

HRESULT translated(const wchar_t *call, HRESULT result) {
    note(std::wstring(L"provider ") + call + L" " + hex(result));
    if (FAILED(result)) log_error(PROVIDER_CALL_FAILED, std::wstring(L"provider call ") + call + L" failed with " + hex(result));
    bool is_allowed = std::find(std::begin(ALLOWED), std::end(ALLOWED), result) != std::end(ALLOWED);
    return is_allowed ? result : VSS_E_UNEXPECTED_PROVIDER_ERROR;
}

}  // namespace

HRESULT ProviderClient::load(const std::wstring &dll) {
    library_ = LoadLibraryW(dll.c_str());
    if (library_ == nullptr) return VSS_E_PROVIDER_NOT_REGISTERED;
    serve_storage(library_);
    auto get_class = reinterpret_cast<GetClassObject>(reinterpret_cast<void *>(GetProcAddress(library_, "DllGetClassObject")));
    IClassFactory *factory = nullptr;
    HRESULT result = get_class == nullptr ? E_FAIL : get_class(snaphook::PROVIDER_CLASS, IID_PPV_ARGS(&factory));
    if (SUCCEEDED(result)) {
        result = factory->CreateInstance(nullptr, IID_PPV_ARGS(&software_));
        factory->Release();
    }
    if (SUCCEEDED(result)) result = software_->QueryInterface(IID_PPV_ARGS(&sets_));
    if (SUCCEEDED(result)) result = software_->QueryInterface(IID_PPV_ARGS(&notifications_));
    if (SUCCEEDED(result)) result = translated(L"OnLoad", notifications_->OnLoad(nullptr));
    if (SUCCEEDED(result)) return S_OK;
    unload();
    return VSS_E_PROVIDER_NOT_REGISTERED;
}

void ProviderClient::unload() {
    if (notifications_ != nullptr) translated(L"OnUnload", notifications_->OnUnload(FALSE));
    if (notifications_ != nullptr) notifications_->Release();
    if (sets_ != nullptr) sets_->Release();
    if (software_ != nullptr) software_->Release();
    if (library_ != nullptr) FreeLibrary(library_);
    notifications_ = nullptr;
    sets_ = nullptr;
    software_ = nullptr;
    library_ = nullptr;
}

HRESULT ProviderClient::supports(const std::wstring &volume, BOOL *is_supported) {
    *is_supported = FALSE;
    return translated(L"IsVolumeSupported", software_->IsVolumeSupported(const_cast<wchar_t *>(volume.c_str()), is_supported));
}

HRESULT ProviderClient::begin(const GUID &set, const GUID &snapshot, const std::wstring &volume, LONG context) {
    return translated(L"BeginPrepareSnapshot",
                      software_->BeginPrepareSnapshot(set, snapshot, const_cast<wchar_t *>(volume.c_str()), context));
}

HRESULT ProviderClient::end_prepare(const GUID &set) { return translated(L"EndPrepareSnapshots", sets_->EndPrepareSnapshots(set)); }

HRESULT ProviderClient::pre_commit(const GUID &set) { return translated(L"PreCommitSnapshots", sets_->PreCommitSnapshots(set)); }

HRESULT ProviderClient::commit(const GUID &set) { return translated(L"CommitSnapshots", sets_->CommitSnapshots(set)); }

HRESULT ProviderClient::post_commit(const GUID &set, LONG count) {
    return translated(L"PostCommitSnapshots", sets_->PostCommitSnapshots(set, count));
}

HRESULT ProviderClient::pre_final_commit(const GUID &set) {
    return translated(L"PreFinalCommitSnapshots", sets_->PreFinalCommitSnapshots(set));
}

HRESULT ProviderClient::post_final_commit(const GUID &set) {
    return translated(L"PostFinalCommitSnapshots", sets_->PostFinalCommitSnapshots(set));
}

HRESULT ProviderClient::abort(const GUID &set) { return translated(L"AbortSnapshots", sets_->AbortSnapshots(set)); }

}  // namespace stand_in
