#include "backup-set.h"

#include <vsserror.h>

#include <algorithm>

#include "../identity.h"
#include "handle.h"
#include "vss-async.h"
#include "words.h"

namespace snaphook {

namespace {

/* VSS takes no more into one set. */
constexpr size_t MAX_VOLUMES = 64;

/* "Microsoft Exchange Writer" stays frozen for 20 s, not for 60. */
constexpr GUID EXCHANGE_WRITER = {0x76fe1ac4, 0x15f7, 0x4bcd, {0x98, 0x7e, 0x8e, 0x1a, 0xcb, 0x46, 0x2f, 0xb7}};
constexpr DWORD MAX_EXCHANGE_HOLD_MS = 18000;

/* As QEMU's guest agent does: persistent, so that nothing is cleared away behind our back, and without recovery, which an array snapshot would not get. */
constexpr LONG CONTEXT = VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_NO_AUTORECOVERY | VSS_VOLSNAP_ATTR_TXF_RECOVERY;

Failure cancelled() { return {E_ABORT, "given up"}; }

}  // namespace

Failure BackupSet::prepare(HANDLE cancel) {
    GetSystemTimeAsFileTime(&began_at_);
    Failure failure = find_volumes();
    if (!failure) failure = initialize();
    if (!failure) failure = select(cancel);
    if (!failure && is_set(cancel)) failure = cancelled();
    if (!failure) failure = start();
    if (!failure) failure = prepare_writers(cancel);
    return failure;
}

Failure BackupSet::find_volumes() {
    for (const Volume &volume : find_fixed_volumes())
        if (volume.lies_on(request_.disks)) (volume.file_system.empty() ? not_held_ : volumes_).push_back(volume);
    if (volumes_.empty()) return {VSS_E_OBJECT_NOT_FOUND, "no fixed volume lies on the captured disks"};
    if (volumes_.size() <= MAX_VOLUMES) return {};
    return {VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED, "the captured disks have more than 64 volumes"};
}

Failure BackupSet::initialize() {
    Failure failure = check(CreateVssBackupComponents(backup_.out()), "CreateVssBackupComponents");
    if (!failure) failure = check(backup_->InitializeForBackup(), "InitializeForBackup");
    if (failure) return failure;
    /* Client editions of Windows know no transportable set. */
    HRESULT result = backup_->SetContext(CONTEXT | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
    if (result == VSS_E_UNSUPPORTED_CONTEXT) result = backup_->SetContext(CONTEXT);
    failure = check(result, "SetContext");
    if (failure) return failure;
    VSS_BACKUP_TYPE type = request_.full ? VSS_BT_FULL : VSS_BT_COPY;
    return check(backup_->SetBackupState(true, request_.bootable_state, type, false), "SetBackupState");
}

Failure BackupSet::select(HANDLE cancel) {
    ComPointer<IVssAsync> async;
    HRESULT result = backup_->GatherWriterMetadata(async.out());
    if (SUCCEEDED(result)) result = wait_for_end(async.get(), cancel);
    if (is_set(cancel)) return cancelled();
    std::vector<WriterMetadata> writers;
    if (SUCCEEDED(result)) result = read_writer_metadata(backup_.get(), &writers);
    if (FAILED(result)) return check(result, "GatherWriterMetadata");
    std::vector<std::wstring> names;
    for (const Volume &volume : volumes_) names.push_back(volume.name);
    for (const WriterMetadata &writer : writers) {
        if (is_excluded(writer.id)) continue;
        Selection selection = select_components(writer.components, names, request_.bootable_state);
        for (size_t index : selection.selected) components_.push_back({writer.id, writer.instance, writer.components[index]});
        for (const auto &[index, reason] : selection.excluded) excluded_.push_back({writer.id, writer.components[index].full_path(), reason});
    }
    for (const auto &[writer, instance, component] : components_) {
        const wchar_t *path = component.logical_path.empty() ? nullptr : component.logical_path.c_str();
        auto type = static_cast<VSS_COMPONENT_TYPE>(component.type); /* as the writer's metadata gave it */
        Failure failure = check(backup_->AddComponent(instance, writer, type, path, component.name.c_str()), "AddComponent");
        if (failure) return failure;
    }
    return check_exchange();
}

Failure BackupSet::check_exchange() const {
    auto is_exchange = [](const Selected &selected) { return IsEqualGUID(selected.writer, EXCHANGE_WRITER); };
    bool too_long = request_.mode == HOLD_IN_PRECOMMIT && request_.hold_ms > MAX_EXCHANGE_HOLD_MS;
    if (!too_long || std::none_of(components_.begin(), components_.end(), is_exchange)) return {};
    return {E_INVALIDARG, "Exchange stays frozen for 20 s only: hold for 18000 ms at most"};
}

Failure BackupSet::start() {
    HRESULT result = window_.create(request_.mode, request_.hold_ms);
    if (FAILED(result)) return {result, "another snapshot set of snaphook is in progress"};
    GUID set;
    result = backup_->StartSnapshotSet(&set);
    if (FAILED(result)) return check(result, "StartSnapshotSet");
    stage_ = Stage::STARTED;
    window_.arm(set);
    for (Volume &volume : volumes_) {
        GUID snapshot;
        result = backup_->AddToSnapshotSet(volume.name.data(), PROVIDER_ID, &snapshot);
        if (FAILED(result)) return {result, "AddToSnapshotSet of '" + narrow(volume.name) + "' failed"};
    }
    return {};
}

Failure BackupSet::prepare_writers(HANDLE cancel) {
    ComPointer<IVssAsync> async;
    HRESULT result = backup_->PrepareForBackup(async.out());
    if (SUCCEEDED(result)) result = wait_for_end(async.get(), cancel);
    if (is_set(cancel)) return cancelled();
    if (FAILED(result)) {
        ask_writers(cancel);
        return check(result, "PrepareForBackup");
    }
    return check(read_writer_status(backup_.get(), cancel, &writers_), "GatherWriterStatus");
}

Failure BackupSet::complete(bool success) {
    if (stage_ != Stage::MADE) return {VSS_E_BAD_STATE, "the snapshot set was not made"};
    for (const auto &[writer, instance, component] : components_) {
        const wchar_t *path = component.logical_path.empty() ? nullptr : component.logical_path.c_str();
        auto type = static_cast<VSS_COMPONENT_TYPE>(component.type); /* as the writer's metadata gave it */
        HRESULT result = backup_->SetBackupSucceeded(instance, writer, type, path, component.name.c_str(), success);
        if (FAILED(result)) return check(result, "SetBackupSucceeded");
    }
    Handle never = make_event();
    ComPointer<IVssAsync> async;
    HRESULT result = backup_->BackupComplete(async.out());
    if (SUCCEEDED(result)) result = wait_for_end(async.get(), never.get());
    if (FAILED(result)) return check(result, "BackupComplete");
    ask_writers(never.get());
    stage_ = Stage::OVER;
    backup_.release();
    return {};
}

void BackupSet::abort() {
    /* From AbortBackup on others may make sets: the provider must not offer itself to them, and an AbortBackup that hangs not keep ours out. */
    if (window_.is_open()) window_.let_go();
    window_.close();
    if (stage_ != Stage::NEW && stage_ != Stage::OVER) backup_->AbortBackup();
    stage_ = Stage::OVER;
    backup_.release();
}

void BackupSet::ask_writers(HANDLE cancel) {
    std::vector<WriterStatus> now;
    if (backup_ && SUCCEEDED(read_writer_status(backup_.get(), cancel, &now))) writers_ = now;
}

bool BackupSet::is_selected(const WriterStatus &writer) const {
    auto is_its = [&](const Selected &selected) { return IsEqualGUID(selected.instance, writer.instance); };
    return std::any_of(components_.begin(), components_.end(), is_its);
}

bool BackupSet::is_excluded(const GUID &writer) const {
    auto is_it = [&](const GUID &excluded) { return IsEqualGUID(excluded, writer); };
    return std::any_of(request_.excluded_writers.begin(), request_.excluded_writers.end(), is_it);
}

}  // namespace snaphook
