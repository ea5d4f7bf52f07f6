#include "no-snapshots.h"

#include <new>

namespace snaphook {

STDMETHODIMP NoSnapshots::QueryInterface(REFIID interface_id, void **object) {
    if (object == nullptr) return E_POINTER;
    bool is_known = interface_id == __uuidof(IUnknown) || interface_id == __uuidof(IVssEnumObject);
    *object = is_known ? static_cast<IVssEnumObject *>(this) : nullptr;
    if (!is_known) return E_NOINTERFACE;
    AddRef();
    return S_OK;
}

STDMETHODIMP_(ULONG) NoSnapshots::AddRef() { return static_cast<ULONG>(InterlockedIncrement(&references_)); }

STDMETHODIMP_(ULONG) NoSnapshots::Release() {
    LONG left = InterlockedDecrement(&references_);
    if (left == 0) delete this;
    return static_cast<ULONG>(left);
}

STDMETHODIMP NoSnapshots::Next(ULONG wanted, VSS_OBJECT_PROP *, ULONG *fetched) {
    if (fetched == nullptr) return E_POINTER;
    *fetched = 0;
    return wanted == 0 ? S_OK : S_FALSE;
}

STDMETHODIMP NoSnapshots::Skip(ULONG count) { return count == 0 ? S_OK : S_FALSE; }

STDMETHODIMP NoSnapshots::Reset() { return S_OK; }

STDMETHODIMP NoSnapshots::Clone(IVssEnumObject **copy) {
    if (copy == nullptr) return E_POINTER;
    *copy = new (std::nothrow) NoSnapshots;
    return *copy == nullptr ? E_OUTOFMEMORY : S_OK;
}

}  // namespace snaphook
