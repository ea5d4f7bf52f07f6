#include "snapshot-set.h"

#include <objbase.h>
#include <vsserror.h>

#include <algorithm>

#include "../../identity.h"
#include "knobs.h"

namespace stand_in {

namespace {

constexpr wchar_t LOCK_NAME[] = L"Global\\snaphook-stand-in-set";
constexpr size_t MAX_VOLUMES = 64;
constexpr DWORD HOLD_LIMIT_MS = 10'000;

bool has_volume(const Knobs &knobs, const std::wstring &name) {
    for (int at = 0; knobs.has(nth(L"volume", at)); at += 1)
        if (_wcsicmp(knobs.text(nth(L"volume", at)).c_str(), name.c_str()) == 0) return true;
    return false;
}

}  // namespace

HRESULT SnapshotSet::start(LONG context) {
    SetLastError(ERROR_SUCCESS);
    HANDLE lock = CreateEventW(nullptr, TRUE, FALSE, LOCK_NAME);
    if (GetLastError() == ERROR_ALREADY_EXISTS) {
        CloseHandle(lock);
        return VSS_E_SNAPSHOT_SET_IN_PROGRESS;
    }
    lock_ = lock;
    context_ = context;
    is_ended_ = false;
    volumes_.clear();
    return CoCreateGuid(&id_);
}

HRESULT SnapshotSet::add(const std::wstring &volume, const GUID &provider, GUID *snapshot) {
    Knobs knobs = Knobs::read();
    if (!has_volume(knobs, volume)) return VSS_E_OBJECT_NOT_FOUND;
    if (volumes_.size() == MAX_VOLUMES) return VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED;
    if (std::find(volumes_.begin(), volumes_.end(), volume) != volumes_.end()) return VSS_E_OBJECT_ALREADY_EXISTS;
    if (!IsEqualGUID(provider, snaphook::PROVIDER_ID)) return VSS_E_PROVIDER_NOT_REGISTERED;
    HRESULT result = provider_.is_loaded() ? S_OK : provider_.load(knobs.text(L"provider"));
    BOOL is_supported = FALSE;
    if (SUCCEEDED(result)) result = provider_.supports(volume, &is_supported);
    if (SUCCEEDED(result) && !is_supported) result = VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
    if (SUCCEEDED(result)) result = CoCreateGuid(snapshot);
    if (SUCCEEDED(result)) result = provider_.begin(id_, *snapshot, volume, context_);
    if (SUCCEEDED(result)) volumes_.push_back(volume);
    return result;
}

HRESULT SnapshotSet::make(Async &async, Writers &writers) {
    for (auto &writer : writers) writer->take(PREPARE_SNAPSHOT);
    HRESULT result = async.await_poll() ? S_OK : VSS_S_ASYNC_CANCELLED;
    if (result == S_OK) {
        is_ended_ = true;
        result = provider_.end_prepare(id_);
    }
    if (result == S_OK) result = freeze_and_commit(async, writers);
    if (result == S_OK) result = finish(async, writers);
    if (result != S_OK) {
        for (auto &writer : writers) writer->abort();
        if (is_ended_) provider_.abort(id_);
    }
    leave();
    return result;
}

HRESULT SnapshotSet::freeze_and_commit(Async &async, Writers &writers) {
    for (auto &writer : writers) writer->freeze();
    if (!async.await_poll()) return VSS_S_ASYNC_CANCELLED;
    HRESULT result = provider_.pre_commit(id_);
    return result == S_OK ? hold_and_commit() : result;
}

HRESULT SnapshotSet::hold_and_commit() {
    Knobs knobs = Knobs::read();
    HRESULT result = knobs.result(L"fail.FlushAndHold");
    if (result != S_OK) return result;
    HeldMutex held;
    held.hold(VOLUMES, knobs.number(L"hold-limit-ms", HOLD_LIMIT_MS));
    note(L"writes held");
    result = provider_.commit(id_);
    bool in_time = held.release();
    note(in_time ? L"writes released" : L"writes were released before");
    return in_time ? result : VSS_E_HOLD_WRITES_TIMEOUT;
}

HRESULT SnapshotSet::finish(Async &async, Writers &writers) {
    HRESULT result = provider_.post_commit(id_, static_cast<LONG>(volumes_.size()));
    if (result != S_OK) return result;
    for (auto &writer : writers) writer->thaw();
    result = async.await_poll() ? provider_.pre_final_commit(id_) : VSS_S_ASYNC_CANCELLED;
    if (result == S_OK) result = provider_.post_final_commit(id_);
    if (result == S_OK)
        for (auto &writer : writers) writer->take(POST_SNAPSHOT);
    return result;
}

void SnapshotSet::abort() {
    BOOL is_offered = FALSE;
    if (is_started() && !volumes_.empty() && SUCCEEDED(provider_.supports(volumes_.front(), &is_offered)) && is_offered)
        note(L"provider offered to others");
    if (is_started() && is_ended_) provider_.abort(id_);
}

void SnapshotSet::leave() {
    if (lock_ != nullptr) CloseHandle(lock_);
    lock_ = nullptr;
}

}  // namespace stand_in
