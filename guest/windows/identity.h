/* The names by which Windows knows this provider. They never change: an upgrade finds what an older version registered. */
#ifndef SNAPHOOK_IDENTITY_H
#define SNAPHOOK_IDENTITY_H

#include <guiddef.h>

namespace snaphook {

/* What a requestor passes to AddToSnapshotSet. */
inline constexpr GUID PROVIDER_ID = {0x446cc0d4, 0x9c23, 0x49ba, {0xac, 0x40, 0xb1, 0x39, 0x3c, 0x02, 0x48, 0x15}};

/* The COM class in snaphook-vss-provider.dll; also in provider.idl. */
inline constexpr GUID PROVIDER_CLASS = {0xfc7f08dc, 0x8131, 0x43a9, {0x8f, 0xe4, 0xe2, 0xbe, 0x26, 0x84, 0x1b, 0xc9}};

/* Changes with what the provider does, not with each build. */
inline constexpr GUID PROVIDER_VERSION_ID = {0xd215e525, 0x9606, 0x4e1e, {0x8f, 0x90, 0x43, 0xb7, 0xed, 0x76, 0xdd, 0xc9}};

/* Of the VSS provider, of the COM+ application, and of the service that COM+ makes for it. */
inline constexpr wchar_t PROVIDER_NAME[] = L"snaphook VSS Provider";
inline constexpr wchar_t PROVIDER_DLL[] = L"snaphook-vss-provider.dll";

/* The demand-start service in which the requestor of a FULL backup lives. */
inline constexpr wchar_t SERVICE_NAME[] = L"snaphook-vss";

}  // namespace snaphook

#endif
