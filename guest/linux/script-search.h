/* Which scripts there are, and whether they may run as root. */
#ifndef SNAPHOOK_SCRIPT_SEARCH_H
#define SNAPHOOK_SCRIPT_SEARCH_H

#include "session.h"

/* Why there is no set of scripts that may be run. */
struct script_problem {
    char object[PATH_MAX + NAME_MAX + 2];
    const char *message;
    int error;
};

/*
 * Whose programs run as root is for root to say, and the client is not root: only what lies in /etc/snaphook, or in the folder that
 * the command line names, which may be NULL. Both with everything below.
 */
bool may_hold_scripts(const char *directory, const char *named);

/*
 * Checks and opens what is in `scripts->directory`. Nobody but root may be able to change a script or what its path leads to. A
 * directory that does not exist holds no scripts.
 */
bool find_scripts(struct script_set *scripts, struct script_problem *problem);

void close_scripts(struct script_set *scripts);

#endif
