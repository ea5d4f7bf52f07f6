/* What this machine and this process are. */
#ifndef SNAPHOOK_MACHINE_H
#define SNAPHOOK_MACHINE_H

#include <windows.h>

#include <string>

namespace snaphook {

/* Such as `Windows 10.0.20348`. */
std::string operating_system();

/* Windows 7 or Server 2008 R2, whose VSS wants other COM settings. */
bool is_older_than_server_2012();

/* Another one after every start of the machine. */
std::string boot_id();

/* Of this program, with a backslash at its end. */
std::wstring program_folder();

/* With the rights of Administrators or SYSTEM: neither filtered nor missing. */
bool is_administrator();

}  // namespace snaphook

#endif
