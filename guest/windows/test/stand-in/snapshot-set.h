#pragma once

#include <vss.h>

#include <string>
#include <vector>

#include "async.h"
#include "provider-client.h"
#include "writer.h"

namespace stand_in {

/* One snapshot set from StartSnapshotSet to the end of DoSnapshotSet. While it is there no other can be started on this machine. */
class SnapshotSet {
   public:
    SnapshotSet() = default;
    SnapshotSet(const SnapshotSet &) = delete;
    SnapshotSet &operator=(const SnapshotSet &) = delete;
    ~SnapshotSet() { leave(); }

    /* VSS_E_SNAPSHOT_SET_IN_PROGRESS */
    HRESULT start(LONG context);
    HRESULT add(const std::wstring &volume, const GUID &provider, GUID *snapshot);
    /* DoSnapshotSet, on the thread of the asynchronous work. */
    HRESULT make(Async &async, Writers &writers);
    /* From any thread, also while it is made: the provider is told, and `make` comes to its end. */
    void abort();
    /* When nothing works on it any more: the next set may start. */
    void leave();

    bool is_started() const { return lock_ != nullptr; }
    bool has_volumes() const { return !volumes_.empty(); }
    const GUID &id() const { return id_; }

   private:
    HRESULT freeze_and_commit(Async &async, Writers &writers);
    HRESULT hold_and_commit();
    HRESULT finish(Async &async, Writers &writers);

    GUID id_ = {};
    LONG context_ = 0;
    HANDLE lock_ = nullptr;
    std::vector<std::wstring> volumes_;
    ProviderClient provider_;
    bool is_ended_ = false; /* EndPrepareSnapshots was called: only then a provider hears of an abort */
};

}  // namespace stand_in
