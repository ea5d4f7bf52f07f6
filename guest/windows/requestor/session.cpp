#include "session.h"

#include <vsserror.h>

#include "reports.h"
#include "self-test.h"
#include "vss-async.h"

namespace snaphook {

namespace {

using CommandKind = Command::Kind;

/* A client that died a moment ago may still have the set. */
constexpr int LEND_ATTEMPTS = 100;
constexpr DWORD LEND_PAUSE_MS = 50;
constexpr ULONGLONG MS_PER_MINUTE = 60000;

/* More than the longest line that is written while applications stand still. */
constexpr size_t WINDOW_LINE = 128;

Failure bad_state(const char *words) { return {VSS_E_BAD_STATE, words}; }

std::string plain_event(const char *name) { return JsonWriter(name).finish(); }

}  // namespace

Session::Session(Channel *channel, ParkedSets *parked, const std::string &first) : channel_(channel), parked_(parked), line_(first) {
    if (!first.empty()) next_ = parse_command(first);
}

Session::~Session() { leave(); }

Session::End Session::run() {
    for (;; wait_for_news()) {
        for (;;) {
            if (working_ && is_set(working_.get())) end_work();
            if (!working_) applications_.notice_news();
            if (channel_->is_held() && !channel_->is_over()) break;
            if (!take_command()) {
                if (!channel_->is_over()) break;
                leave();
                return End::LEFT;
            }
            if (next_->kind == CommandKind::QUIT) {
                leave();
                return End::LEFT;
            }
            if (parked_ == nullptr && requires_parking()) return End::RELAY;
            obey();
        }
    }
}

/* The applications' are for the thread that works, as long as there is one. */
void Session::wait_for_news() {
    HANDLE either[] = {channel_->news(), working_ ? working_.get() : applications_.news()};
    WaitForMultipleObjects(either[1] == nullptr ? 1 : 2, either, FALSE, INFINITE);
}

/* False when there is none, or none that may be obeyed beside what is being worked on. */
bool Session::take_command() {
    if (!next_ && channel_->take_line(&line_)) next_ = parse_command(line_);
    if (!next_) return false;
    return !working_ || next_->kind == CommandKind::ABORT || next_->kind == CommandKind::STATUS;
}

bool Session::requires_parking() const {
    bool is_full = next_->kind == CommandKind::PREPARE && next_->prepare.full;
    return phase_ == Phase::IDLE && (is_full || next_->kind == CommandKind::RESUME);
}

void Session::obey() {
    Command command = std::move(*next_);
    next_.reset();
    if (command.kind == CommandKind::STATUS) {
        JsonWriter event("status");
        event.text("phase", word_of(phase_));
        channel_->write(event.finish());
        return;
    }
    if (command.kind == CommandKind::ABORT) {
        give_up();
        channel_->write(plain_event("aborted"));
        return;
    }
    command_ = std::move(command);
    scripts_.clear();
    switch (command_.kind) {
        case CommandKind::PREPARE: return begin(&Session::prepare);
        case CommandKind::QUIESCE: return begin(&Session::quiesce);
        case CommandKind::FREEZE: return begin(&Session::freeze);
        case CommandKind::COMPLETE: return begin(&Session::complete);
        case CommandKind::PARK: return begin(&Session::park);
        case CommandKind::RESUME: return begin(&Session::resume);
        case CommandKind::SELFTEST: return begin(&Session::test_itself);
        default: return fail({E_INVALIDARG, "not a command of this protocol"});
    }
}

void Session::begin(Work work) {
    work_ = work;
    working_ = Handle(CreateThread(nullptr, 0, work_thread, this, 0, nullptr));
    if (!working_) fail({HRESULT_FROM_WIN32(GetLastError()), "no thread could be started"});
}

DWORD WINAPI Session::work_thread(void *parameter) {
    auto *session = static_cast<Session *>(parameter);
    CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    (session->*session->work_)();
    CoUninitialize();
    return 0;
}

void Session::end_work() {
    WaitForSingleObject(working_.get(), INFINITE);
    working_ = Handle();
}

bool Session::is_given_up() const { return is_set(cancel_.get()); }

void Session::refuse(const Failure &failure) {
    next_.reset();
    scripts_.clear();
    fail(failure);
}

void Session::prepare() {
    if (phase_ != Phase::IDLE) return fail(bad_state("a snapshot set is already prepared"));
    phase_ = Phase::PREPARE;
    Failure failure = command_.prepare.full ? parked_->require_room(command_.prepare.set) : Failure();
    if (!failure) {
        set_ = std::make_unique<BackupSet>(command_.prepare);
        failure = set_->prepare(cancel_.get());
    }
    if (failure) return fail(failure);
    if (is_given_up()) return;
    phase_ = Phase::PREPARED;
    channel_->write(prepared_event(*set_));
}

void Session::quiesce() {
    if (phase_ != Phase::PREPARED) return fail(bad_state("nothing is prepared, or its applications are at rest already"));
    phase_ = Phase::QUIESCE;
    QuietTerms terms = {command_.script_ms, command_.life_ms, set_->request().hold_ms};
    Failure failure = applications_.quiesce(terms, cancel_.get(), &scripts_);
    if (failure) return fail(failure);
    if (is_given_up()) return;
    phase_ = Phase::QUIET;
    channel_->write(quiesced_event(scripts_));
}

void Session::freeze() {
    if (phase_ != Phase::PREPARED && phase_ != Phase::QUIET) return fail(bad_state("nothing is prepared"));
    Failure failure = applications_.keep_for_freeze(&scripts_);
    if (failure) return fail(failure);
    phase_ = Phase::FREEZE;
    was_frozen_ = has_ended_ = was_released_ = false;
    frozen_event_ = JsonWriter("frozen", WINDOW_LINE);
    HRESULT result = set_->make_snapshot(cancel_.get(), this);
    channel_->end_hold();
    set_->close_window();
    if (is_given_up()) return;
    Phase phase = phase_;
    /* Nothing is frozen any more, and whoever asks learns that at once, however long scripts take. */
    if (!has_ended_) phase_ = Phase::IDLE;
    /* Whoever went on before is told with `freezeFail`, or not at all: its word is missing then, and not VSS's. */
    applications_.release(was_released_ && result == VSS_S_ASYNC_FINISHED, &scripts_);
    set_->ask_writers(cancel_.get());
    /* Without an end of the hold nobody knows when applications went on, and without a hold there was nothing to release. */
    if (!has_ended_)
        return fail_in(phase, {FAILED(result) ? result : E_UNEXPECTED, was_frozen_ ? "the hold was broken off" : "VSS did not freeze"});
    if (is_given_up()) return;
    phase_ = Phase::FINISHED;
    channel_->write(finished_event(*set_, result, scripts_));
}

void Session::frozen(int64_t at_us, int64_t freeze_us, HANDLE thaw) {
    frozen_event_.milliseconds("atMs", at_us);
    frozen_event_.milliseconds("freezeMs", freeze_us);
    phase_ = Phase::FROZEN;
    was_frozen_ = true;
    channel_->begin_hold(thaw);
    channel_->write(frozen_event_.finish());
}

void Session::ended(bool released, int64_t held_us) {
    has_ended_ = true;
    was_released_ = released;
    phase_ = Phase::THAW;
    JsonWriter event(released ? "thawed" : "expired");
    event.milliseconds("heldMs", held_us);
    if (!is_given_up()) channel_->write(event.finish());
    channel_->end_hold();
}

void Session::complete() {
    if (phase_ != Phase::FINISHED) return fail(bad_state("no snapshot set is finished"));
    phase_ = Phase::COMPLETE;
    Failure failure = set_->complete(command_.success);
    if (failure) return fail(failure);
    channel_->write(completed_event(*set_));
    forget_set();
    phase_ = Phase::IDLE;
}

void Session::park() {
    bool may_park = parked_ != nullptr && phase_ == Phase::FINISHED && set_->is_made() && set_->request().full;
    if (!may_park) return fail(bad_state("only a full set that is finished can be parked"));
    Failure failure = resumed_until_ms_ ? Failure() : parked_->require_room(set_->request().set);
    if (failure) return fail(failure);
    parked_->park({std::move(set_), GetTickCount64() + command_.minutes * MS_PER_MINUTE});
    resumed_until_ms_.reset();
    phase_ = Phase::IDLE;
    channel_->write(plain_event("parked"));
}

void Session::resume() {
    if (phase_ != Phase::IDLE) return fail(bad_state("another set is open"));
    ParkedSet parked = parked_->lend(command_.set);
    for (int i = 0; !parked.set && parked_->has(command_.set) && i < LEND_ATTEMPTS && !is_given_up(); i++) {
        Sleep(LEND_PAUSE_MS);
        parked = parked_->lend(command_.set);
    }
    if (!parked.set) return fail({VSS_E_OBJECT_NOT_FOUND, "no set of this name is parked"});
    set_ = std::move(parked.set);
    resumed_until_ms_ = parked.ends_at_ms;
    set_->ask_writers(cancel_.get());
    phase_ = Phase::FINISHED;
    channel_->write(resumed_event(*set_));
}

void Session::test_itself() {
    if (phase_ != Phase::IDLE) return fail(bad_state("a snapshot set is open"));
    std::string event = self_test_event(run_self_test(cancel_.get()));
    if (!is_given_up()) channel_->write(event);
}

const char *Session::word_of(Phase phase) {
    static constexpr const char *words[] = {"idle", "prepare", "prepared", "quiesce", "quiet", "freeze", "frozen", "thaw", "finished", "complete"};
    return words[static_cast<int>(phase)];
}

void Session::fail(const Failure &failure) { fail_in(phase_, failure); }

void Session::fail_in(Phase phase, const Failure &failure) {
    if (is_given_up()) return;
    /* As above: what is worked on holds nothing. */
    phase_ = Phase::IDLE;
    applications_.release(false, &scripts_);
    std::string event = failed_event(word_of(phase), failure, set_.get(), scripts_);
    if (set_) set_->abort();
    forget_set();
    channel_->write(event);
}

/* Ends what is being worked on: the thread that works sees it at its next step. */
void Session::give_up() {
    SetEvent(cancel_.get());
    if (working_) end_work();
    channel_->end_hold();
    ResetEvent(cancel_.get());
    applications_.release(false, &scripts_);
    if (set_) set_->abort();
    forget_set();
    phase_ = Phase::IDLE;
}

/* As when it is given up; but a set that was parked waits on for whoever resumes it. */
void Session::leave() {
    SetEvent(cancel_.get());
    if (working_) end_work();
    channel_->end_hold();
    ResetEvent(cancel_.get());
    if (set_ && resumed_until_ms_ && set_->is_made()) {
        parked_->park({std::move(set_), *resumed_until_ms_});
        resumed_until_ms_.reset();
    }
    give_up();
}

void Session::forget_set() {
    if (set_ && resumed_until_ms_) parked_->forget(set_->request().set);
    resumed_until_ms_.reset();
    set_.reset();
}

}  // namespace snaphook
