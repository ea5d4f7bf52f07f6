#include "com-security.h"

#include <objbase.h>
#include <objidl.h>

#include "com-pointer.h"
#include "machine.h"

namespace snaphook {

namespace {

constexpr CLSID GLOBAL_OPTIONS = {0x0000034b, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
constexpr IID IGLOBAL_OPTIONS = {0x0000015b, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

}  // namespace

HRESULT end_with_faults() {
    ComPointer<IGlobalOptions> options;
    void **out = reinterpret_cast<void **>(options.out()); /* as COM gives out every interface */
    HRESULT result = CoCreateInstance(GLOBAL_OPTIONS, nullptr, CLSCTX_INPROC_SERVER, IGLOBAL_OPTIONS, out);
    return FAILED(result) ? result : options->Set(COMGLB_EXCEPTION_HANDLING, COMGLB_EXCEPTION_DONOT_HANDLE);
}

HRESULT begin_com() {
    HRESULT result = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(result)) return result;
    bool is_old = is_older_than_server_2012();
    DWORD impersonation = is_old ? RPC_C_IMP_LEVEL_IDENTIFY : RPC_C_IMP_LEVEL_IMPERSONATE;
    DWORD capabilities = is_old ? EOAC_NONE : EOAC_STATIC_CLOAKING;
    result = CoInitializeSecurity(nullptr, -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, impersonation, nullptr, capabilities, nullptr);
    return FAILED(result) ? result : end_with_faults();
}

}  // namespace snaphook
