/* The requestor, and the scripts and plug-ins, that outlive their client: a service of Windows that is there only while it has something to do. */
#ifndef SNAPHOOK_RESIDENT_H
#define SNAPHOOK_RESIDENT_H

#include <windows.h>

#include "failure.h"
#include "handle.h"

namespace snaphook {

/* `snaphook-vss service`, as Windows starts it. Exit code. */
int run_service();

/*
 * For `serve`: a pipe to the service, which is started unless `only_running`. VSS_E_OBJECT_NOT_FOUND: it is not running, so it has
 * no set. Before it takes clients it tells scripts what a dead one has left. The pipe is that of the service's own process, whoever else made one of its name.
 */
Failure connect_to_resident(bool only_running, Handle *pipe);

/* Of the pipe; for SYSTEM and Administrators of this machine. */
inline constexpr wchar_t RESIDENT_PIPE[] = L"\\\\.\\pipe\\snaphook-vss";

}  // namespace snaphook

#endif
