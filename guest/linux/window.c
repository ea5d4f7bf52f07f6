#include "window.h"

#include <poll.h>

#include "clock.h"
#include "input.h"
#include "process.h"
#include "thaw.h"

enum { INPUT, SIGNALS, WATCHDOG, THAWER, FREEZER, LEASE, BELL, SOURCES };

static void hear_input(const struct session *session, bool held) {
    if (!has_room_for_input() || !read_input()) {
        end_freeze(session, ENDING_END_OF_INPUT);
    } else if (held && has_release_byte()) {
        bool in_time = now_ns() < atomic_load(&session->shared->lease_end_ns);
        end_freeze(session, in_time ? ENDING_RELEASED : ENDING_LEASE);
    } else if (has_abort_line()) {
        end_freeze(session, ENDING_ABORTED);
    }
    if (!held) drop_release_bytes();
}

static void wait_for_news(const struct session *session, int signals, bool held) {
    struct pollfd sources[SOURCES] = {
        /* A full buffer: only a hang-up is heard. */
        [INPUT] = {.fd = 0, .events = has_room_for_input() ? POLLIN : 0},
        [SIGNALS] = {.fd = signals, .events = POLLIN},
        [WATCHDOG] = {.fd = session->watchdog_life.watch},
        [THAWER] = {.fd = session->thawer_life.watch},
        [FREEZER] = {.fd = held ? -1 : session->freezer_life.watch},
        [LEASE] = {.fd = session->lease_timer, .events = POLLIN},
        [BELL] = {.fd = session->bell, .events = POLLIN},
    };
    if (poll(sources, SOURCES, -1) < 0) return;
    if (sources[LEASE].revents != 0) end_freeze(session, ENDING_LEASE);
    if (sources[WATCHDOG].revents != 0 || sources[THAWER].revents != 0) end_freeze(session, ENDING_PEER);
    if (sources[FREEZER].revents != 0 && !atomic_load(&session->shared->freezer_done)) end_freeze(session, ENDING_PEER);
    if (sources[INPUT].revents != 0) hear_input(session, held);
    if (sources[SIGNALS].revents != 0) end_freeze(session, ENDING_END_OF_INPUT);
}

bool wait_until_frozen(const struct session *session, int signals) {
    drop_release_bytes();
    if (has_abort_line()) end_freeze(session, ENDING_ABORTED);
    while (ending_of(session) == ENDING_NONE && !is_gone(&session->freezer_life, 0)) wait_for_news(session, signals, false);
    if (!atomic_load(&session->shared->freezer_done)) end_freeze(session, ENDING_PEER);
    return ending_of(session) == ENDING_NONE;
}

void wait_until_released(const struct session *session, int signals) {
    while (ending_of(session) == ENDING_NONE) wait_for_news(session, signals, true);
}
