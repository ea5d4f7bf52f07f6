#include "scripts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "words.h"

/* Between SIGTERM and SIGKILL. */
#define TERM_GRACE_MS 1000
#define TICK_MS 5

const char *script_phase_name(enum script_phase phase) {
    return phase == SCRIPT_FREEZE ? "freeze" : phase == SCRIPT_THAW ? "thaw" : "freezeFail";
}

static bool refuse(struct script_problem *problem, const char *message, int error) {
    problem->message = message;
    problem->error = error;
    return false;
}

static bool is_safe(const struct stat *status) {
    return status->st_uid == 0 && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int by_bytes(const void *one, const void *other) { return strcmp(one, other); }

static bool add_script(struct script_set *scripts, int directory, const char *name, struct script_problem *problem) {
    struct stat status;
    snprintf(problem->object, sizeof problem->object, "%s/%s", scripts->directory, name);
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return refuse(problem, "cannot be read", errno);
    if (!S_ISREG(status.st_mode)) return refuse(problem, "is no plain file", 0);
    if (!is_safe(&status)) return refuse(problem, "must belong to root and be writable by nobody else", 0);
    if ((status.st_mode & S_IXUSR) == 0) return refuse(problem, "is not executable", 0);
    if (scripts->count == MAX_SCRIPTS) return refuse(problem, "is one script too many", 0);
    copy_text(scripts->names[scripts->count++], sizeof scripts->names[0], name);
    return true;
}

bool find_scripts(struct script_set *scripts, struct script_problem *problem) {
    struct stat status;
    scripts->count = 0;
    copy_text(problem->object, sizeof problem->object, scripts->directory);
    int fd = open(scripts->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return true;
    if (fd < 0) return refuse(problem, "is no directory that can be read", errno);
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return refuse(problem, "cannot be read", errno);
    }
    bool good = fstat(fd, &status) == 0 && is_safe(&status);
    if (!good) refuse(problem, "must belong to root and be writable by nobody else", 0);
    for (struct dirent *entry; good && (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            good = add_script(scripts, fd, entry->d_name, problem);
    closedir(directory);
    if (good) qsort(scripts->names, (size_t)scripts->count, sizeof scripts->names[0], by_bytes);
    return good;
}

static _Noreturn void become_script(const char *path, enum script_phase phase, int output) {
    char *const arguments[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)script_phase_name(phase), NULL};
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
        _exit(126);
    execve(path, arguments, environment);
    _exit(errno == ENOENT ? 127 : 126);
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

/* Waits until it ends by itself; from `end_ns` on, or when interrupted, it is made to. False then. */
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
    }
    keep_output(fd, result->output, &length);
    if (kill_ns != 0) kill(-child, SIGKILL);
    return kill_ns == 0;
}

static bool run_script(const struct script_set *scripts, struct shared *shared, int64_t end_ns,
                       struct pollfd *interrupts, int interrupt_count, struct script_result *result) {
    char path[PATH_MAX + NAME_MAX + 2];
    int output[2], status = 0;
    result->exit_code = -1;
    result->output[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", scripts->directory, scripts->names[result->script]);
    if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    fcntl(output[1], F_SETFL, 0);
    pid_t child = fork();
    if (child == 0) become_script(path, result->phase, output[1]);
    close(output[1]);
    if (child > 0) {
        setpgid(child, child);
        if (result->phase == SCRIPT_FREEZE) atomic_store(&shared->script_group, child);
        bool by_itself = wait_for_script(child, output[0], end_ns, interrupts, interrupt_count, result);
        atomic_store(&shared->script_group, 0);
        if (waitpid(child, &status, 0) == child && by_itself && WIFEXITED(status))
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

void tell_end(const struct script_set *scripts, struct shared *shared, enum script_phase phase,
              struct script_results *results) {
    static struct script_result unwanted;
    int64_t end_ns = now_ns() + scripts->budget_ms * NS_PER_MS;
    for (int script = scripts->count - 1; script >= 0; script--) {
        int froze = SCRIPT_FROZE;
        if (!atomic_compare_exchange_strong(&shared->script_state[script], &froze, SCRIPT_TOLD_END)) continue;
        struct script_result *result = results == NULL ? &unwanted : &results->all[results->count++];
        *result = (struct script_result){.script = script, .phase = phase};
        run_script(scripts, shared, end_ns, NULL, 0, result);
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
