#include "vss-async.h"

#include <vsserror.h>

namespace snaphook {

HRESULT wait_for_end(IVssAsync *async, HANDLE cancel) {
    bool cancelled = false;
    for (;;) {
        HRESULT outcome = S_OK;
        HRESULT asked = async->QueryStatus(&outcome, nullptr);
        if (FAILED(asked)) return asked;
        if (outcome != VSS_S_ASYNC_PENDING) return outcome;
        if (cancelled) {
            Sleep(POLL_MS);
        } else if (WaitForSingleObject(cancel, POLL_MS) == WAIT_OBJECT_0) {
            cancelled = true;
            async->Cancel();
        }
    }
}

}  // namespace snaphook
