/* Ending a freeze, whoever does it. No allocation, no file access: everything is open and in memory. */
#ifndef SNAPHOOK_THAW_H
#define SNAPHOOK_THAW_H

#include "session.h"

/* Writes why the freeze is over and wakes the other processes. False when it was over already. */
bool end_freeze(const struct session *session, enum ending why);

/* Thaws in reverse what FIFREEZE reported frozen. True when each of them was still frozen. */
bool thaw_frozen(const struct session *session);

/* The same, and then also what a freezer that died in FIFREEZE left behind. Returns when the freezer is gone and nothing
 * of ours stands still. With `trying_first` it attends to the unfinished file system before the others. */
bool thaw_everything(const struct session *session, bool trying_first);

/* The process that keeps the other end is gone; waits `wait_ms` for that. */
bool is_gone(const struct life_pipe *life, int wait_ms);

#endif
