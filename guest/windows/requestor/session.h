/* One conversation of the protocol, from the first command to `quit` or the end of the input. */
#ifndef SNAPHOOK_SESSION_H
#define SNAPHOOK_SESSION_H

#include <windows.h>

#include <memory>
#include <optional>
#include <string>

#include "applications/quiet-applications.h"
#include "applications/script-record.h"
#include "backup-set.h"
#include "channel.h"
#include "commands.h"
#include "failure.h"
#include "handle.h"
#include "json-writer.h"
#include "parked-sets.h"

namespace snaphook {

class Session : private WindowWatcher {
   public:
    /*
     * `parked`: where full sets live; nullptr in a process that ends with its client. `first`: a line that was taken from the channel;
     * empty for none.
     */
    Session(Channel *channel, ParkedSets *parked, const std::string &first = {});
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    ~Session();

    enum class End {
        /* `quit`, or the client is gone. */
        LEFT,
        /* The command in `relayed` is for a process with parked sets. */
        RELAY,
    };

    /* Nothing is frozen and nothing in progress when it returns, except what is parked. */
    End run();
    const std::string &relayed() const { return line_; }
    bool relays_resume() const { return next_->kind == Command::Kind::RESUME; }
    /* There is no such process: `run` may be called again. */
    void refuse(const Failure &failure);
    /* Tells it, and aborts what is open. */
    void fail(const Failure &failure);

   private:
    enum class Phase { IDLE, PREPARE, PREPARED, QUIESCE, QUIET, FREEZE, FROZEN, THAW, FINISHED, COMPLETE };
    using Work = void (Session::*)();

    void frozen(int64_t at_us, int64_t freeze_us, HANDLE thaw) override;
    void ended(bool released, int64_t held_us) override;

    bool take_command();
    void obey();
    void begin(Work work);
    void end_work();
    static DWORD WINAPI work_thread(void *session);

    void prepare();
    void quiesce();
    void freeze();
    void complete();
    void park();
    void resume();
    void test_itself();

    bool requires_parking() const;
    bool is_given_up() const;
    static const char *word_of(Phase phase);
    void fail_in(Phase phase, const Failure &failure);
    void wait_for_news();
    void give_up();
    void leave();
    void forget_set();

    Channel *channel_;
    ParkedSets *parked_;
    /* Written by the thread that works, read by the one that answers `status`. */
    volatile Phase phase_ = Phase::IDLE;
    std::unique_ptr<BackupSet> set_;
    /* Of a set that was parked before: when its time is over. */
    std::optional<ULONGLONG> resumed_until_ms_;
    std::string line_;
    std::optional<Command> next_;
    Command command_;
    Work work_ = nullptr;
    Handle working_;
    Handle cancel_ = make_event();
    /* Begun before the freeze: what it still gets has room in it. */
    JsonWriter frozen_event_{"frozen"};
    bool was_frozen_ = false;
    bool has_ended_ = false;
    bool was_released_ = false;
    QuietApplications applications_;
    /* What was told since the command that is worked on. */
    ScriptRecords scripts_;
};

}  // namespace snaphook

#endif
