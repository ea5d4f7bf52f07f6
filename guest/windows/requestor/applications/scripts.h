/* The administrators' scripts: each is run to its end with one word. */
#ifndef SNAPHOOK_SCRIPTS_H
#define SNAPHOOK_SCRIPTS_H

#include "program-search.h"
#include "script-record.h"
#include "turn.h"

namespace snaphook {

/* One that is late is terminated with all that it started. */
ScriptRecord run_script(const Program &script, ScriptPhase phase, const Turn &turn);

}  // namespace snaphook

#endif
