#include "scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* Between SIGTERM and SIGKILL, and from there until it is left behind. */
#define TERM_GRACE_MS 1000
#define TICK_MS 5
/* What is kept for each script that is still to be told the end, as long as there are so few that this is no more than its part. */
#define RESERVE_MS 5000
/* Where a script finds itself; any number will do. */
#define SCRIPT_FD 3
#define TEXT_OF_NUMBER(number) #number
#define TEXT_OF(number) TEXT_OF_NUMBER(number)

const char *script_phase_name(enum script_phase phase) {
    return phase == SCRIPT_FREEZE ? "freeze" : phase == SCRIPT_THAW ? "thaw" : "freezeFail";
}

static void become_script(int script, enum script_phase phase, int output) {
    char path[] = "/proc/self/fd/" TEXT_OF(SCRIPT_FD);
    char *const arguments[] = {path, (char *)(uintptr_t)script_phase_name(phase), NULL};
    char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* The watchdog's protection is its own. */
    int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom >= 0 && write(oom, "0", 1) != 1) close(oom);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        return;
    /* What `#!` names opens the script by this path, so it must stay open: without FD_CLOEXEC. */
    if (script == SCRIPT_FD ? fcntl(script, F_SETFD, 0) != 0 : dup2(script, SCRIPT_FD) < 0) return;
    execve(path, arguments, environment);
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

static bool has_ended(pid_t child) {
    siginfo_t information = {0};
    return waitid(P_PID, (id_t)child, &information, WEXITED | WNOHANG | WNOWAIT) == 0 && information.si_pid == child;
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
        become_script(scripts->all[result->script].fd, result->phase, output[1]);
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

bool tell_freeze(const struct script_set *scripts, struct shared *shared, struct pollfd *interrupts, int interrupt_count,
                 struct script_results *results) {
    int64_t end_ns = now_ns() + scripts->budget_ms * NS_PER_MS;
    for (int script = 0; script < scripts->count; script++) {
        if (poll(interrupts, (nfds_t)interrupt_count, 0) > 0) return false;
        struct script_result *result = &results->all[results->count++];
        *result = (struct script_result){.script = script, .phase = SCRIPT_FREEZE};
        atomic_store(&shared->script_state[script], SCRIPT_FROZE);
        if (!run_script(scripts, shared, end_ns, interrupts, interrupt_count, result)) return false;
    }
    return true;
}

/*
 * All share one budget, but nobody can use up what is kept for those behind: RESERVE_MS each, or an equal part of the budget when
 * that is less. Whoever comes has at least that, also when others took their time to die.
 */
static int64_t end_of_turn(const struct script_set *scripts, int64_t end_ns, int behind) {
    int64_t part_ns = scripts->budget_ms * NS_PER_MS / scripts->count;
    int64_t kept_ns = part_ns < RESERVE_MS * NS_PER_MS ? part_ns : RESERVE_MS * NS_PER_MS;
    int64_t own_end_ns = end_ns - behind * kept_ns;
    int64_t least_ns = now_ns() + kept_ns;
    return own_end_ns > least_ns ? own_end_ns : least_ns;
}

void tell_end(const struct script_set *scripts, struct shared *shared, enum script_phase phase,
              struct script_results *results) {
    static struct script_result unwanted;
    int64_t end_ns = now_ns() + scripts->budget_ms * NS_PER_MS;
    for (int script = scripts->count - 1; script >= 0; script--) {
        int froze = SCRIPT_FROZE;
        if (!atomic_compare_exchange_strong(&shared->script_state[script], &froze, SCRIPT_TOLD_END)) continue;
        struct script_result *result = results == NULL ? &unwanted : &results->all[results->count++];
        *result = (struct script_result){.script = script, .phase = phase};
        run_script(scripts, shared, end_of_turn(scripts, end_ns, script), NULL, 0, result);
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
