#include "scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "program.h"

/* Between SIGTERM and SIGKILL, and from there until it is left behind. */
#define TERM_GRACE_MS 1000
#define TICK_MS 5
/* What is kept for each script that is still to be told the end, as long as there are so few that this is no more than its part. */
#define RESERVE_MS 5000

const char *script_phase_name(enum script_phase phase) {
    return phase == SCRIPT_FREEZE ? "freeze" : phase == SCRIPT_THAW ? "thaw" : "freezeFail";
}

/* Reads what there is and keeps the end of it. */
static void keep_output(int fd, char *output, size_t *length) {
    char part[SCRIPT_OUTPUT_MAX];
    ssize_t count;
    /* Not for longer than a full pipe lasts: one that never stops talking must not hold up its own time limit. */
    for (int turn = 0; turn < 64 && (count = read(fd, part, sizeof part)) > 0; turn++) {
        size_t added = (size_t)count;
        size_t kept = *length + added > SCRIPT_OUTPUT_MAX ? SCRIPT_OUTPUT_MAX - added : *length;
        memmove(output, output + (*length - kept), kept);
        memcpy(output + kept, part, added);
        *length = kept + added;
    }
    for (size_t at = 0; at < *length; at++)
        if (output[at] == '\0') output[at] = '?';
    output[*length] = '\0';
}

/*
 * Waits until it ends by itself; from `end_ns` on, or when interrupted, it is made to. False then. One that waits in the kernel,
 * for a dead server or a file system that stands still, does not even end by SIGKILL, and is left behind.
 */
static bool wait_for_script(pid_t child, int fd, int64_t end_ns, struct pollfd *interrupts, int interrupt_count,
                            struct script_result *result) {
    size_t length = 0;
    int64_t kill_ns = 0;
    while (!has_ended(child)) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, TICK_MS) == 1 && (readable.revents & POLLIN) == 0) poll(NULL, 0, TICK_MS);
        keep_output(fd, result->output, &length);
        bool interrupted = poll(interrupts, (nfds_t)interrupt_count, 0) > 0;
        if (kill_ns == 0 && (interrupted || now_ns() >= end_ns)) {
            kill(-child, SIGTERM);
            kill_ns = now_ns() + TERM_GRACE_MS * NS_PER_MS;
        }
        if (kill_ns != 0 && now_ns() >= kill_ns) kill(-child, SIGKILL);
        if (kill_ns != 0 && now_ns() >= kill_ns + TERM_GRACE_MS * NS_PER_MS) break;
    }
    keep_output(fd, result->output, &length);
    if (kill_ns != 0) kill(-child, SIGKILL);
    return kill_ns == 0;
}

static bool run_script(const struct script_set *scripts, struct shared *shared, int64_t end_ns,
                       struct pollfd *interrupts, int interrupt_count, struct script_result *result) {
    int output[2], status = 0;
    result->exit_code = -1;
    result->output[0] = '\0';
    if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    fcntl(output[1], F_SETFL, 0);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null >= 0)
            become_program(scripts->all[result->script].fd, script_phase_name(result->phase),
                           (struct standard_streams){null, output[1], output[1]});
        _exit(errno == ENOENT ? 127 : 126);
    }
    close(output[1]);
    if (child > 0) {
        setpgid(child, child);
        if (result->phase == SCRIPT_FREEZE) atomic_store(&shared->script_group, child);
        bool by_itself = wait_for_script(child, output[0], end_ns, interrupts, interrupt_count, result);
        atomic_store(&shared->script_group, 0);
        if (waitpid(child, &status, by_itself ? 0 : WNOHANG) == child && by_itself && WIFEXITED(status))
            result->exit_code = WEXITSTATUS(status);
    }
    close(output[0]);
    return result->exit_code == 0;
}

bool tell_freeze(const struct script_set *scripts, struct shared *shared, int64_t end_ns, struct pollfd *interrupts,
                 int interrupt_count, struct script_results *results) {
    for (int script = 0; script < scripts->count; script++) {
        if (poll(interrupts, (nfds_t)interrupt_count, 0) > 0) return false;
        struct script_result *result = &results->all[results->count++];
        *result = (struct script_result){.script = script, .phase = SCRIPT_FREEZE};
        atomic_store(&shared->script_state[script], SCRIPT_FROZE);
        if (!run_script(scripts, shared, end_ns, interrupts, interrupt_count, result)) return false;
    }
    return true;
}

int64_t end_of_phase(const struct session *session) { return now_ns() + session->scripts.budget_ms * NS_PER_MS; }

/*
 * All share one budget, but nobody can use up what is kept for those behind: RESERVE_MS each, or an equal part of the budget when
 * that is less. Whoever comes has at least that, also when others took their time to die.
 */
int64_t end_of_turn(const struct session *session, int64_t end_ns, int behind) {
    int64_t part_ns = session->scripts.budget_ms * NS_PER_MS / (session->scripts.count + session->plug_ins.count);
    int64_t kept_ns = part_ns < RESERVE_MS * NS_PER_MS ? part_ns : RESERVE_MS * NS_PER_MS;
    int64_t own_end_ns = end_ns - behind * kept_ns;
    int64_t least_ns = now_ns() + kept_ns;
    return own_end_ns > least_ns ? own_end_ns : least_ns;
}

void tell_end(const struct session *session, enum script_phase phase, int64_t end_ns, struct script_results *results) {
    static struct script_result unwanted;
    const struct script_set *scripts = &session->scripts;
    struct shared *shared = session->shared;
    for (int script = scripts->count - 1; script >= 0; script--) {
        int froze = SCRIPT_FROZE;
        if (!atomic_compare_exchange_strong(&shared->script_state[script], &froze, SCRIPT_TOLD_END)) continue;
        struct script_result *result = results == NULL ? &unwanted : &results->all[results->count++];
        *result = (struct script_result){.script = script, .phase = phase};
        run_script(scripts, shared, end_of_turn(session, end_ns, script), NULL, 0, result);
    }
}

void stop_script(struct shared *shared) {
    pid_t group = atomic_exchange(&shared->script_group, 0);
    if (group <= 0) return;
    int64_t kill_ns = now_ns() + TERM_GRACE_MS * NS_PER_MS;
    kill(-group, SIGTERM);
    while (kill(-group, 0) == 0 && now_ns() < kill_ns) poll(NULL, 0, TICK_MS);
    kill(-group, SIGKILL);
}
