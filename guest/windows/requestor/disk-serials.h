/* How a disk names itself in the answers of IOCTL_STORAGE_QUERY_PROPERTY. The answers come from outside: every offset is checked. */
#ifndef SNAPHOOK_DISK_SERIALS_H
#define SNAPHOOK_DISK_SERIALS_H

#include <windows.h>

#include <string>

namespace snaphook {

/* StorageDeviceProperty: the serial (page 80) as `plain_serial` gives it; empty when there is none. */
std::string serial_of(const BYTE *descriptor, DWORD length);

/* StorageDeviceIdProperty: the first NAA name of the disk (page 83) in lower case hex; empty when there is none. */
std::string naa_name_of(const BYTE *descriptor, DWORD length);

}  // namespace snaphook

#endif
