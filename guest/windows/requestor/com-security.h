#ifndef SNAPHOOK_COM_SECURITY_H
#define SNAPHOOK_COM_SECURITY_H

#include <windows.h>

namespace snaphook {

/*
 * COM for a requestor, once in a process and before anything of VSS: multi-threaded, calls private, impersonation with static
 * cloaking (before Server 2012: identification, no cloaking), and a fault in a call ends the process instead of being swallowed
 * ("Security Considerations for Requestors").
 */
HRESULT begin_com();

/* Its last part. May be said again. */
HRESULT end_with_faults();

}  // namespace snaphook

#endif
