#ifndef SNAPHOOK_SNAPSHOT_SET_H
#define SNAPHOOK_SNAPSHOT_SET_H

#include <vss.h>

#include "../window.h"
#include "hold.h"

namespace snaphook {

/* VSS allows no more in one set. */
inline constexpr int MAX_VOLUMES = 64;

struct SnapshotVolume {
    GUID snapshot;
    wchar_t name[MAX_PATH]; /* \\?\Volume{...}\ */
    HANDLE handle;          /* only where the provider flushes by itself */
};

/* The one set that this provider makes at a time: whose it is, its volumes, and the window it shares with the requestor. */
class SnapshotSet {
   public:
    SnapshotSet() = default;
    SnapshotSet(const SnapshotSet &) = delete;
    SnapshotSet &operator=(const SnapshotSet &) = delete;
    ~SnapshotSet() { forget(); }

    /* VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER: no requestor of ours expects this set. */
    HRESULT begin(const GUID &id);
    HRESULT add(const GUID &snapshot, const wchar_t *volume);

    bool is(const GUID &id) const { return is_known_ && IsEqualGUID(id, id_); }
    const SnapshotVolume *find(const GUID &snapshot) const;
    int volume_count() const { return volume_count_; }
    const GUID &id() const { return id_; }

    /*
     * The last moment before applications freeze: opens and touches all that is needed from then on. Not earlier, as VSS does not
     * tell a provider of a set that is given up before, and what is open then would keep the next requestor out.
     */
    HRESULT end_prepare(HANDLE stop);
    /* Flushes every volume and holds, when the requestor wants it here. */
    HRESULT pre_commit(HANDLE stop);
    /* Holds when the requestor wants it here; else it is good only if the hold before was. */
    HRESULT commit(HANDLE stop);

    /* Nothing is shared any more; the set stays known. A hold that has not begun is vetoed. */
    void close();
    void forget();

   private:
    HRESULT open();
    HRESULT open_volumes();
    HRESULT flush();
    HoldEnds ends(HANDLE stop) const { return {stop, requestor_}; }

    GUID id_ = {};
    bool is_known_ = false;
    SharedWindow window_;
    HANDLE requestor_ = nullptr;
    SnapshotVolume volumes_[MAX_VOLUMES] = {};
    int volume_count_ = 0;
};

}  // namespace snaphook

#endif
