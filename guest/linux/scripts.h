/* The administrator's scripts: told `freeze` before the freeze, and afterwards `thaw` or `freezeFail` in reverse order. */
#ifndef SNAPHOOK_SCRIPTS_H
#define SNAPHOOK_SCRIPTS_H

#include <poll.h>

#include "session.h"

#define SCRIPT_OUTPUT_MAX 2000

enum script_phase { SCRIPT_FREEZE, SCRIPT_THAW, SCRIPT_FREEZE_FAIL };

struct script_result {
    /* Of a plug-in, in whose set the index is then. */
    bool is_plug_in;
    int script;
    enum script_phase phase;
    /* -1: it did not end in time, or a signal ended it; a plug-in gave no answer. */
    int exit_code;
    char output[SCRIPT_OUTPUT_MAX + 1];
};

struct script_results {
    int count;
    /* `failed` tells both what was told `freeze` and what was told the end, of scripts and of plug-ins. */
    struct script_result all[4 * MAX_SCRIPTS];
};

/* When the time is over that all scripts and plug-ins of a phase that begins now have together. */
int64_t end_of_phase(const struct session *session);

/* When the one that is told the end has to be through, while `behind` others are still to be told. */
int64_t end_of_turn(const struct session *session, int64_t end_ns, int behind);

/* Stops at the first that fails, or when one of `interrupts` reports something (the index of the last script is in the results).
 * False in both cases. */
bool tell_freeze(const struct script_set *scripts, struct shared *shared, int64_t end_ns, struct pollfd *interrupts,
                 int interrupt_count, struct script_results *results);

/* Tells those that were told `freeze` and nothing since. The results may be NULL. */
void tell_end(const struct session *session, enum script_phase phase, int64_t end_ns, struct script_results *results);

/* For the watchdog: ends the script that the dead keeper was running. */
void stop_script(struct shared *shared);

const char *script_phase_name(enum script_phase phase);

#endif
