#include "hold.h"

#include <vss.h>
#include <vsserror.h>

namespace snaphook {

namespace {

constexpr LONGLONG MS_PER_SECOND = 1000;

LONGLONG now() {
    LARGE_INTEGER ticks;
    QueryPerformanceCounter(&ticks);
    return ticks.QuadPart;
}

/* Rounded up: a wait that ends before the end would only be repeated. */
DWORD ms_until(LONGLONG end, LONGLONG ticks_per_second) {
    LONGLONG left = end - now();
    return left <= 0 ? 0 : static_cast<DWORD>((left * MS_PER_SECOND + ticks_per_second - 1) / ticks_per_second);
}

enum { STOP, REQUESTOR, THAW, SOURCES };

DWORD wait_for_any(const SharedWindow &window, const HoldEnds &ends, DWORD limit_ms) {
    HANDLE sources[SOURCES];
    sources[STOP] = ends.stop;
    sources[REQUESTOR] = ends.requestor;
    sources[THAW] = window.thaw();
    return WaitForMultipleObjects(SOURCES, sources, FALSE, limit_ms);
}

/* A thaw that is seen after the end came too late: whoever asks for a longer hold than agreed gets none. */
HoldState wait_until_ended(const SharedWindow &window, const HoldEnds &ends, LONGLONG end) {
    for (;;) {
        DWORD source = wait_for_any(window, ends, ms_until(end, window->ticks_per_second));
        if (source == WAIT_OBJECT_0 + STOP || source == WAIT_OBJECT_0 + REQUESTOR || source == WAIT_FAILED) return HOLD_VETOED;
        if (now() >= end) return HOLD_EXPIRED;
        if (source == WAIT_OBJECT_0 + THAW) return HOLD_RELEASED;
    }
}

}  // namespace

HRESULT rehearse_hold(SharedWindow &window, const HoldEnds &ends) {
    ms_until(now(), window->ticks_per_second);
    ResetEvent(window.thaw());
    bool possible = wait_for_any(window, ends, 0) == WAIT_TIMEOUT;
    return possible && window->state == HOLD_ARMED ? S_OK : VSS_E_PROVIDER_VETO;
}

HRESULT hold(SharedWindow &window, const HoldEnds &ends) {
    /* What the requestor sends before it can know of the hold is no thaw of it. */
    ResetEvent(window.thaw());
    LONGLONG frozen_at = now();
    window->frozen_at = frozen_at;
    if (InterlockedCompareExchange(&window->state, HOLD_FROZEN, HOLD_ARMED) != HOLD_ARMED) return VSS_E_PROVIDER_VETO;
    SetEvent(window.frozen());
    LONGLONG end = frozen_at + window->ticks_per_second * window->hold_ms / MS_PER_SECOND;
    HoldState state = wait_until_ended(window, ends, end);
    window->ended_at = now();
    InterlockedExchange(&window->state, state);
    SetEvent(window.ended());
    return state == HOLD_RELEASED ? S_OK : VSS_E_PROVIDER_VETO;
}

void veto(SharedWindow &window, HRESULT failure) {
    if (InterlockedCompareExchange(&window->state, HOLD_VETOED, HOLD_ARMED) != HOLD_ARMED) return;
    InterlockedExchange(&window->failure, failure);
    SetEvent(window.ended());
}

}  // namespace snaphook
