#ifndef SNAPHOOK_WATCHDOG_H
#define SNAPHOOK_WATCHDOG_H

#include "session.h"

/* Sent by `snaphook-freeze release`: end the session. */
#define SIGNAL_RELEASE SIGUSR1

/* Starts the process that ends the freeze when the lease is over or another process of the session dies. False when it could not. */
bool start_watchdog(const struct session *session);

#endif
