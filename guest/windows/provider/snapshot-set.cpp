#include "snapshot-set.h"

#include <vsserror.h>
#include <wchar.h>

#include "../last-error.h"

namespace snaphook {

namespace {

/* FlushFileBuffers wants the right to write. Without its last backslash the name means the volume, not its root folder. */
HANDLE open_volume(const wchar_t *name) {
    wchar_t device[MAX_PATH];
    wcscpy(device, name);
    size_t length = wcslen(device);
    if (length > 0 && device[length - 1] == L'\\') device[length - 1] = L'\0';
    HANDLE volume =
        CreateFileW(device, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
    return volume == INVALID_HANDLE_VALUE ? nullptr : volume;
}

/* Whether our requestor waits for this set, with an agreement that can be kept. */
bool expects(const SharedWindow &window, const GUID &set) {
    return window->state == HOLD_ARMED && IsEqualGUID(window->snapshot_set, set) && window->hold_ms > 0 &&
           window->hold_ms <= max_hold_ms(window->mode) && window->ticks_per_second > 0;
}

}  // namespace

HRESULT SnapshotSet::begin(const GUID &id) {
    forget();
    SharedWindow window;
    if (FAILED(window.open()) || !expects(window, id)) return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
    id_ = id;
    is_known_ = true;
    return S_OK;
}

HRESULT SnapshotSet::add(const GUID &snapshot, const wchar_t *volume) {
    if (volume_count_ == MAX_VOLUMES) return VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED;
    if (wcslen(volume) >= MAX_PATH) return E_INVALIDARG;
    SnapshotVolume &added = volumes_[volume_count_];
    added.snapshot = snapshot;
    added.handle = nullptr;
    wcscpy(added.name, volume);
    volume_count_ += 1;
    return S_OK;
}

const SnapshotVolume *SnapshotSet::find(const GUID &snapshot) const {
    for (int at = 0; at < volume_count_; at += 1)
        if (IsEqualGUID(volumes_[at].snapshot, snapshot)) return &volumes_[at];
    return nullptr;
}

HRESULT SnapshotSet::open() {
    HRESULT result = window_.open();
    if (FAILED(result)) return result;
    if (!expects(window_, id_)) {
        /* Somebody else's by now: not ours to veto. */
        window_.close();
        return VSS_E_PROVIDER_VETO;
    }
    requestor_ = OpenProcess(SYNCHRONIZE, FALSE, window_->requestor_process);
    if (requestor_ == nullptr) return last_error();
    return window_->mode == HOLD_IN_PRECOMMIT ? open_volumes() : S_OK;
}

HRESULT SnapshotSet::open_volumes() {
    for (int at = 0; at < volume_count_; at += 1) {
        volumes_[at].handle = open_volume(volumes_[at].name);
        if (volumes_[at].handle == nullptr) return last_error();
    }
    return S_OK;
}

HRESULT SnapshotSet::end_prepare(HANDLE stop) {
    close();
    HRESULT result = open();
    if (SUCCEEDED(result)) result = rehearse_hold(window_, ends(stop));
    if (SUCCEEDED(result)) return S_OK;
    if (window_.is_open()) veto(window_, result);
    close();
    return VSS_E_PROVIDER_VETO;
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
    if (window_->mode != HOLD_IN_PRECOMMIT) return hold(window_, ends(stop));
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
