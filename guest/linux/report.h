/* The events of `serve`. */
#ifndef SNAPHOOK_REPORT_H
#define SNAPHOOK_REPORT_H

#include "scripts.h"
#include "session.h"

enum phase { PHASE_IDLE, PHASE_PREPARED, PHASE_FREEZE, PHASE_FROZEN, PHASE_FINISHED };

struct failure {
    const char *object;
    const char *message;
    int error;
};

void report_hello(const struct session *session);
void report_ready(const struct session *session, const char *own_file_system, const struct script_results *results);
/* `event`: `frozen`, `thawed` or `expired` with how long that took or lasted. */
void report_time(const char *event, const char *key, int64_t ns);
void report_finished(const struct session *session, const struct script_results *results);
void report_status(enum phase phase);
void report_aborted(void);
void report_failed(const struct session *session, enum phase phase, const struct failure *failure,
                   const struct script_results *results);

#endif
