/*
 * Application plug-ins: each is one process from `ready` until after the thaw, spoken to in JSON lines. Only the keeper holds their
 * pipes: whatever ends it ends their input, and they let their application go by themselves.
 */
#ifndef SNAPHOOK_PLUG_INS_H
#define SNAPHOOK_PLUG_INS_H

#include "scripts.h"

/*
 * Starts them one after the other and asks each to bring its application to rest. One that cannot is told in the results and
 * does not stop the rest. False when one of `interrupts` reports something.
 */
bool quiesce_plug_ins(const struct session *session, int64_t end_ns, struct pollfd *interrupts, int interrupt_count,
                      struct script_results *results);

/* Lets the applications that were brought to rest go on, in reverse order, and ends the processes. */
void unquiesce_plug_ins(const struct session *session, enum script_phase phase, int64_t end_ns, struct script_results *results);

#endif
