#include "snapshot_set.h"

#include <vsserror.h>
#include <wchar.h>

#include "../last_error.h"

namespace snaphook {

namespace {

/* FlushFileBuffers wants the right to write. Without its last backslash the name means the volume, not its root folder. */
HANDLE open_volume(const wchar_t *name) {
    wchar_t device[MAX_PATH];
    wcscpy(device, name);
    size_t length = wcslen(device);
    if (length > 0 && device[length - 1] == L'\\') device[length - 1] = L'\0';
    return CreateFileW(device, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
}

}  // namespace

HRESULT SnapshotSet::open_window(const GUID &id) {
    HRESULT result = window_.open();
    if (FAILED(result)) return result;
    bool is_expected = window_->state == HOLD_ARMED && IsEqualGUID(window_->snapshot_set, id) && window_->hold_ms > 0 &&
                       window_->hold_ms <= max_hold_ms(window_->mode) && window_->ticks_per_second > 0;
    if (!is_expected) return VSS_E_OBJECT_NOT_FOUND;
    requestor_ = OpenProcess(SYNCHRONIZE, FALSE, window_->requestor_process);
    return requestor_ == nullptr ? last_error() : S_OK;
}

HRESULT SnapshotSet::begin(const GUID &id) {
    forget();
    if (FAILED(open_window(id))) {
        /* Not vetoed: the window may be that of another set. */
        window_.close();
        return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
    }
    id_ = id;
    is_known_ = true;
    return S_OK;
}

HRESULT SnapshotSet::add(const GUID &snapshot, const wchar_t *volume) {
    if (volume_count_ == MAX_VOLUMES) return VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED;
    if (!window_.is_open()) return VSS_E_OBJECT_NOT_FOUND;
    if (wcslen(volume) >= MAX_PATH) return E_INVALIDARG;
    SnapshotVolume &added = volumes_[volume_count_];
    added.snapshot = snapshot;
    wcscpy(added.name, volume);
    added.handle = nullptr;
    if (window_->mode == HOLD_IN_PRECOMMIT) {
        added.handle = open_volume(volume);
        if (added.handle == INVALID_HANDLE_VALUE) {
            veto(window_, last_error());
            return VSS_E_PROVIDER_VETO;
        }
    }
    volume_count_ += 1;
    return S_OK;
}

const SnapshotVolume *SnapshotSet::find(const GUID &snapshot) const {
    for (int at = 0; at < volume_count_; at += 1)
        if (IsEqualGUID(volumes_[at].snapshot, snapshot)) return &volumes_[at];
    return nullptr;
}

HRESULT SnapshotSet::rehearse(HANDLE stop) {
    return window_.is_open() ? rehearse_hold(window_, ends(stop)) : VSS_E_OBJECT_NOT_FOUND;
}

HRESULT SnapshotSet::flush() {
    for (int at = 0; at < volume_count_; at += 1)
        if (!FlushFileBuffers(volumes_[at].handle)) return last_error();
    return S_OK;
}

HRESULT SnapshotSet::pre_commit(HANDLE stop) {
    if (!window_.is_open()) return VSS_E_OBJECT_NOT_FOUND;
    if (window_->mode != HOLD_IN_PRECOMMIT) return S_OK;
    HRESULT flushed = flush();
    if (SUCCEEDED(flushed)) return hold(window_, ends(stop));
    veto(window_, flushed);
    return VSS_E_PROVIDER_VETO;
}

HRESULT SnapshotSet::commit(HANDLE stop) {
    if (!window_.is_open()) return VSS_E_OBJECT_NOT_FOUND;
    if (window_->mode == HOLD_IN_COMMIT) return hold(window_, ends(stop));
    return window_->state == HOLD_RELEASED ? S_OK : VSS_E_PROVIDER_VETO;
}

void SnapshotSet::close() {
    if (window_.is_open()) veto(window_, S_OK);
    window_.close();
    if (requestor_ != nullptr) CloseHandle(requestor_);
    requestor_ = nullptr;
    for (int at = 0; at < volume_count_; at += 1) {
        if (volumes_[at].handle != nullptr) CloseHandle(volumes_[at].handle);
        volumes_[at].handle = nullptr;
    }
}

void SnapshotSet::forget() {
    close();
    is_known_ = false;
    volume_count_ = 0;
}

}  // namespace snaphook
