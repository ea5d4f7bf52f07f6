#include "backup-components.h"

#include <vsserror.h>

#include <algorithm>

#include "knobs.h"
#include "metadata.h"

namespace stand_in {

/* Released without BackupComplete: writers are told that the backup failed. */
BackupComponents::~BackupComponents() {
    if (stage_ != Stage::Over && stage_ != Stage::New) note(L"requestor gone without BackupComplete");
    give_up();
    if (current_ != nullptr) current_->Release();
}

HRESULT BackupComponents::begin(const wchar_t *call, bool is_in_order) {
    bool may_begin = is_in_order && !is_busy();
    note(std::wstring(L"requestor ") + call + (may_begin ? L"" : L" in the wrong state"));
    if (!may_begin) return VSS_E_BAD_STATE;
    return Knobs::read().result(std::wstring(L"fail.") + call);
}

HRESULT BackupComponents::begin_async(IVssAsync **async, std::function<HRESULT(Async &)> work) {
    if (async == nullptr) return E_INVALIDARG;
    if (current_ != nullptr) current_->Release();
    current_ = Async::start(std::move(work));
    *async = current_;
    return S_OK;
}

STDMETHODIMP BackupComponents::InitializeForBackup(BSTR) {
    HRESULT result = begin(L"InitializeForBackup", stage_ == Stage::New);
    if (result == S_OK) stage_ = Stage::Initialized;
    return result;
}

STDMETHODIMP BackupComponents::SetContext(LONG context) {
    HRESULT result = begin(L"SetContext", stage_ == Stage::Initialized && !has_context_);
    if (result != S_OK) return result;
    bool is_refused = (context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) != 0 && !Knobs::read().yes(L"transportable", true);
    if (is_refused) return VSS_E_UNSUPPORTED_CONTEXT;
    context_ = context;
    has_context_ = true;
    return S_OK;
}

STDMETHODIMP BackupComponents::SetBackupState(boolean selects, boolean bootable, VSS_BACKUP_TYPE type, boolean) {
    HRESULT result = begin(L"SetBackupState", stage_ == Stage::Initialized);
    if (result != S_OK) return result;
    note(L"backup type " + std::to_wstring(type) + (selects ? L" of components" : L"") + (bootable ? L", bootable" : L""));
    type_ = type;
    has_state_ = true;
    return S_OK;
}

bool BackupComponents::gathers_writers() const { return (context_ & VSS_VOLSNAP_ATTR_NO_WRITERS) == 0; }

STDMETHODIMP BackupComponents::GatherWriterMetadata(IVssAsync **async) {
    HRESULT result = begin(L"GatherWriterMetadata", stage_ == Stage::Initialized && !has_metadata_ && gathers_writers());
    if (result != S_OK) return result;
    return begin_async(async, [this](Async &work) -> HRESULT {
        if (!work.await_poll()) return VSS_S_ASYNC_CANCELLED;
        Knobs knobs = Knobs::read();
        Sleep(knobs.number(L"delay-ms.gather", 0));
        for (int at = 0; knobs.has(nth(L"writer", at)); at += 1) {
            auto writer = std::make_unique<Writer>(knobs, at);
            auto is_same = [&](const GUID &id) { return IsEqualGUID(id, writer->class_id); };
            if (std::any_of(disabled_.begin(), disabled_.end(), is_same)) continue;
            writer->take(IDENTIFY);
            writers_.push_back(std::move(writer));
        }
        has_metadata_ = true;
        return S_OK;
    });
}

STDMETHODIMP BackupComponents::GetWriterMetadataCount(UINT *count) {
    if (!has_metadata_ || is_busy()) return VSS_E_BAD_STATE;
    *count = static_cast<UINT>(writers_.size());
    return S_OK;
}

STDMETHODIMP BackupComponents::GetWriterMetadata(UINT index, VSS_ID *instance, IVssExamineWriterMetadata **metadata) {
    if (!has_metadata_ || is_busy()) return VSS_E_BAD_STATE;
    if (index >= writers_.size()) return VSS_E_OBJECT_NOT_FOUND;
    *instance = writers_[index]->instance;
    *metadata = metadata_of(*writers_[index]);
    return S_OK;
}

STDMETHODIMP BackupComponents::FreeWriterMetadata() { return has_metadata_ ? S_OK : VSS_E_BAD_STATE; }

Component *BackupComponents::find(const GUID &instance, const GUID &class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name) {
    for (auto &writer : writers_)
        if (IsEqualGUID(writer->instance, instance) && IsEqualGUID(writer->class_id, class_id))
            return writer->find(type, path == nullptr ? L"" : path, name == nullptr ? L"" : name);
    return nullptr;
}

STDMETHODIMP BackupComponents::AddComponent(VSS_ID instance, VSS_ID class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name) {
    HRESULT result = begin(L"AddComponent", stage_ == Stage::Initialized && has_metadata_ && has_state_);
    if (result != S_OK) return result;
    Component *component = find(instance, class_id, type, path, name);
    if (component == nullptr) return VSS_E_OBJECT_NOT_FOUND;
    if (component->is_selected) return VSS_E_OBJECT_ALREADY_EXISTS;
    component->is_selected = true;
    note(L"selected " + component->logical_path + L"\\" + component->name);
    return S_OK;
}

STDMETHODIMP BackupComponents::StartSnapshotSet(VSS_ID *set) {
    bool is_ready = stage_ == Stage::Initialized && (has_metadata_ || !gathers_writers());
    HRESULT result = begin(L"StartSnapshotSet", is_ready);
    if (result == S_OK) result = set_.start(context_);
    if (result != S_OK) return result;
    *set = set_.id();
    stage_ = Stage::Started;
    return S_OK;
}

STDMETHODIMP BackupComponents::AddToSnapshotSet(VSS_PWSZ volume, VSS_ID provider, VSS_ID *snapshot) {
    HRESULT result = begin(L"AddToSnapshotSet", stage_ == Stage::Started);
    return result == S_OK ? set_.add(volume, provider, snapshot) : result;
}

STDMETHODIMP BackupComponents::PrepareForBackup(IVssAsync **async) {
    HRESULT result = begin(L"PrepareForBackup", stage_ == Stage::Started && has_state_ && set_.has_volumes());
    if (result != S_OK) return result;
    return begin_async(async, [this](Async &work) -> HRESULT {
        if (!work.await_poll()) return VSS_S_ASYNC_CANCELLED;
        for (auto &writer : writers_) writer->take(PREPARE_BACKUP);
        stage_ = Stage::Prepared;
        return S_OK;
    });
}

STDMETHODIMP BackupComponents::DoSnapshotSet(IVssAsync **async) {
    HRESULT result = begin(L"DoSnapshotSet", stage_ == Stage::Prepared);
    if (result != S_OK) return result;
    stage_ = Stage::Making;
    return begin_async(async, [this](Async &work) -> HRESULT {
        HRESULT made = set_.make(work, writers_);
        if (made == S_OK) stage_ = Stage::Made;
        return made;
    });
}

STDMETHODIMP BackupComponents::GatherWriterStatus(IVssAsync **async) {
    HRESULT result = begin(L"GatherWriterStatus", has_metadata_);
    if (result != S_OK) return result;
    return begin_async(async, [this](Async &work) -> HRESULT {
        if (!work.await_poll()) return VSS_S_ASYNC_CANCELLED;
        Sleep(Knobs::read().number(L"delay-ms.status", 0));
        has_status_ = true;
        return S_OK;
    });
}

STDMETHODIMP BackupComponents::GetWriterStatusCount(UINT *count) {
    if (!has_status_ || is_busy()) return VSS_E_BAD_STATE;
    *count = static_cast<UINT>(writers_.size());
    return S_OK;
}

STDMETHODIMP BackupComponents::GetWriterStatus(UINT index, VSS_ID *instance, VSS_ID *class_id, BSTR *name, VSS_WRITER_STATE *state,
                                               HRESULT *failure) {
    if (!has_status_ || is_busy()) return VSS_E_BAD_STATE;
    if (index >= writers_.size()) return VSS_E_OBJECT_NOT_FOUND;
    const Writer &writer = *writers_[index];
    *instance = writer.instance;
    *class_id = writer.class_id;
    *name = SysAllocString(writer.name.c_str());
    *state = writer.state;
    *failure = writer.failure;
    return S_OK;
}

STDMETHODIMP BackupComponents::FreeWriterStatus() {
    if (!has_status_) return VSS_E_BAD_STATE;
    has_status_ = false;
    return S_OK;
}

STDMETHODIMP BackupComponents::SetBackupSucceeded(VSS_ID instance, VSS_ID class_id, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name,
                                                  boolean succeeded) {
    HRESULT result = begin(L"SetBackupSucceeded", stage_ == Stage::Made);
    if (result != S_OK) return result;
    Component *component = find(instance, class_id, type, path, name);
    if (component == nullptr || !component->is_selected) return VSS_E_OBJECT_NOT_FOUND;
    component->is_successful = succeeded != FALSE;
    note((succeeded ? L"stored " : L"not stored ") + component->logical_path + L"\\" + component->name);
    return S_OK;
}

STDMETHODIMP BackupComponents::BackupComplete(IVssAsync **async) {
    HRESULT result = begin(L"BackupComplete", stage_ == Stage::Made);
    if (result != S_OK) return result;
    return begin_async(async, [this](Async &work) -> HRESULT {
        if (!work.await_poll()) return VSS_S_ASYNC_CANCELLED;
        for (auto &writer : writers_) writer->backup_complete(type_);
        stage_ = Stage::Over;
        return S_OK;
    });
}

STDMETHODIMP BackupComponents::AbortBackup() {
    note(L"requestor AbortBackup");
    if (stage_ == Stage::New || stage_ == Stage::Over) return VSS_E_BAD_STATE;
    give_up();
    stage_ = Stage::Over;
    return S_OK;
}

/* Whatever is at work comes to its end, and nothing of the set stays. */
void BackupComponents::give_up() {
    if (current_ != nullptr) current_->Cancel();
    set_.abort();
    if (current_ != nullptr) current_->join();
    set_.leave();
}

STDMETHODIMP BackupComponents::DisableWriterClasses(const VSS_ID *class_ids, UINT count) {
    HRESULT result = begin(L"DisableWriterClasses", stage_ == Stage::Initialized && !has_metadata_);
    if (result == S_OK) disabled_.insert(disabled_.end(), class_ids, class_ids + count);
    return result;
}

STDMETHODIMP BackupComponents::IsVolumeSupported(VSS_ID, VSS_PWSZ, BOOL *) { return E_NOTIMPL; }

}  // namespace stand_in
