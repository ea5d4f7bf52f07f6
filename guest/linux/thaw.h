/* Ending a freeze, whoever does it. No allocation, no file access: everything is open and in memory. */
#ifndef SNAPHOOK_THAW_H
#define SNAPHOOK_THAW_H

#include "session.h"

/* Writes why the freeze is over and wakes the other processes. False when it was over already. */
bool end_freeze(const struct session *session, enum ending why);

/* Returns when the freezer is gone and nothing of ours stands still. */
void thaw_everything(const struct session *session);

/* For watchdog and keeper: leaves that to the thawer, and does it when the thawer died or is overdue. */
void ensure_thawed(const struct session *session);

/* After the thaw: every file system was frozen until the release byte ended it. */
bool was_held(const struct session *session);

#endif
