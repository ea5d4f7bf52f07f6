#pragma once

#include <vss.h>
#include <vswriter.h>

#include <vsbackup.h>

#include <functional>

#include "async.h"
#include "counted.h"
#include "snapshot-set.h"
#include "writer.h"

namespace stand_in {

/* IVssBackupComponents for one backup. What no backup needs is E_NOTIMPL. */
class BackupComponents final : public Counted<IVssBackupComponents> {
   public:
    STDMETHODIMP InitializeForBackup(BSTR document) override;
    STDMETHODIMP SetContext(LONG context) override;
    STDMETHODIMP SetBackupState(boolean selects, boolean bootable, VSS_BACKUP_TYPE type, boolean partial) override;
    STDMETHODIMP GatherWriterMetadata(IVssAsync **async) override;
    STDMETHODIMP GetWriterMetadataCount(UINT *count) override;
    STDMETHODIMP GetWriterMetadata(UINT index, VSS_ID *instance, IVssExamineWriterMetadata **metadata) override;
    STDMETHODIMP FreeWriterMetadata() override;
    STDMETHODIMP AddComponent(VSS_ID instance, VSS_ID class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name) override;
    STDMETHODIMP StartSnapshotSet(VSS_ID *set) override;
    STDMETHODIMP AddToSnapshotSet(VSS_PWSZ volume, VSS_ID provider, VSS_ID *snapshot) override;
    STDMETHODIMP PrepareForBackup(IVssAsync **async) override;
    STDMETHODIMP DoSnapshotSet(IVssAsync **async) override;
    STDMETHODIMP GatherWriterStatus(IVssAsync **async) override;
    STDMETHODIMP GetWriterStatusCount(UINT *count) override;
    STDMETHODIMP GetWriterStatus(UINT index, VSS_ID *instance, VSS_ID *class_id, BSTR *name, VSS_WRITER_STATE *state,
                                 HRESULT *failure) override;
    STDMETHODIMP FreeWriterStatus() override;
    STDMETHODIMP SetBackupSucceeded(VSS_ID instance, VSS_ID class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name,
                                    boolean succeeded) override;
    STDMETHODIMP BackupComplete(IVssAsync **async) override;
    STDMETHODIMP AbortBackup() override;
    STDMETHODIMP DisableWriterClasses(const VSS_ID *class_ids, UINT count) override;
    STDMETHODIMP IsVolumeSupported(VSS_ID provider, VSS_PWSZ volume, BOOL *is_supported) override;

    STDMETHODIMP GetWriterComponentsCount(UINT *) override { return E_NOTIMPL; }
    STDMETHODIMP GetWriterComponents(UINT, IVssWriterComponentsExt **) override { return E_NOTIMPL; }
    STDMETHODIMP InitializeForRestore(BSTR) override { return E_NOTIMPL; }
    STDMETHODIMP SetRestoreState(VSS_RESTORE_TYPE) override { return E_NOTIMPL; }
    STDMETHODIMP SetBackupOptions(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    STDMETHODIMP SetSelectedForRestore(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, boolean) override { return E_NOTIMPL; }
    STDMETHODIMP SetRestoreOptions(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    STDMETHODIMP SetAdditionalRestores(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, boolean) override { return E_NOTIMPL; }
    STDMETHODIMP SetPreviousBackupStamp(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    STDMETHODIMP SaveAsXML(BSTR *) override { return E_NOTIMPL; }
    STDMETHODIMP AddAlternativeLocationMapping(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean,
                                               LPCWSTR) override {
        return E_NOTIMPL;
    }
    STDMETHODIMP AddRestoreSubcomponent(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean) override {
        return E_NOTIMPL;
    }
    STDMETHODIMP SetFileRestoreStatus(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, VSS_FILE_RESTORE_STATUS) override {
        return E_NOTIMPL;
    }
    STDMETHODIMP AddNewTarget(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean, LPCWSTR) override {
        return E_NOTIMPL;
    }
    STDMETHODIMP SetRangesFilePath(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, UINT, LPCWSTR) override { return E_NOTIMPL; }
    STDMETHODIMP PreRestore(IVssAsync **) override { return E_NOTIMPL; }
    STDMETHODIMP PostRestore(IVssAsync **) override { return E_NOTIMPL; }
    STDMETHODIMP DeleteSnapshots(VSS_ID, VSS_OBJECT_TYPE, BOOL, LONG *, VSS_ID *) override { return E_NOTIMPL; }
    STDMETHODIMP ImportSnapshots(IVssAsync **) override { return E_NOTIMPL; }
    STDMETHODIMP BreakSnapshotSet(VSS_ID) override { return E_NOTIMPL; }
    STDMETHODIMP GetSnapshotProperties(VSS_ID, VSS_SNAPSHOT_PROP *) override { return E_NOTIMPL; }
    STDMETHODIMP Query(VSS_ID, VSS_OBJECT_TYPE, VSS_OBJECT_TYPE, IVssEnumObject **) override { return E_NOTIMPL; }
    STDMETHODIMP EnableWriterClasses(const VSS_ID *, UINT) override { return E_NOTIMPL; }
    STDMETHODIMP DisableWriterInstances(const VSS_ID *, UINT) override { return E_NOTIMPL; }
    STDMETHODIMP ExposeSnapshot(VSS_ID, VSS_PWSZ, LONG, VSS_PWSZ, VSS_PWSZ *) override { return E_NOTIMPL; }
    STDMETHODIMP RevertToSnapshot(VSS_ID, BOOL) override { return E_NOTIMPL; }
    STDMETHODIMP QueryRevertStatus(VSS_PWSZ, IVssAsync **) override { return E_NOTIMPL; }

   private:
    enum class Stage { New, Initialized, Started, Prepared, Making, Made, Over };

    ~BackupComponents() override;
    HRESULT begin(const wchar_t *call, bool is_in_order);
    HRESULT begin_async(IVssAsync **async, std::function<HRESULT(Async &)> work);
    bool is_busy() const { return current_ != nullptr && !current_->is_done(); }
    bool gathers_writers() const;
    void give_up();
    Component *find(const GUID &instance, const GUID &class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name);

    volatile Stage stage_ = Stage::New;
    bool has_context_ = false;
    bool has_state_ = false;
    bool has_metadata_ = false;
    bool has_status_ = false;
    LONG context_ = 0;
    VSS_BACKUP_TYPE type_ = VSS_BT_UNDEFINED;
    std::vector<GUID> disabled_;
    Writers writers_;
    SnapshotSet set_;
    Async *current_ = nullptr;
};

}  // namespace stand_in
