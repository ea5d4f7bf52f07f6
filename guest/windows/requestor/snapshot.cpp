/* The freeze window: DoSnapshotSet on a thread of its own, and what the provider tells meanwhile. */
#include <vsserror.h>

#include "backup-set.h"
#include "handle.h"
#include "vss-async.h"

namespace snaphook {

namespace {

/* A hold whose provider died is known to be over by then. */
constexpr DWORD AFTER_HOLD_MS = 1000;

int64_t microseconds(int64_t ticks, int64_t ticks_per_second) {
    return ticks / ticks_per_second * 1000000 + ticks % ticks_per_second * 1000000 / ticks_per_second;
}

struct Snapshot {
    IVssBackupComponents *backup;
    SharedWindow *window;
    HANDLE cancel;
    HRESULT outcome = E_FAIL;

    void make() {
        ComPointer<IVssAsync> async;
        outcome = backup->DoSnapshotSet(async.out());
        bool cancelled = false;
        while (SUCCEEDED(outcome)) {
            HRESULT asked = async->QueryStatus(&outcome, nullptr);
            if (FAILED(asked)) outcome = asked;
            if (outcome != VSS_S_ASYNC_PENDING) return;
            if (!pause(cancelled) || cancelled) continue;
            cancelled = true;
            async->Cancel();
        }
    }

    /* Not even VSS is asked while applications stand still. True when `cancel` is set. */
    bool pause(bool cancelled) {
        if ((*window)->state == HOLD_FROZEN) {
            HANDLE either[] = {window->ended(), cancel};
            WaitForMultipleObjects(cancelled ? 1 : 2, either, FALSE, (*window)->hold_ms + AFTER_HOLD_MS);
        } else if (cancelled) {
            Sleep(POLL_MS);
        } else {
            WaitForSingleObject(cancel, POLL_MS);
        }
        return is_set(cancel);
    }
};

DWORD WINAPI make_snapshot_thread(void *parameter) {
    CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    static_cast<Snapshot *>(parameter)->make();
    CoUninitialize();
    return 0;
}

}  // namespace

HRESULT BackupSet::make_snapshot(HANDLE cancel, WindowWatcher *watcher) {
    if (stage_ != Stage::STARTED) return VSS_E_BAD_STATE;
    Snapshot snapshot = {backup_.get(), &window_, cancel};
    LARGE_INTEGER begin;
    QueryPerformanceCounter(&begin);
    Handle thread(CreateThread(nullptr, 0, make_snapshot_thread, &snapshot, 0, nullptr));
    if (!thread) return HRESULT_FROM_WIN32(GetLastError());
    HANDLE at_first[] = {window_.frozen(), thread.get(), cancel};
    if (WaitForMultipleObjects(3, at_first, FALSE, INFINITE) == WAIT_OBJECT_0 && !is_set(cancel)) {
        int64_t scale = window_->ticks_per_second, frozen_at = window_->frozen_at;
        watcher->frozen(microseconds(frozen_at, scale), microseconds(frozen_at - begin.QuadPart, scale), window_.thaw());
        HANDLE afterwards[] = {window_.ended(), thread.get(), cancel};
        bool told = WaitForMultipleObjects(3, afterwards, FALSE, INFINITE) == WAIT_OBJECT_0;
        LONG state = window_->state;
        if (told && (state == HOLD_RELEASED || state == HOLD_EXPIRED))
            watcher->ended(state == HOLD_RELEASED, microseconds(window_->ended_at - frozen_at, scale));
    }
    WaitForMultipleObjects(2, at_first + 1, FALSE, INFINITE);
    if (is_set(cancel)) window_.let_go();
    WaitForSingleObject(thread.get(), INFINITE);
    /* Of a VSS that gave up, or has died, the provider may be left behind. */
    window_.let_go();
    stage_ = snapshot.outcome == VSS_S_ASYNC_FINISHED ? Stage::MADE : Stage::FAILED;
    return snapshot.outcome;
}

}  // namespace snaphook
