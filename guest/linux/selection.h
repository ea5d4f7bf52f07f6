/* The file systems of a session: are they what the client takes them for? */
#ifndef SNAPHOOK_SELECTION_H
#define SNAPHOOK_SELECTION_H

#include "mounts.h"
#include "session.h"

/* Checks and opens each. NULL, or what is wrong with file system `*index` (with `*error` 0 or an errno). */
const char *open_file_systems(struct session *session, const struct mounts *mounts, int *index, int *error);

/* Mount point of the file system to be frozen on which this program, or else its record, lies; empty for none. */
const char *own_file_system(const struct session *session, const struct mounts *mounts);

#endif
