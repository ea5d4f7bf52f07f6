/* Becoming a program of the administrator: a script or a plug-in. */
#ifndef SNAPHOOK_PROGRAM_H
#define SNAPHOOK_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct standard_streams {
    int input;
    int output;
    int error;
};

/*
 * In a child: a group of its own, a small environment, and no descriptor but these and the program's. `program` was opened when it
 * was checked. Returns only when it cannot, with errno.
 */
void become_program(int program, const char *argument, struct standard_streams streams);

/* The child is there to be waited for. */
bool has_ended(pid_t child);

#endif
