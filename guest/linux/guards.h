/* The keeper's side of the other processes: started together, ended together. */
#ifndef SNAPHOOK_GUARDS_H
#define SNAPHOOK_GUARDS_H

#include "session.h"

/* Makes what the processes share, starts watchdog, thawer and freezer, and writes the record. NULL, or what went wrong with errno. */
const char *start_guards(struct session *session);

/* Lets the freezer go. */
bool begin_freeze(const struct session *session);

/* Ends the freeze if nobody has, returns when nothing stands still, and removes the record. */
void end_guarded_freeze(struct session *session);

/* The watchdog ends too, and the file systems are closed. */
void dismiss_guards(struct session *session);

#endif
