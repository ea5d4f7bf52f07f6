#include "thawer.h"

#include <poll.h>
#include <unistd.h>

#include "process.h"
#include "record.h"
#include "thaw.h"

static void wait_for_end(const struct session *session) {
    struct pollfd sources[] = {
        {.fd = session->bell, .events = POLLIN},
        {.fd = session->keeper_life.watch},
        {.fd = session->watchdog_life.watch},
    };
    while (ending_of(session) == ENDING_NONE) {
        if (poll(sources, sizeof sources / sizeof *sources, -1) < 0) continue;
        if (sources[1].revents != 0 || sources[2].revents != 0) end_freeze(session, ENDING_PEER);
    }
}

static void run_thawer(const struct session *session) {
    const int kept[] = {session->thawer_life.keep, session->keeper_life.watch, session->watchdog_life.watch,
                        session->freezer_life.watch, session->bell};
    if (!detach_from_caller(session, kept, sizeof kept / sizeof *kept)) return;
    protect_itself();
    set_name("snaphook-thaw");
    if (!lock_memory()) return;
    atomic_store(&session->shared->thawer, getpid());
    if (!say_ready(&session->thawer_life)) return;
    wait_for_end(session);
    thaw_everything(session);
    /* It may be the last one alive, and whoever finds the record later would thaw what somebody else has frozen since. */
    remove_record(session->token);
    /* Those who wait for it need not wait for the rest of its end. */
    close(session->thawer_life.keep);
}

bool start_thawer(const struct session *session) { return start_orphan(run_thawer, session); }
