#ifndef SNAPHOOK_FREEZER_H
#define SNAPHOOK_FREEZER_H

#include "session.h"

/* Forks the process that calls FIFREEZE and may wait there for long. It begins at a byte in the pipe `go`. */
bool start_freezer(const struct session *session);

#endif
