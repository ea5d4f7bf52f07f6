#ifndef SNAPHOOK_HOLD_H
#define SNAPHOOK_HOLD_H

#include "../window.h"

namespace snaphook {

/* What the wait hears besides the thaw event and the clock. */
struct HoldEnds {
    HANDLE stop;      /* VSS aborts the set, or unloads the provider */
    HANDLE requestor; /* the process without which nobody would send a thaw */
};

/* Loads and touches all that the hold needs, while nothing is frozen yet. VSS_E_PROVIDER_VETO: something has ended it already. */
HRESULT rehearse_hold(SharedWindow &window, const HoldEnds &ends);

/*
 * From here to its return writes may be held: no file, no log line, no allocation. S_OK: released in time. VSS_E_PROVIDER_VETO:
 * anything else, so that VSS cannot call the set good; `state` says what.
 */
HRESULT hold(SharedWindow &window, const HoldEnds &ends);

/* For a set that fails outside the hold: the requestor need not wait for it. What has ended stays as it was. */
void veto(SharedWindow &window, HRESULT failure);

}  // namespace snaphook

#endif
