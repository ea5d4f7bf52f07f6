#ifndef SNAPHOOK_PROVIDER_H
#define SNAPHOOK_PROVIDER_H

#include <vss.h>
#include <vsprov.h>

#include "module.h"
#include "snapshot-set.h"

namespace snaphook {

/*
 * A software provider that takes no snapshot: it makes VSS wait while an array takes one. It serves the set that our requestor
 * expects and no other. VSS may call AbortSnapshots and OnUnload on another thread while the hold waits; both end it.
 */
class Provider final : public IVssSoftwareSnapshotProvider, public IVssProviderCreateSnapshotSet, public IVssProviderNotifications {
   public:
    static HRESULT create(REFIID interface_id, void **object);

    STDMETHODIMP QueryInterface(REFIID interface_id, void **object) override;
    STDMETHODIMP_(ULONG) AddRef() override;
    STDMETHODIMP_(ULONG) Release() override;

    STDMETHODIMP SetContext(LONG context) override;
    STDMETHODIMP GetSnapshotProperties(VSS_ID snapshot, VSS_SNAPSHOT_PROP *properties) override;
    STDMETHODIMP Query(VSS_ID queried, VSS_OBJECT_TYPE queried_type, VSS_OBJECT_TYPE returned_type, IVssEnumObject **objects) override;
    STDMETHODIMP DeleteSnapshots(VSS_ID source, VSS_OBJECT_TYPE source_type, BOOL force, LONG *deleted, VSS_ID *not_deleted) override;
    STDMETHODIMP BeginPrepareSnapshot(VSS_ID set, VSS_ID snapshot, VSS_PWSZ volume, LONG context) override;
    STDMETHODIMP IsVolumeSupported(VSS_PWSZ volume, BOOL *is_supported) override;
    STDMETHODIMP IsVolumeSnapshotted(VSS_PWSZ volume, BOOL *has_snapshots, LONG *compatibility) override;
    STDMETHODIMP SetSnapshotProperty(VSS_ID snapshot, VSS_SNAPSHOT_PROPERTY_ID property, VARIANT value) override;
    STDMETHODIMP RevertToSnapshot(VSS_ID snapshot) override;
    STDMETHODIMP QueryRevertStatus(VSS_PWSZ volume, IVssAsync **status) override;

    STDMETHODIMP EndPrepareSnapshots(VSS_ID set) override;
    STDMETHODIMP PreCommitSnapshots(VSS_ID set) override;
    STDMETHODIMP CommitSnapshots(VSS_ID set) override;
    STDMETHODIMP PostCommitSnapshots(VSS_ID set, LONG count) override;
    STDMETHODIMP PreFinalCommitSnapshots(VSS_ID set) override;
    STDMETHODIMP PostFinalCommitSnapshots(VSS_ID set) override;
    STDMETHODIMP AbortSnapshots(VSS_ID set) override;

    STDMETHODIMP OnLoad(IUnknown *callback) override;
    STDMETHODIMP OnUnload(BOOL force) override;

   private:
    explicit Provider(HANDLE stop) : stop_(stop) {}
    ~Provider() { CloseHandle(stop_); }
    template <typename Step>
    HRESULT with_set(const GUID &set, Step step);
    void end_hold_and_forget();

    ModuleUse use_;
    volatile LONG references_ = 1;
    /* Shared while VSS makes the set; exclusive for what begins or ends one. */
    SRWLOCK lock_ = SRWLOCK_INIT;
    HANDLE stop_;
    SnapshotSet set_;
    LONG context_ = 0;
    bool is_created_ = false;
};

}  // namespace snaphook

#endif
