/* Install and uninstall. Both may be called in whatever state the machine is; both need the rights of Administrators and COM. */
#ifndef SNAPHOOK_REGISTRATION_H
#define SNAPHOOK_REGISTRATION_H

#include "requestor/failure.h"

namespace snaphook {

/*
 * Makes Windows know the provider DLL and the service of the program beside which it lies. What an older version registered is
 * replaced. After a failure nothing is registered, or the failure says that it could not even be taken away. Refused, with
 * nothing changed, while the service keeps the set of a full backup.
 */
Failure install();

/* Takes away all that `install` makes, also where only parts of it are there. The files stay. */
Failure uninstall();

/* Ends the process in which COM+ keeps the provider, so that nothing stays resident. Nothing happens where there is none. */
void stop_provider_process();

}  // namespace snaphook

#endif
