#ifndef SNAPHOOK_THAWER_H
#define SNAPHOOK_THAWER_H

#include "session.h"

/*
 * Starts the process that calls FITHAW, and does nothing else. A process that is killed within FITHAW can harm the file system:
 * btrfs reads its super block there, takes the interrupted read for a foreign change, and turns read-only. So those that
 * somebody may have a reason to kill do not call it as long as this one lives.
 */
bool start_thawer(const struct session *session);

#endif
