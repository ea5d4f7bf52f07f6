/*
 * What requestor and provider share while one set is made: how long to hold, and what became of it. The requestor makes it before
 * StartSnapshotSet and closes it after DoSnapshotSet has ended; the provider opens it. Both have touched it before the freeze.
 */
#ifndef SNAPHOOK_WINDOW_H
#define SNAPHOOK_WINDOW_H

#include <windows.h>

namespace snaphook {

inline constexpr DWORD WINDOW_VERSION = 1;

/* Windows ends a hold of writes after 10 s, and most writers' freeze after 60 s: these leave time to tell. */
inline constexpr DWORD MAX_COMMIT_HOLD_MS = 9000;
inline constexpr DWORD MAX_PRECOMMIT_HOLD_MS = 55000;

enum HoldMode : LONG {
    HOLD_IN_COMMIT = 0,    /* applications frozen, file systems flushed and held */
    HOLD_IN_PRECOMMIT = 1, /* applications frozen, volumes flushed once, file systems go on */
    HOLD_IN_REHEARSAL = 2, /* outside of VSS, in the requestor's own process: nobody's volume is meant */
};

enum HoldState : LONG {
    HOLD_IDLE = 0,     /* no set is expected yet */
    HOLD_ARMED = 1,    /* by the requestor: `snapshot_set` may be served */
    HOLD_FROZEN = 2,   /* the provider waits */
    HOLD_RELEASED = 3, /* the thaw event ended the hold in time */
    HOLD_EXPIRED = 4,  /* time did */
    HOLD_VETOED = 5,   /* an abort, the requestor's death, or `failure` did */
};

struct Window {
    DWORD version;
    DWORD requestor_process;
    GUID snapshot_set;
    LONG mode; /* HoldMode */
    DWORD hold_ms;
    volatile LONG state;   /* HoldState; written with InterlockedExchange */
    volatile LONG failure; /* HRESULT of what made the provider veto, or S_OK */
    LONGLONG ticks_per_second;
    volatile LONGLONG frozen_at; /* QueryPerformanceCounter; both processes read the same counter */
    volatile LONGLONG ended_at;
};
static_assert(sizeof(Window) == 64, "32-bit and 64-bit programs must see the same");

inline constexpr DWORD max_hold_ms(LONG mode) { return mode == HOLD_IN_PRECOMMIT ? MAX_PRECOMMIT_HOLD_MS : MAX_COMMIT_HOLD_MS; }

/* The section and its three manual-reset events. One of them is there on a machine at a time. */
class SharedWindow {
   public:
    SharedWindow() = default;
    SharedWindow(const SharedWindow &) = delete;
    SharedWindow &operator=(const SharedWindow &) = delete;
    ~SharedWindow() { close(); }

    /*
     * For the requestor; SYSTEM and Administrators may open it. E_INVALIDARG: hold_ms is 0 or more than the mode allows.
     * VSS_E_SNAPSHOT_SET_IN_PROGRESS: another requestor has one, or somebody else took one of its names.
     */
    HRESULT create(HoldMode mode, DWORD hold_ms);

    /* For the requestor, after StartSnapshotSet: from now on the provider serves this set. */
    void arm(const GUID &snapshot_set);

    /* For the requestor: ends the hold, or keeps it from beginning, as a thaw that comes before the hold would be dropped. */
    void let_go();

    /* For the provider. VSS_E_OBJECT_NOT_FOUND: no requestor of ours is at work, or it is one of another version. */
    HRESULT open();

    void close();

    bool is_open() const { return window_ != nullptr; }
    Window *operator->() const { return window_; }

    /* Set by the provider when the hold begins. */
    HANDLE frozen() const { return frozen_; }
    /* Set by the requestor to end the hold, when `state` is HOLD_FROZEN; what comes before is dropped. */
    HANDLE thaw() const { return thaw_; }
    /* Set by the provider when the hold is over; `state` says how. */
    HANDLE ended() const { return ended_; }

   private:
    HRESULT create_section(SECURITY_ATTRIBUTES *security);
    HRESULT map();

    HANDLE section_ = nullptr;
    HANDLE frozen_ = nullptr;
    HANDLE thaw_ = nullptr;
    HANDLE ended_ = nullptr;
    Window *window_ = nullptr;
};

}  // namespace snaphook

#endif
