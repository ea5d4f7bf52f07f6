#include "provider.h"

#include <new>
#include <vsserror.h>
#include <wchar.h>

#include "../identity.h"
#include "../last-error.h"
#include "no-snapshots.h"

namespace snaphook {

namespace {

class Exclusively {
   public:
    explicit Exclusively(SRWLOCK *lock) : lock_(lock) { AcquireSRWLockExclusive(lock_); }
    ~Exclusively() { ReleaseSRWLockExclusive(lock_); }

   private:
    SRWLOCK *lock_;
};

class Shared {
   public:
    explicit Shared(SRWLOCK *lock) : lock_(lock) { AcquireSRWLockShared(lock_); }
    ~Shared() { ReleaseSRWLockShared(lock_); }

   private:
    SRWLOCK *lock_;
};

/* For VSS, which frees it. */
wchar_t *copy_for_caller(const wchar_t *text) {
    size_t bytes = (wcslen(text) + 1) * sizeof(wchar_t);
    auto *copy = static_cast<wchar_t *>(CoTaskMemAlloc(bytes));
    if (copy != nullptr) memcpy(copy, text, bytes);
    return copy;
}

}  // namespace

HRESULT Provider::create(REFIID interface_id, void **object) {
    *object = nullptr;
    HANDLE stop = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    if (stop == nullptr) return last_error();
    auto *provider = new (std::nothrow) Provider(stop);
    if (provider == nullptr) {
        CloseHandle(stop);
        return E_OUTOFMEMORY;
    }
    HRESULT result = provider->QueryInterface(interface_id, object);
    provider->Release();
    return result;
}

STDMETHODIMP Provider::QueryInterface(REFIID interface_id, void **object) {
    if (object == nullptr) return E_POINTER;
    *object = nullptr;
    if (interface_id == __uuidof(IUnknown) || interface_id == __uuidof(IVssSoftwareSnapshotProvider))
        *object = static_cast<IVssSoftwareSnapshotProvider *>(this);
    if (interface_id == __uuidof(IVssProviderCreateSnapshotSet)) *object = static_cast<IVssProviderCreateSnapshotSet *>(this);
    if (interface_id == __uuidof(IVssProviderNotifications)) *object = static_cast<IVssProviderNotifications *>(this);
    if (*object == nullptr) return E_NOINTERFACE;
    AddRef();
    return S_OK;
}

STDMETHODIMP_(ULONG) Provider::AddRef() { return static_cast<ULONG>(InterlockedIncrement(&references_)); }

STDMETHODIMP_(ULONG) Provider::Release() {
    LONG left = InterlockedDecrement(&references_);
    if (left == 0) delete this;
    return static_cast<ULONG>(left);
}

/* Each set brings its own context; there is nothing to remember between sets. */
STDMETHODIMP Provider::SetContext(LONG) { return S_OK; }

STDMETHODIMP Provider::GetSnapshotProperties(VSS_ID snapshot, VSS_SNAPSHOT_PROP *properties) {
    if (properties == nullptr) return E_INVALIDARG;
    *properties = {};
    Shared lock(&lock_);
    const SnapshotVolume *volume = set_.find(snapshot);
    if (volume == nullptr) return VSS_E_OBJECT_NOT_FOUND;
    properties->m_pwszOriginalVolumeName = copy_for_caller(volume->name);
    if (properties->m_pwszOriginalVolumeName == nullptr) return E_OUTOFMEMORY;
    properties->m_SnapshotId = snapshot;
    properties->m_SnapshotSetId = set_.id();
    properties->m_lSnapshotsCount = set_.volume_count();
    properties->m_ProviderId = PROVIDER_ID;
    properties->m_lSnapshotAttributes = context_;
    properties->m_eStatus = is_created_ ? VSS_SS_CREATED : VSS_SS_PREPARED;
    return S_OK;
}

STDMETHODIMP Provider::Query(VSS_ID, VSS_OBJECT_TYPE, VSS_OBJECT_TYPE, IVssEnumObject **objects) {
    if (objects == nullptr) return E_INVALIDARG;
    *objects = new (std::nothrow) NoSnapshots;
    return *objects == nullptr ? E_OUTOFMEMORY : S_OK;
}

/* The documented answer of a provider that does not have it: VSS goes on to the provider that has. */
STDMETHODIMP Provider::DeleteSnapshots(VSS_ID source, VSS_OBJECT_TYPE, BOOL, LONG *deleted, VSS_ID *not_deleted) {
    if (deleted == nullptr || not_deleted == nullptr) return E_INVALIDARG;
    *deleted = 0;
    *not_deleted = source;
    return VSS_E_OBJECT_NOT_FOUND;
}

STDMETHODIMP Provider::BeginPrepareSnapshot(VSS_ID set, VSS_ID snapshot, VSS_PWSZ volume, LONG context) {
    if (volume == nullptr) return E_INVALIDARG;
    bool is_known;
    {
        Shared lock(&lock_);
        is_known = set_.is(set);
    }
    if (!is_known) end_hold_and_forget();
    Exclusively lock(&lock_);
    if (!is_known) {
        HRESULT result = set_.begin(set);
        if (FAILED(result)) return result;
        context_ = context;
        is_created_ = false;
    }
    return set_.add(snapshot, volume);
}

STDMETHODIMP Provider::IsVolumeSupported(VSS_PWSZ volume, BOOL *is_supported) {
    if (volume == nullptr || is_supported == nullptr) return E_INVALIDARG;
    SharedWindow window;
    *is_supported = SUCCEEDED(window.open()) && window->state == HOLD_ARMED && window->mode != HOLD_IN_REHEARSAL;
    return S_OK;
}

STDMETHODIMP Provider::IsVolumeSnapshotted(VSS_PWSZ volume, BOOL *has_snapshots, LONG *compatibility) {
    if (volume == nullptr || has_snapshots == nullptr || compatibility == nullptr) return E_INVALIDARG;
    *has_snapshots = FALSE;
    *compatibility = 0;
    return S_OK;
}

STDMETHODIMP Provider::SetSnapshotProperty(VSS_ID, VSS_SNAPSHOT_PROPERTY_ID, VARIANT) { return E_NOTIMPL; }

STDMETHODIMP Provider::RevertToSnapshot(VSS_ID) { return E_NOTIMPL; }

STDMETHODIMP Provider::QueryRevertStatus(VSS_PWSZ, IVssAsync **) { return E_NOTIMPL; }

/* For the calls that make a set: several may be at work, but none while a set begins or ends. */
template <typename Step>
HRESULT Provider::with_set(const GUID &set, Step step) {
    Shared lock(&lock_);
    return set_.is(set) ? step() : VSS_E_OBJECT_NOT_FOUND;
}

STDMETHODIMP Provider::EndPrepareSnapshots(VSS_ID set) {
    Exclusively lock(&lock_);
    return set_.is(set) ? set_.end_prepare(stop_) : VSS_E_OBJECT_NOT_FOUND;
}

STDMETHODIMP Provider::PreCommitSnapshots(VSS_ID set) {
    return with_set(set, [this] { return set_.pre_commit(stop_); });
}

STDMETHODIMP Provider::CommitSnapshots(VSS_ID set) {
    return with_set(set, [this] { return set_.commit(stop_); });
}

STDMETHODIMP Provider::PostCommitSnapshots(VSS_ID set, LONG) {
    Exclusively lock(&lock_);
    if (!set_.is(set)) return VSS_E_OBJECT_NOT_FOUND;
    /* The next requestor finds its names free, even if VSS never comes back to this set. */
    set_.close();
    return S_OK;
}

STDMETHODIMP Provider::PreFinalCommitSnapshots(VSS_ID set) {
    return with_set(set, [] { return S_OK; });
}

STDMETHODIMP Provider::PostFinalCommitSnapshots(VSS_ID set) {
    Exclusively lock(&lock_);
    if (!set_.is(set)) return VSS_E_OBJECT_NOT_FOUND;
    is_created_ = true;
    return S_OK;
}

STDMETHODIMP Provider::AbortSnapshots(VSS_ID set) {
    HRESULT result = with_set(set, [] { return S_OK; });
    if (SUCCEEDED(result)) end_hold_and_forget();
    return result;
}

STDMETHODIMP Provider::OnLoad(IUnknown *) { return S_OK; }

STDMETHODIMP Provider::OnUnload(BOOL) {
    end_hold_and_forget();
    return S_OK;
}

/* The lock is free only when the hold has returned, and that needs the event first. */
void Provider::end_hold_and_forget() {
    SetEvent(stop_);
    Exclusively lock(&lock_);
    set_.forget();
    ResetEvent(stop_);
}

}  // namespace snaphook
