#ifndef SNAPHOOK_VSS_ASYNC_H
#define SNAPHOOK_VSS_ASYNC_H

#include <windows.h>

#include <vsbackup.h>

namespace snaphook {

/* VSS goes on when it is asked, so it is asked this often. */
inline constexpr DWORD POLL_MS = 10;

/* Waits for the end of what VSS does, and cancels it when `cancel` is set. The outcome as VSS gives it: VSS_S_ASYNC_FINISHED is the good one. */
HRESULT wait_for_end(IVssAsync *async, HANDLE cancel);

inline bool is_set(HANDLE event) { return WaitForSingleObject(event, 0) == WAIT_OBJECT_0; }

}  // namespace snaphook

#endif
