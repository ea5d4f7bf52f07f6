#include "quiet-run.h"

#include <algorithm>

#include "../words.h"
#include "scripts.h"

namespace snaphook {

namespace {

/* What is kept for each that is still to be told the end, as long as there are so few that this is no more than its part. */
constexpr ULONGLONG RESERVE_MS = 5000;
constexpr DWORD TURN_POLL_MS = 50;

/* Nobody brings applications to rest that another session has at rest. */
Handle free_for_a_run(CreateSemaphoreW(nullptr, 1, 1, nullptr));

/* Before the next one's turn. */
struct RunIsOver {
    ~RunIsOver() { ReleaseSemaphore(free_for_a_run.get(), 1, nullptr); }
};

std::string failed_line(const Failure &failure, const ScriptRecords &records) {
    JsonWriter event("failed");
    event.number("result", failure.result);
    event.text("message", failure.message);
    write_script_records(&event, records);
    return event.finish();
}

std::string line_with_scripts(const char *name, const ScriptRecords &records) {
    JsonWriter event(name);
    write_script_records(&event, records);
    return event.finish();
}

}  // namespace

void QuietRun::run() {
    Failure failure = wait_for_turn();
    if (failure) return channel_->write(failed_line(failure, {}));
    RunIsOver at_end;
    failure = quiesce();
    if (failure) {
        let_go_on(ScriptPhase::FREEZE_FAIL);
        return channel_->write(failed_line(failure, records_));
    }
    channel_->write(line_with_scripts("quiesced", records_));
    records_.clear();
    let_go_on(wait_for_ending());
    channel_->write(line_with_scripts("unquiesced", records_));
}

Failure QuietRun::wait_for_turn() {
    ULONGLONG end_ms = GetTickCount64() + terms_.script_ms;
    while (WaitForSingleObject(free_for_a_run.get(), TURN_POLL_MS) != WAIT_OBJECT_0) {
        if (is_given_up()) return {E_ABORT, "given up"};
        if (GetTickCount64() >= end_ms) return {HRESULT_FROM_WIN32(ERROR_BUSY), "the applications are at rest for another session"};
    }
    return {};
}

Failure QuietRun::quiesce() {
    std::vector<Program> plug_ins;
    Failure failure = find_programs(&scripts_, &plug_ins);
    if (!failure) failure = record_.begin(terms_.script_ms);
    if (failure) return failure;
    for (Program &program : plug_ins) plug_ins_.push_back(std::make_unique<PlugIn>(std::move(program)));
    ULONGLONG end_ms = GetTickCount64() + terms_.script_ms;
    failure = tell_scripts(end_ms);
    if (failure) return failure;
    ask_plug_ins(end_ms);
    return is_given_up() ? Failure{E_ABORT, "given up"} : Failure{};
}

Failure QuietRun::tell_scripts(ULONGLONG end_ms) {
    for (const Program &script : scripts_) {
        if (is_given_up()) return {E_ABORT, "given up"};
        told_.emplace_back(script.name.begin(), script.name.end());
        Failure failure = record_.write(told_);
        if (failure) return failure;
        records_.push_back(run_script(script, ScriptPhase::FREEZE, {end_ms, [this] { return is_given_up(); }}));
        int64_t exit_code = records_.back().exit_code;
        if (exit_code == NO_END) return {HRESULT_FROM_WIN32(ERROR_TIMEOUT), "'" + narrow(script.path) + "' was late, or was broken off"};
        if (exit_code != 0) return {E_FAIL, "'" + narrow(script.path) + "' ended with " + std::to_string(exit_code)};
    }
    return {};
}

void QuietRun::ask_plug_ins(ULONGLONG end_ms) {
    DWORD lease_ms = terms_.life_ms + terms_.freeze_lease_ms();
    for (const std::unique_ptr<PlugIn> &plug_in : plug_ins_) {
        if (is_given_up()) return;
        records_.push_back(plug_in->quiesce(lease_ms, {end_ms, [this] { return is_given_up(); }}));
    }
}

/* Until the session says how it ended, or its time is over, or it is gone. */
ScriptPhase QuietRun::wait_for_ending() {
    ULONGLONG end_ms = GetTickCount64() + terms_.life_ms;
    bool is_freezing = false;
    for (;;) {
        std::string line;
        while (channel_->take_line(&line)) {
            line += '\n';
            if (line == GO_ON_AFTER_SUCCESS && is_freezing) return ScriptPhase::THAW;
            if (line != FREEZE_LINE || is_freezing) return ScriptPhase::FREEZE_FAIL;
            is_freezing = true;
            end_ms = GetTickCount64() + terms_.freeze_lease_ms();
            channel_->write(JsonWriter("leased").finish());
        }
        ULONGLONG now_ms = GetTickCount64();
        if (channel_->is_over() || now_ms >= end_ms) return ScriptPhase::FREEZE_FAIL;
        HANDLE either[] = {stop_, channel_->news()};
        if (WaitForMultipleObjects(2, either, FALSE, static_cast<DWORD>(end_ms - now_ms)) == WAIT_OBJECT_0) return ScriptPhase::FREEZE_FAIL;
    }
}

/* Who was told `freeze` last goes on first. */
void QuietRun::let_go_on(ScriptPhase phase) {
    ULONGLONG end_ms = GetTickCount64() + terms_.script_ms;
    for (size_t i = plug_ins_.size(); i-- > 0;) {
        if (!plug_ins_[i]->is_quiet()) continue;
        records_.push_back(plug_ins_[i]->unquiesce(phase, {end_of_turn(end_ms, scripts_.size() + i), nullptr}));
    }
    while (!told_.empty()) {
        Program script = script_of_name(told_.back());
        records_.push_back(run_script(script, phase, {end_of_turn(end_ms, told_.size() - 1), nullptr}));
        told_.pop_back();
        record_.write(told_);
    }
    record_.remove();
}

/*
 * All share one time, but nobody can use up what is kept for those behind: RESERVE_MS each, or an equal part when that is less.
 * Whoever comes has at least that, also when others took their time.
 */
ULONGLONG QuietRun::end_of_turn(ULONGLONG end_ms, size_t behind) const {
    ULONGLONG kept_ms = std::min<ULONGLONG>(terms_.script_ms / (scripts_.size() + plug_ins_.size()), RESERVE_MS);
    return std::max<ULONGLONG>(end_ms - behind * kept_ms, GetTickCount64() + kept_ms);
}

bool QuietRun::is_given_up() {
    if (line_.empty()) channel_->take_line(&line_);
    return !line_.empty() || channel_->is_over() || WaitForSingleObject(stop_, 0) == WAIT_OBJECT_0;
}

void end_left_runs() {
    for (const LeftRecord &record : read_left_records()) {
        ULONGLONG end_ms = GetTickCount64() + record.script_ms;
        for (auto script = record.scripts.rbegin(); script != record.scripts.rend(); ++script)
            run_script(script_of_name(*script), ScriptPhase::FREEZE_FAIL, {std::max<ULONGLONG>(end_ms, GetTickCount64() + RESERVE_MS), nullptr});
        remove_left_record(record);
    }
}

}  // namespace snaphook
