#ifndef SNAPHOOK_WATCHDOG_H
#define SNAPHOOK_WATCHDOG_H

#include "session.h"

/* Sent by `snaphook-freeze release`: end the session. */
#define SIGNAL_RELEASE SIGUSR1

/* Starts the process that thaws when the lease is over or the keeper or the freezer dies. False when it could not. */
bool start_watchdog(struct session *session);

#endif
