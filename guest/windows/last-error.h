#ifndef SNAPHOOK_LAST_ERROR_H
#define SNAPHOOK_LAST_ERROR_H

#include <windows.h>

namespace snaphook {

/* Why the call of Windows just before has failed; a failure in any case. */
inline HRESULT last_error() {
    DWORD error = GetLastError();
    return error == ERROR_SUCCESS ? E_FAIL : HRESULT_FROM_WIN32(error);
}

}  // namespace snaphook

#endif
