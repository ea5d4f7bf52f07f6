/* Install and uninstall. Both may be called in whatever state the machine is; both need the rights of Administrators and COM. */
#ifndef SNAPHOOK_REGISTRATION_H
#define SNAPHOOK_REGISTRATION_H

#include "requestor/failure.h"

namespace snaphook {

/*
 * Makes Windows know the provider DLL and the service of the program beside which it lies. What an older version registered is
 * replaced. After a failure nothing is registered, or the failure says that it could not even be taken away. Refused, with
 * nothing changed, while the service runs, which keeps the set of a full backup.
 */
Failure install();

/* Takes away all that `install` makes, also where only parts of it are there. The files stay. Refused as `install` is. */
Failure uninstall();

}  // namespace snaphook

#endif
