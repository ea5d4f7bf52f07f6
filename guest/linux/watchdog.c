#include "watchdog.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "process.h"
#include "record.h"
#include "scripts.h"
#include "thaw.h"

static void after_keeper(const struct session *session) {
    if (atomic_load(&session->shared->is_over)) return;
    end_freeze(session, ENDING_PEER);
    ensure_thawed(session);
    remove_record(session->token);
    stop_script(session->shared);
    /* Plug-ins were the keeper's, whose end was the end of their input. */
    tell_end(session, SCRIPT_FREEZE_FAIL, end_of_phase(session), NULL);
}

enum { KEEPER, THAWER, FREEZER, LEASE, BELL, RELEASE, SOURCES };

/* Ends the freeze when there is a reason to. Returns when it is over, or when the keeper is gone. */
static void watch(const struct session *session, int signals) {
    struct pollfd sources[SOURCES] = {
        [KEEPER] = {.fd = session->keeper_life.watch},
        [THAWER] = {.fd = session->thawer_life.watch},
        [FREEZER] = {.fd = session->freezer_life.watch},
        [LEASE] = {.fd = session->lease_timer, .events = POLLIN},
        [BELL] = {.fd = session->bell, .events = POLLIN},
        [RELEASE] = {.fd = signals, .events = POLLIN},
    };
    while (ending_of(session) == ENDING_NONE) {
        if (poll(sources, SOURCES, -1) < 0) continue;
        if (sources[KEEPER].revents != 0) return;
        if (sources[RELEASE].revents != 0) end_freeze(session, ENDING_ABORTED);
        if (sources[THAWER].revents != 0) end_freeze(session, ENDING_PEER);
        if (sources[LEASE].revents != 0) end_freeze(session, ENDING_LEASE);
        if (sources[FREEZER].revents != 0) {
            sources[FREEZER].fd = -1;
            if (!atomic_load(&session->shared->freezer_done)) end_freeze(session, ENDING_PEER);
        }
    }
    ensure_thawed(session);
    remove_record(session->token);
}

static void run_watchdog(const struct session *session) {
    sigset_t release;
    sigemptyset(&release);
    sigaddset(&release, SIGNAL_RELEASE);
    int signals = signalfd(-1, &release, SFD_CLOEXEC);
    int kept[7 + MAX_SCRIPTS] = {session->watchdog_life.keep, session->keeper_life.watch, session->thawer_life.watch,
                                 session->freezer_life.watch, session->lease_timer,       session->bell,
                                 signals};
    for (int index = 0; index < session->scripts.count; index++) kept[7 + index] = session->scripts.all[index].fd;
    if (signals < 0 || !detach_from_caller(session, kept, 7 + session->scripts.count)) return;
    protect_itself();
    set_name("snaphook-watch");
    if (!lock_memory()) return;
    atomic_store(&session->shared->watchdog, getpid());
    if (!say_ready(&session->watchdog_life)) return;
    watch(session, signals);
    /* The keeper may go on for long with the scripts and its report. */
    is_gone(&session->keeper_life, -1);
    after_keeper(session);
}

bool start_watchdog(const struct session *session) { return start_orphan(run_watchdog, session); }
