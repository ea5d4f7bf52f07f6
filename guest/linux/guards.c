#include "guards.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "freezer.h"
#include "process.h"
#include "record.h"
#include "thaw.h"
#include "thawer.h"
#include "watchdog.h"

/* Nothing depends on the end of a guard after the thaw; an administrator may want to unmount. */
#define DISMISSAL_MS 500

static void close_end(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool share(struct session *session) {
    const int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;
    void *shared = mmap(NULL, sizeof *session->shared, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (shared == MAP_FAILED) return false;
    session->shared = shared;
    int go[2];
    if (pipe2(go, O_CLOEXEC) != 0) return false;
    session->go_read = go[0];
    session->go_write = go[1];
    session->lease_timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    session->bell = eventfd(0, EFD_CLOEXEC);
    return session->lease_timer >= 0 && session->bell >= 0 && open_life_pipe(&session->keeper_life) &&
           open_life_pipe(&session->watchdog_life) &&
           open_life_pipe(&session->thawer_life) && open_life_pipe(&session->freezer_life);
}

const char *start_guards(struct session *session) {
    if (!share(session)) return "no memory or descriptors for the session";
    bool watchdog = start_watchdog(session);
    close_end(&session->watchdog_life.keep);
    bool thawer = start_thawer(session);
    close_end(&session->thawer_life.keep);
    errno = 0;
    if (!watchdog || !wait_until_ready(&session->watchdog_life)) return "the watchdog does not start";
    if (!thawer || !wait_until_ready(&session->thawer_life)) return "the thawer does not start";
    bool freezer = start_freezer(session);
    close_end(&session->freezer_life.keep);
    close_end(&session->go_read);
    errno = 0;
    if (!freezer || !wait_until_ready(&session->freezer_life)) return "the freezer does not start";
    if (!lock_memory()) return "the memory cannot be locked";
    if (!write_record(session)) return "the record in " RECORD_DIRECTORY " cannot be written";
    return NULL;
}

bool begin_freeze(const struct session *session) { return write(session->go_write, "", 1) == 1; }

void end_guarded_freeze(struct session *session) {
    end_freeze(session, ENDING_ABORTED);
    /* A freezer that has not begun ends at that. */
    close_end(&session->go_write);
    close_end(&session->freezer_life.keep);
    ensure_thawed(session);
    static const struct itimerspec never = {0};
    timerfd_settime(session->lease_timer, 0, &never, NULL);
    remove_record(session->token);
}

void dismiss_guards(struct session *session) {
    if (session->shared != NULL) atomic_store(&session->shared->is_over, true);
    close_end(&session->keeper_life.keep);
    pid_t freezer = session->shared == NULL ? 0 : atomic_load(&session->shared->freezer);
    if (freezer > 0) waitpid(freezer, NULL, 0);
    /* They have the file systems open, too. */
    is_gone(&session->watchdog_life, DISMISSAL_MS);
    is_gone(&session->thawer_life, DISMISSAL_MS);
    for (int index = 0; index < session->file_system_count; index++) close_end(&session->file_systems[index].fd);
}
