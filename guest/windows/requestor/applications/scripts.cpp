#include "scripts.h"

#include "child-process.h"

namespace snaphook {

namespace {

/* One that never stops talking must not hold up its own time limit. */
constexpr int MAX_READS = 64;

/* Reads what there is and keeps the end of it. */
void keep_output(ChildProcess *script, std::string *output) {
    char part[MAX_SCRIPT_OUTPUT];
    DWORD length = 0;
    for (int i = 0; i < MAX_READS && (length = script->read(part, sizeof part)) > 0; i++) {
        for (DWORD at = 0; at < length; at++) add_printable(output, part[at]);
        if (output->size() > MAX_SCRIPT_OUTPUT) output->erase(0, output->size() - MAX_SCRIPT_OUTPUT);
    }
}

}  // namespace

ScriptRecord run_script(const Program &script, ScriptPhase phase, const Turn &turn) {
    ScriptRecord record = {false, script.name, phase, NO_END, ""};
    ChildProcess process;
    Failure failure = process.start(script, phase_word(phase));
    if (failure) {
        record.exit_code = NOT_STARTED;
        for (char c : failure.message) add_printable(&record.output, c);
        return record;
    }
    bool has_ended = false;
    while (!has_ended && !turn.is_over()) {
        has_ended = process.has_ended(TURN_TICK_MS);
        keep_output(&process, &record.output);
    }
    if (has_ended)
        record.exit_code = process.exit_code();
    else
        process.terminate();
    return record;
}

}  // namespace snaphook
