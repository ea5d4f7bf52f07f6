#ifndef SNAPHOOK_ACCOUNTS_H
#define SNAPHOOK_ACCOUNTS_H

#include <windows.h>

#include <string>

namespace snaphook {

/* The name of a well-known account of this machine, without its domain: Windows translates it. */
HRESULT account_name(WELL_KNOWN_SID_TYPE account, std::wstring *name);

}  // namespace snaphook

#endif
