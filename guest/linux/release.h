/* Ending sessions from outside: by their watchdog, or by their record when nobody of them lives. */
#ifndef SNAPHOOK_RELEASE_H
#define SNAPHOOK_RELEASE_H

/* `snaphook-freeze release`: prints the answer; the exit code. */
int release_session(const char *boot_id, const char *token);

/* Thaws what sessions left behind of which no process lives. */
void sweep_records(void);

#endif
