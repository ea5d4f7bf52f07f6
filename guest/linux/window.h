/* From the first FIFREEZE to the last FITHAW, as the keeper sees it. Nothing here allocates, opens or logs. */
#ifndef SNAPHOOK_WINDOW_H
#define SNAPHOOK_WINDOW_H

#include "session.h"

/* Waits for the freezer. True when every file system stands still; otherwise `ending` says why not. */
bool wait_until_frozen(const struct session *session, int signals);

/* Waits for the release byte or for any other end; `ending` says which. */
void wait_until_released(const struct session *session, int signals);

#endif
