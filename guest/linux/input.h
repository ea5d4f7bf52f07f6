/* Standard input: lines, and the release byte. */
#ifndef SNAPHOOK_INPUT_H
#define SNAPHOOK_INPUT_H

#include <stdbool.h>

/* Reads what there is. False at the end of the input. */
bool read_input(void);

/* False when the buffer is full: nothing more is read until lines are taken. */
bool has_room_for_input(void);

/* The next whole line without release bytes before it, until the next call. NULL for none. One that is too long is cut and
 * sets `*overlong`. */
char *take_line(bool *overlong);

/* Forgets the release bytes that came before there was anything to release. */
void drop_release_bytes(void);

/* A release byte has come. Changes nothing. */
bool has_release_byte(void);

/* A whole line `abort` has come. Changes nothing. */
bool has_abort_line(void);

#endif
