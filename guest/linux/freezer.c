#include "freezer.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"
#include "thaw.h"

static bool is_over(const struct session *session) {
    if (is_gone(&session->keeper_life, 0) || is_gone(&session->watchdog_life, 0) || is_gone(&session->thawer_life, 0))
        end_freeze(session, ENDING_PEER);
    return ending_of(session) != ENDING_NONE;
}

/* Most of what is dirty is written before anybody has to wait for it. */
static void sync_all(const struct session *session) {
    for (int index = 0; index < session->file_system_count && !is_over(session); index++)
        syncfs(session->file_systems[index].fd);
}

static bool arm_lease(const struct session *session) {
    int64_t begin_ns = now_ns();
    int64_t end_ns = begin_ns + session->lease_ms * NS_PER_MS;
    struct itimerspec lease = {.it_value = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S}};
    atomic_store(&session->shared->freeze_begin_ns, begin_ns);
    atomic_store(&session->shared->lease_end_ns, end_ns);
    return timerfd_settime(session->lease_timer, TFD_TIMER_ABSTIME, &lease, NULL) == 0;
}

static void freeze_one(const struct session *session, int index) {
    struct shared *shared = session->shared;
    atomic_store(&shared->fs_state[index], FS_TRYING);
    if (ioctl(session->file_systems[index].fd, FIFREEZE, 0) == 0) {
        atomic_store(&shared->fs_was_frozen[index], true);
        atomic_store(&shared->fs_state[index], FS_FROZEN);
        return;
    }
    atomic_store(&shared->fs_errno[index], errno);
    atomic_store(&shared->fs_state[index], FS_REFUSED);
    end_freeze(session, ENDING_REFUSED);
}

static void freeze_all(const struct session *session) {
    sync_all(session);
    if (!is_over(session) && !arm_lease(session)) end_freeze(session, ENDING_REFUSED);
    for (int index = 0; index < session->file_system_count && !is_over(session); index++) freeze_one(session, index);
    atomic_store(&session->shared->frozen_ns, now_ns());
    is_over(session);
}

static void run_freezer(const struct session *session) {
    char go;
    ssize_t count;
    do count = read(session->go_read, &go, 1);
    while (count < 0 && errno == EINTR);
    if (count == 1) freeze_all(session);
    atomic_store(&session->shared->freezer_done, true);
}

bool start_freezer(const struct session *session) {
    pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        const int kept[] = {session->freezer_life.keep, session->keeper_life.watch, session->watchdog_life.watch,
                            session->thawer_life.watch, session->lease_timer,       session->bell,
                            session->go_read};
        if (detach_from_caller(session, kept, sizeof kept / sizeof *kept) && lock_memory()) {
            set_name("snaphook-freezr");
            atomic_store(&session->shared->freezer, getpid());
            if (say_ready(&session->freezer_life)) run_freezer(session);
        }
        _exit(0);
    }
    return true;
}
