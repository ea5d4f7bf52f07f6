#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "facts.h"
#include "guards.h"
#include "input.h"
#include "plug-ins.h"
#include "process.h"
#include "record.h"
#include "release.h"
#include "report.h"
#include "script-search.h"
#include "scripts.h"
#include "selection.h"
#include "thaw.h"
#include "window.h"
#include "words.h"

#define MIN_LEASE_MS 100
#define MAX_LEASE_MS 600000
#define MAX_LIFE_MS 86400000

static struct session session = {
    .keeper_life = {-1, -1}, .watchdog_life = {-1, -1}, .thawer_life = {-1, -1}, .freezer_life = {-1, -1},
    .lease_timer = -1,       .bell = -1,                .go_read = -1,           .go_write = -1,
};
static enum phase phase = PHASE_IDLE;
/* `prepare` was taken. */
static bool has_terms;
/* Guards are there, so there may be something to end. */
static bool is_guarded;
/* Why the session ended without being asked; NULL otherwise. */
static const char *ended_because;
static struct script_results results;
static int signals = -1;
static int life_timer = -1;
static struct serve_options options;

static void forget_terms(void) {
    for (int index = 0; index < session.file_system_count; index++) {
        if (session.file_systems[index].fd >= 0) close(session.file_systems[index].fd);
        free(session.file_systems[index].mount_point);
    }
    session.file_system_count = 0;
    close_scripts(&session.scripts);
    close_scripts(&session.plug_ins);
    session.plug_ins.directory[0] = '\0';
    has_terms = false;
}

/* After the thaw. What was told to freeze last goes on first. */
static void let_applications_go_on(enum script_phase how) {
    int64_t end_ns = end_of_phase(&session);
    unquiesce_plug_ins(&session, how, end_ns, &results);
    tell_end(&session, how, end_ns, &results);
}

/* Thaws, tells scripts and plug-ins, and lets the guards go. */
static void end_session(void) {
    if (!is_guarded) return;
    end_guarded_freeze(&session);
    let_applications_go_on(SCRIPT_FREEZE_FAIL);
    dismiss_guards(&session);
    is_guarded = false;
    phase = PHASE_FINISHED;
}

/* `failed` promises that nothing of ours stands still and that the scripts know, so it is said after that. */
static void fail(const char *object, const char *message, int error) {
    struct failure failure = {.object = object, .message = message, .error = error};
    enum phase failed_in = phase;
    end_session();
    report_failed(&session, failed_in, &failure, &results);
    /* Last: the object may be a part of them. */
    if (phase == PHASE_IDLE) forget_terms();
}

static void fail_order(const char *command) {
    if (phase == PHASE_FINISHED) return fail(command, ended_because != NULL ? ended_because : "the session is over", 0);
    fail(command, "is not what comes now", 0);
}

/* The last word of a line: where the programs lie that this set is for, or `-`. False when it was refused. */
static bool take_folder(char *rest, struct script_set *set) {
    static char path[PATH_MAX];
    const char *word = next_word(&rest);
    if (word == NULL || rest != NULL || !unescape_path(word, path, sizeof path)) {
        fail("", "a directory or - must come last", 0);
        return false;
    }
    bool none = strcmp(path, "-") == 0;
    if (!none && path[0] != '/') {
        fail(path, "is no absolute path", 0);
        return false;
    }
    if (!none && !may_hold_scripts(path, options.scripts)) {
        fail(path, "is not below /etc/snaphook, nor below what `serve --scripts` allows", 0);
        return false;
    }
    return copy_text(set->directory, sizeof set->directory, none ? "" : path);
}

static void prepare(char *rest) {
    int64_t lease_ms, life_ms, script_ms;
    if (phase != PHASE_IDLE || has_terms) return fail_order("prepare");
    if (!parse_number(next_word(&rest), &lease_ms) || !parse_number(next_word(&rest), &life_ms) ||
        !parse_number(next_word(&rest), &script_ms))
        return fail("", "lease, life and script time must be milliseconds", 0);
    if (lease_ms < MIN_LEASE_MS || lease_ms > MAX_LEASE_MS) return fail("", "the lease must be 100 to 600000 ms", 0);
    if (life_ms < 1 || life_ms > MAX_LIFE_MS || script_ms > MAX_LIFE_MS)
        return fail("", "life and script time must be at most a day", 0);
    if (!take_folder(rest, &session.scripts)) return;
    session.lease_ms = lease_ms;
    session.life_ms = life_ms;
    session.scripts.budget_ms = script_ms;
    has_terms = true;
}

static void name_plug_ins(char *rest) {
    if (phase != PHASE_IDLE || !has_terms || session.plug_ins.directory[0] != '\0') return fail_order("plug-ins");
    take_folder(rest, &session.plug_ins);
}

static void add_file_system(char *rest) {
    static char path[PATH_MAX];
    if (phase != PHASE_IDLE || !has_terms) return fail_order("filesystem");
    const char *device = next_word(&rest);
    const char *word = next_word(&rest);
    if (device == NULL || word == NULL || rest != NULL || !unescape_path(word, path, sizeof path))
        return fail("", "a device and a mount point must come", 0);
    if (path[0] != '/') return fail(path, "is no absolute path", 0);
    if (session.file_system_count == MAX_FILE_SYSTEMS) return fail(path, "is one file system too many", 0);
    struct file_system *file_system = &session.file_systems[session.file_system_count];
    if (!copy_text(file_system->device, sizeof file_system->device, device)) return fail(path, "is another device now", 0);
    file_system->fd = -1;
    file_system->mount_point = strdup(path);
    if (file_system->mount_point == NULL) return fail(path, "does not fit into memory", ENOMEM);
    session.file_system_count++;
}

static void start_life(void) {
    struct itimerspec life = {
        .it_value = {.tv_sec = session.life_ms / 1000, .tv_nsec = session.life_ms % 1000 * NS_PER_MS}};
    timerfd_settime(life_timer, 0, &life, NULL);
}

/* While scripts and plug-ins are at work only the end of the client and of a guard is heard; lines stay where they are. */
static bool make_applications_quiet(void) {
    struct pollfd interrupts[] = {
        {.fd = STDIN_FILENO, .events = POLLRDHUP},
        {.fd = signals, .events = POLLIN},
        {.fd = session.watchdog_life.watch},
        {.fd = session.thawer_life.watch},
        {.fd = session.freezer_life.watch},
        {.fd = session.bell, .events = POLLIN},
    };
    const int count = sizeof interrupts / sizeof *interrupts;
    int64_t end_ns = end_of_phase(&session);
    return tell_freeze(&session.scripts, session.shared, end_ns, interrupts, count, &results) &&
           quiesce_plug_ins(&session, end_ns, interrupts, count, &results);
}

static void fail_script(void) {
    char path[PATH_MAX + NAME_MAX + 2] = "";
    if (results.count > 0) {
        const struct script_result *last = &results.all[results.count - 1];
        const struct script_set *set = last->is_plug_in ? &session.plug_ins : &session.scripts;
        snprintf(path, sizeof path, "%s/%s", set->directory, set->all[last->script].name);
    }
    fail(path, "a script did not freeze, or was interrupted", 0);
}

static void become_ready(const struct mounts *mounts) {
    struct script_problem problem;
    int index, error = 0;
    struct script_set *const sets[] = {&session.scripts, &session.plug_ins};
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
        if (sets[set]->directory[0] != '\0' && !find_scripts(sets[set], &problem))
            return fail(problem.object, problem.message, problem.error);
    const char *wrong = open_file_systems(&session, mounts, &index, &error);
    if (wrong != NULL) return fail(session.file_systems[index].mount_point, wrong, error);
    const char *failure = start_guards(&session);
    is_guarded = session.shared != NULL && session.freezer_life.watch >= 0;
    if (failure != NULL) return fail("", failure, errno);
    start_life();
    if (!make_applications_quiet()) return fail_script();
    phase = PHASE_PREPARED;
    report_ready(&session, own_file_system(&session, mounts), &results);
}

static void ready(void) {
    struct mounts mounts;
    if (phase != PHASE_IDLE || !has_terms) return fail_order("ready");
    if (session.file_system_count == 0) return fail("", "no file system was named", 0);
    if (!read_mounts(&mounts)) return fail("", "the mounts cannot be read", errno);
    become_ready(&mounts);
    free_mounts(&mounts);
}

static void fail_freeze(void) {
    static const char *const messages[] = {
        [ENDING_NONE] = "the freezer cannot be reached",
        [ENDING_RELEASED] = "was released too early",
        [ENDING_LEASE] = "did not freeze within the lease",
        [ENDING_END_OF_INPUT] = "the client is gone",
        [ENDING_ABORTED] = "was aborted",
        [ENDING_PEER] = "another process of the session died",
        [ENDING_REFUSED] = "the lease cannot be armed",
    };
    enum ending ending = ending_of(&session);
    for (int index = 0; index < session.file_system_count; index++) {
        int error = atomic_load(&session.shared->fs_errno[index]);
        if (ending != ENDING_REFUSED || atomic_load(&session.shared->fs_state[index]) != FS_REFUSED) continue;
        return fail(session.file_systems[index].mount_point,
                    error == EBUSY ? "is frozen already by somebody else" : "cannot be frozen", error);
    }
    fail("", messages[ending], 0);
}

static void freeze(void) {
    if (phase != PHASE_PREPARED) return fail_order("freeze");
    phase = PHASE_FREEZE;
    if (!begin_freeze(&session) || !wait_until_frozen(&session, signals)) return fail_freeze();
    int64_t frozen_ns = atomic_load(&session.shared->frozen_ns);
    phase = PHASE_FROZEN;
    report_time("frozen", "freezeMs", frozen_ns - atomic_load(&session.shared->freeze_begin_ns));
    wait_until_released(&session, signals);
    int64_t held_ns = now_ns() - frozen_ns;
    end_guarded_freeze(&session);
    bool released = was_held(&session);
    report_time(released ? "thawed" : "expired", "heldMs", held_ns);
    let_applications_go_on(released ? SCRIPT_THAW : SCRIPT_FREEZE_FAIL);
    dismiss_guards(&session);
    is_guarded = false;
    phase = PHASE_FINISHED;
    report_finished(&session, &results);
}

static void abort_session(void) {
    end_session();
    if (phase == PHASE_IDLE) forget_terms();
    report_aborted();
}

/* False when the client wants to end. */
static bool obey(char *line) {
    char *rest = line;
    const char *command = next_word(&rest);
    results.count = 0;
    if (command == NULL) fail("", "an empty line is no command", 0);
    else if (strcmp(command, "facts") == 0) print_facts(options.sysfs);
    else if (strcmp(command, "prepare") == 0) prepare(rest);
    else if (strcmp(command, "plug-ins") == 0) name_plug_ins(rest);
    else if (strcmp(command, "filesystem") == 0) add_file_system(rest);
    else if (strcmp(command, "ready") == 0) ready();
    else if (strcmp(command, "freeze") == 0) freeze();
    else if (strcmp(command, "status") == 0) report_status(phase);
    else if (strcmp(command, "abort") == 0) abort_session();
    else if (strcmp(command, "quit") == 0) return false;
    else fail("", "is no command", 0);
    return true;
}

static bool obey_lines(void) {
    bool overlong;
    for (char *line; (line = take_line(&overlong)) != NULL;) {
        if (overlong) {
            results.count = 0;
            fail("", "the line is too long", 0);
        } else if (!obey(line)) {
            return false;
        }
    }
    return true;
}

enum { INPUT, SIGNALS, LIFE, BELL, WATCHDOG, THAWER, FREEZER, SOURCES };

/* Outside the window. False when the session is to end with this process. */
static bool wait_for_client(void) {
    struct pollfd sources[SOURCES] = {
        [INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
        [SIGNALS] = {.fd = signals, .events = POLLIN},
        [LIFE] = {.fd = life_timer, .events = POLLIN},
        [BELL] = {.fd = session.bell, .events = POLLIN},
        [WATCHDOG] = {.fd = session.watchdog_life.watch},
        [THAWER] = {.fd = session.thawer_life.watch},
        [FREEZER] = {.fd = session.freezer_life.watch},
    };
    if (poll(sources, is_guarded ? SOURCES : BELL, -1) < 0) return errno == EINTR;
    if (sources[SIGNALS].revents != 0 || sources[LIFE].revents != 0) return false;
    if (sources[BELL].revents != 0 || sources[WATCHDOG].revents != 0 || sources[THAWER].revents != 0 ||
        sources[FREEZER].revents != 0) {
        end_freeze(&session, ENDING_PEER);
        ended_because = ending_of(&session) == ENDING_ABORTED ? "the session was released from outside"
                                                              : "another process of the session died";
        results.count = 0;
        end_session();
    }
    return sources[INPUT].revents == 0 || read_input();
}

static bool begin_session(void) {
    unsigned char bytes[TOKEN_LENGTH / 2];
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGHUP);
    sigaddset(&caught, SIGINT);
    signals = signalfd(-1, &caught, SFD_CLOEXEC);
    /* The watchdog's: blocked before it is there to hear it. */
    sigaddset(&caught, SIGUSR1);
    life_timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    if (signals < 0 || life_timer < 0 || sigprocmask(SIG_BLOCK, &caught, NULL) != 0) return false;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
    for (size_t at = 0; at < sizeof bytes; at++) snprintf(session.token + 2 * at, 3, "%02x", bytes[at]);
    read_boot_id(session.boot_id, sizeof session.boot_id);
    return true;
}

int serve(struct serve_options given) {
    options = given;
    if (geteuid() != 0) {
        fputs("snaphook-freeze: must be started as root\n", stderr);
        return 1;
    }
    if (!close_all_but(NULL, 0) || !begin_session()) {
        perror("snaphook-freeze");
        return 1;
    }
    sweep_records();
    report_hello(&session);
    while (obey_lines() && wait_for_client()) continue;
    results.count = 0;
    end_session();
    return 0;
}
