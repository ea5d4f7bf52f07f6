#include "thaw.h"

#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"

/* A freezer that runs ends by itself within microseconds of its FIFREEZE. One that was stopped must be killed. */
#define FREEZER_GRACE_MS 500

bool end_freeze(const struct session *session, enum ending why) {
    int none = ENDING_NONE;
    if (!atomic_compare_exchange_strong(&session->shared->ending, &none, (int)why)) return false;
    uint64_t ring = 1;
    ssize_t rung = why == ENDING_RELEASED ? 0 : write(session->bell, &ring, sizeof ring);
    (void)rung;
    return true;
}

bool is_gone(const struct life_pipe *life, int wait_ms) {
    struct pollfd end = {.fd = life->watch, .events = 0};
    return poll(&end, 1, wait_ms) == 1;
}

/* True when the file system was frozen until now. */
static bool thaw_one(const struct session *session, int index) {
    int result;
    do result = ioctl(session->file_systems[index].fd, FITHAW, 0);
    while (result != 0 && errno == EINTR);
    /* EINVAL: it is not frozen. After any other error it may still be, and the next round tries again. */
    bool not_frozen = result != 0 && errno == EINVAL;
    /* Without a release byte two guards thaw at once, and the slower one finds nothing to do. */
    if (result != 0 && (!not_frozen || ending_of(session) == ENDING_RELEASED))
        atomic_store(&session->shared->fs_errno[index], errno);
    if (result == 0 || not_frozen) atomic_store(&session->shared->fs_state[index], FS_THAWED);
    return result == 0;
}

static bool thaw_those_in(const struct session *session, enum fs_state state) {
    bool held = true;
    for (int index = session->file_system_count - 1; index >= 0; index--) {
        if (atomic_load(&session->shared->fs_state[index]) != (int)state) continue;
        if (!thaw_one(session, index)) held = false;
    }
    return held;
}

bool thaw_frozen(const struct session *session) { return thaw_those_in(session, FS_FROZEN); }

static bool any_in(const struct session *session, enum fs_state state) {
    for (int index = 0; index < session->file_system_count; index++)
        if (atomic_load(&session->shared->fs_state[index]) == (int)state) return true;
    return false;
}

/*
 * While the freezer sits in FIFREEZE, FITHAW of that file system answers EINVAL or waits, and only the freezer learns whether
 * the freeze became ours or was somebody else's (EBUSY). So a file system in TRYING is left to the freezer as long as that
 * lives: it looks at `ending` after each FIFREEZE and thaws by itself. What is still TRYING once it is gone was its last call.
 *
 * When one file system lies on another one, thawing the inner waits until the outer is thawed. A guard that is caught there
 * cannot attend to an outer one in TRYING, so the two guards begin at different ends.
 */
bool thaw_everything(const struct session *session, bool trying_first) {
    bool held = true;
    int64_t kill_at_ns = now_ns() + FREEZER_GRACE_MS * NS_PER_MS;
    while (!is_gone(&session->freezer_life, 0)) {
        if (!trying_first && !thaw_frozen(session)) held = false;
        if (now_ns() > kill_at_ns) kill(atomic_load(&session->shared->freezer), SIGKILL);
        is_gone(&session->freezer_life, 1);
    }
    do {
        thaw_those_in(session, FS_TRYING);
        if (!thaw_frozen(session)) held = false;
    } while ((any_in(session, FS_TRYING) || any_in(session, FS_FROZEN)) && poll(NULL, 0, 1) == 0);
    return held;
}
