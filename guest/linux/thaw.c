#include "thaw.h"

#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

/* A freezer that runs ends by itself as soon as its FIFREEZE returns. One that was stopped must be killed. */
#define FREEZER_GRACE_MS 500
/* After the end of the lease; before that nobody waits for longer than was promised. */
#define THAWER_GRACE_MS 300

bool end_freeze(const struct session *session, enum ending why) {
    int none = ENDING_NONE;
    if (!atomic_compare_exchange_strong(&session->shared->ending, &none, (int)why)) return false;
    uint64_t ring = 1;
    ssize_t rung = write(session->bell, &ring, sizeof ring);
    (void)rung;
    return true;
}

static void thaw_one(const struct session *session, int index) {
    int result;
    do result = ioctl(session->file_systems[index].fd, FITHAW, 0);
    while (result != 0 && errno == EINTR);
    /* EINVAL: it is not frozen. After any other error it may still be, and the next round tries again. */
    bool not_frozen = result != 0 && errno == EINVAL;
    if (result != 0) atomic_store(&session->shared->fs_errno[index], errno);
    if (result == 0 || not_frozen) atomic_store(&session->shared->fs_state[index], FS_THAWED);
}

static void thaw_those_in(const struct session *session, enum fs_state state) {
    for (int index = session->file_system_count - 1; index >= 0; index--)
        if (atomic_load(&session->shared->fs_state[index]) == (int)state) thaw_one(session, index);
}

static bool any_in(const struct session *session, enum fs_state state) {
    for (int index = 0; index < session->file_system_count; index++)
        if (atomic_load(&session->shared->fs_state[index]) == (int)state) return true;
    return false;
}

/*
 * While the freezer sits in FIFREEZE, FITHAW of that file system answers EINVAL or waits, and only the freezer learns whether
 * the freeze became ours or was somebody else's (EBUSY). So a file system in TRYING is left alone as long as the freezer lives.
 * It looks at `ending` after each FIFREEZE and ends; what is still TRYING once it is gone was its last call.
 *
 * Where one file system lies on another one, thawing the inner waits until the outer is thawed, and whoever is caught there can
 * not attend to the outer one. So one waits for the freezer, and begins with what was frozen last. When the freezer stays away,
 * because its disk is slow, or because it waits for a file system that stands still, a second hand thaws what can be thawed.
 */
void thaw_everything(const struct session *session) {
    bool has_second_hand = false;
    int64_t late_ns = now_ns() + FREEZER_GRACE_MS * NS_PER_MS;
    while (!is_gone(&session->freezer_life, 1)) {
        if (now_ns() < late_ns) continue;
        pid_t freezer = atomic_load(&session->shared->freezer);
        /* 0 and below would be whole groups of processes. */
        if (freezer > 0) kill(freezer, SIGKILL);
        if (has_second_hand) continue;
        pid_t second_hand = fork();
        /* Short of processes or memory: tried again as long as the freezer stays. */
        has_second_hand = second_hand >= 0;
        if (second_hand != 0) continue;
        /* Locks are not inherited. Unlocked it would still be better than nobody. */
        lock_memory();
        thaw_those_in(session, FS_FROZEN);
        _exit(0);
    }
    do {
        thaw_those_in(session, FS_TRYING);
        thaw_those_in(session, FS_FROZEN);
    } while ((any_in(session, FS_TRYING) || any_in(session, FS_FROZEN)) && poll(NULL, 0, 1) == 0);
}

void ensure_thawed(const struct session *session) {
    int64_t lease_end_ns = atomic_load(&session->shared->lease_end_ns);
    int64_t patience_ns = (lease_end_ns > now_ns() ? lease_end_ns - now_ns() : 0) + THAWER_GRACE_MS * NS_PER_MS;
    is_gone(&session->thawer_life, (int)(patience_ns / NS_PER_MS));
    thaw_everything(session);
}

bool was_held(const struct session *session) {
    for (int index = 0; index < session->file_system_count; index++)
        if (!atomic_load(&session->shared->fs_was_frozen[index]) || atomic_load(&session->shared->fs_errno[index]) != 0)
            return false;
    return ending_of(session) == ENDING_RELEASED;
}
