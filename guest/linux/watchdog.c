#include "watchdog.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "record.h"
#include "scripts.h"
#include "thaw.h"

/* A keeper that got the release byte just before the end of the lease may finish, so that its count of thawed ones is right. */
#define KEEPER_GRACE_MS 300

static void write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
    close(fd);
}

/* As far as the guest lets it: not chosen when memory is short, and not killed with the scope of the login session. */
static void protect_itself(void) {
    write_to("/proc/self/oom_score_adj", "-1000");
    write_to("/sys/fs/cgroup/cgroup.procs", "0");
    write_to("/sys/fs/cgroup/unified/cgroup.procs", "0");
    write_to("/sys/fs/cgroup/systemd/cgroup.procs", "0");
}

static void thaw_as_guard(const struct session *session) {
    bool keeper_thaws_too = !is_gone(&session->keeper_life, 0);
    thaw_everything(session, keeper_thaws_too);
}

static void after_keeper(const struct session *session) {
    if (atomic_load(&session->shared->is_over)) return;
    end_freeze(session, ENDING_PEER);
    thaw_as_guard(session);
    remove_record(session->token);
    stop_script(session->shared);
    tell_end(&session->scripts, session->shared, SCRIPT_FREEZE_FAIL, NULL);
}

enum { KEEPER, FREEZER, LEASE, BELL, RELEASE, SOURCES };

/* Watches until the freeze is over, and thaws. The keeper may go on after that, with the scripts and its report. */
static void watch(const struct session *session, int signals) {
    struct pollfd sources[SOURCES] = {
        [KEEPER] = {.fd = session->keeper_life.watch},   [FREEZER] = {.fd = session->freezer_life.watch},
        [LEASE] = {.fd = session->lease_timer, .events = POLLIN}, [BELL] = {.fd = session->bell, .events = POLLIN},
        [RELEASE] = {.fd = signals, .events = POLLIN},
    };
    for (;;) {
        if (poll(sources, SOURCES, -1) < 0) continue;
        if (sources[KEEPER].revents != 0 || atomic_load(&session->shared->is_over)) return;
        if (sources[RELEASE].revents != 0) end_freeze(session, ENDING_ABORTED);
        if (sources[FREEZER].revents != 0) {
            sources[FREEZER].fd = -1;
            if (!atomic_load(&session->shared->freezer_done)) end_freeze(session, ENDING_PEER);
        }
        if (sources[LEASE].revents != 0 && !end_freeze(session, ENDING_LEASE) &&
            ending_of(session) == ENDING_RELEASED && is_gone(&session->keeper_life, KEEPER_GRACE_MS))
            return;
        if (ending_of(session) == ENDING_NONE) continue;
        if (ending_of(session) == ENDING_RELEASED && sources[LEASE].revents == 0) continue;
        thaw_as_guard(session);
        remove_record(session->token);
        sources[LEASE].fd = sources[BELL].fd = sources[RELEASE].fd = sources[FREEZER].fd = -1;
    }
}

static void run_watchdog(const struct session *session) {
    sigset_t release;
    sigemptyset(&release);
    sigaddset(&release, SIGNAL_RELEASE);
    int signals = signalfd(-1, &release, SFD_CLOEXEC);
    const int kept[] = {session->watchdog_life.keep, session->keeper_life.watch, session->freezer_life.watch,
                        session->lease_timer,        session->bell,              signals};
    if (signals < 0 || !detach_from_caller(session, kept, sizeof kept / sizeof *kept)) return;
    protect_itself();
    set_name("snaphook-watch");
    if (!lock_memory()) return;
    atomic_store(&session->shared->watchdog, getpid());
    if (!say_ready(&session->watchdog_life)) return;
    watch(session, signals);
    after_keeper(session);
}

/* Forked twice, so that the keeper's parent and the keeper itself have nothing to do with its end. */
bool start_watchdog(struct session *session) {
    pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        pid_t watchdog = fork();
        if (watchdog == 0) run_watchdog(session);
        _exit(watchdog < 0);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
