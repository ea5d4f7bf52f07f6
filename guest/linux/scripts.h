/* The administrator's scripts: told `freeze` before the freeze, and afterwards `thaw` or `freezeFail` in reverse order. */
#ifndef SNAPHOOK_SCRIPTS_H
#define SNAPHOOK_SCRIPTS_H

#include <poll.h>

#include "session.h"

#define SCRIPT_OUTPUT_MAX 2000

enum script_phase { SCRIPT_FREEZE, SCRIPT_THAW, SCRIPT_FREEZE_FAIL };

struct script_result {
    int script;
    enum script_phase phase;
    /* -1: it did not end in time, or a signal ended it. */
    int exit_code;
    char output[SCRIPT_OUTPUT_MAX + 1];
};

struct script_results {
    int count;
    struct script_result all[MAX_SCRIPTS];
};

/* Stops at the first that fails, or when one of `interrupts` reports something (the index of the last script is in the results).
 * False in both cases. */
bool tell_freeze(const struct script_set *scripts, struct shared *shared, struct pollfd *interrupts, int interrupt_count,
                 struct script_results *results);

/* Tells those that were told `freeze` and nothing since. The results may be NULL. */
void tell_end(const struct script_set *scripts, struct shared *shared, enum script_phase phase,
              struct script_results *results);

/* For the watchdog: ends the script that the dead keeper was running. */
void stop_script(struct shared *shared);

const char *script_phase_name(enum script_phase phase);

#endif
