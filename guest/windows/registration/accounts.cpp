#include "accounts.h"

#include "../last-error.h"

namespace snaphook {

HRESULT account_name(WELL_KNOWN_SID_TYPE account, std::wstring *name) {
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD sid_size = sizeof(sid);
    if (!CreateWellKnownSid(account, nullptr, sid, &sid_size)) return last_error();
    wchar_t found[256];
    wchar_t domain[256];
    DWORD found_length = ARRAYSIZE(found);
    DWORD domain_length = ARRAYSIZE(domain);
    SID_NAME_USE use;
    if (!LookupAccountSidW(nullptr, sid, found, &found_length, domain, &domain_length, &use)) return last_error();
    *name = found;
    return S_OK;
}

}  // namespace snaphook
