#include "plug-in.h"

#include <cstring>

namespace snaphook {

namespace {

/* From the end of its input until it is terminated, and from there until it is left behind. */
constexpr DWORD END_GRACE_MS = 1000;
constexpr int64_t ANSWERED_FAILED = 1;
/* What it means is the plug-in's to say, also by an answer. */
constexpr int64_t NOT_IMPLEMENTED = 99;

bool begins_with(const std::string &text, const char *beginning) { return text.compare(0, strlen(beginning), beginning) == 0; }

}  // namespace

ScriptRecord PlugIn::quiesce(DWORD lease_ms, const Turn &turn) {
    ScriptRecord record = {true, program_.name, ScriptPhase::FREEZE, NO_END, ""};
    Failure failure = process_.start(program_, "serve");
    if (failure) {
        record.exit_code = NOT_STARTED;
        for (char c : failure.message) add_printable(&record.output, c);
        return record;
    }
    record.exit_code = ask_to_quiesce(lease_ms, turn, &record.output);
    is_quiet_ = record.exit_code == 0;
    if (!is_quiet_ && end() == NOT_IMPLEMENTED) record.exit_code = NOT_IMPLEMENTED;
    return record;
}

ScriptRecord PlugIn::unquiesce(ScriptPhase phase, const Turn &turn) {
    ScriptRecord record = {true, program_.name, phase, NO_END, ""};
    record.exit_code = ask_to_go_on(phase, turn, &record.output);
    is_quiet_ = false;
    end();
    return record;
}

int64_t PlugIn::ask_to_quiesce(DWORD lease_ms, const Turn &turn, std::string *output) {
    int64_t code = ask("{\"command\":\"discover\"}", "{\"event\":\"discovered\"", turn, output);
    if (code != 0 && code != NOT_IMPLEMENTED) return code;
    ULONGLONG now = GetTickCount64();
    std::string budget = std::to_string(turn.end_ms > now ? turn.end_ms - now : 0);
    std::string command = "{\"command\":\"quiesce\",\"budgetMs\":" + budget + ",\"leaseMs\":" + std::to_string(lease_ms) + "}";
    return ask(command, "{\"event\":\"quiesced\"", turn, output);
}

int64_t PlugIn::ask_to_go_on(ScriptPhase phase, const Turn &turn, std::string *output) {
    bool is_success = phase == ScriptPhase::THAW;
    std::string command = std::string("{\"command\":\"unquiesce\",\"outcome\":\"") + (is_success ? "success" : "failed") + "\"}";
    /* Whoever is not believed is told to let go all the same. */
    bool is_believed = !has_spoken_unasked();
    int64_t code = ask(command, is_success ? "{\"event\":\"unquiesced\",\"held\":true" : "{\"event\":\"unquiesced\"", turn, output);
    if (code == 0 && !is_believed) return ANSWERED_FAILED;
    if (code != 0) return code;
    code = ask("{\"command\":\"verify\"}", "{\"event\":\"verified\"", turn, output);
    return code == NOT_IMPLEMENTED ? 0 : code;
}

int64_t PlugIn::ask(const std::string &command, const char *yes, const Turn &turn, std::string *output) {
    if (has_spoken_unasked()) return ANSWERED_FAILED;
    std::string line;
    if (!process_.write(command + '\n') || !hear_line(turn, output, &line)) return NO_END;
    if (begins_with(line, yes)) return 0;
    return begins_with(line, "{\"event\":\"not-implemented\"") ? NOT_IMPLEMENTED : ANSWERED_FAILED;
}

/* Adds a line to the output, byte by byte: nothing behind it is taken. False when none came in time, or none that has room. */
bool PlugIn::hear_line(const Turn &turn, std::string *output, std::string *line) {
    char byte = 0;
    while (output->size() < MAX_SCRIPT_OUTPUT) {
        if (process_.read(&byte, 1) == 1) {
            if (byte == '\0') return false;
            add_printable(output, byte);
            if (byte == '\n') return true;
            line->push_back(byte);
        } else if (process_.is_output_over() || turn.is_over()) {
            return false;
        } else {
            Sleep(TURN_TICK_MS);
        }
    }
    return false;
}

/*
 * What lies there before anything was asked is the answer to nothing: whoever says more than one line a command is not believed. All
 * of it is taken, up to a limit, so that what comes next is an answer.
 */
bool PlugIn::has_spoken_unasked() {
    char early[MAX_SCRIPT_OUTPUT];
    return process_.read(early, sizeof early) > 0;
}

/* Its exit code, or NO_END when it did not end by itself. */
int64_t PlugIn::end() {
    process_.end_input();
    if (process_.has_ended(END_GRACE_MS)) return process_.exit_code();
    process_.terminate();
    process_.has_ended(END_GRACE_MS);
    return NO_END;
}

}  // namespace snaphook
