#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_IN_USE (128 * 1024)

struct process_id identify(pid_t pid) {
    struct process_id process = {.pid = pid, .start = 0};
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return process;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return process;
    text[length] = '\0';
    /* The name of the program is in parentheses and may hold anything: fields are counted from the last one on. */
    char *at = strrchr(text, ')');
    char state;
    long long start;
    if (at == NULL || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
                             &state, &start) != 2)
        return process;
    if (state != 'Z' && state != 'X') process.start = start;
    return process;
}

bool is_alive(struct process_id process) {
    return process.start != 0 && identify(process.pid).start == process.start;
}

bool signal_process(struct process_id process, int signal) {
    int fd = (int)syscall(SYS_pidfd_open, process.pid, 0);
    /* Kernels before 5.3 have no pidfd; there the moment between look and signal stays. */
    bool without_pidfd = fd < 0 && errno == ENOSYS;
    bool sent = is_alive(process);
    if (sent && without_pidfd)
        sent = kill(process.pid, signal) == 0;
    else if (sent)
        sent = fd >= 0 && syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
    if (fd >= 0) close(fd);
    return sent;
}

static bool is_among(int fd, const int *kept, int count) {
    for (int index = 0; index < count; index++)
        if (kept[index] == fd) return true;
    return false;
}

bool close_all_but(const int *kept, int count) {
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) return false;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd > STDERR_FILENO && fd != dirfd(directory) && !is_among(fd, kept, count)) close(fd);
    }
    closedir(directory);
    return true;
}

bool detach_from_caller(const struct session *session, const int *kept, int count) {
    int all[MAX_FILE_SYSTEMS + MAX_SCRIPTS + 16];
    int total = 0;
    for (int index = 0; index < session->file_system_count; index++) all[total++] = session->file_systems[index].fd;
    for (int index = 0; index < count; index++) all[total++] = kept[index];
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || chdir("/") != 0) return false;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(null, fd) < 0) return false;
    return close_all_but(all, total);
}

static void write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
    close(fd);
}

void protect_itself(void) {
    write_to("/proc/self/oom_score_adj", "-1000");
    write_to("/sys/fs/cgroup/cgroup.procs", "0");
    write_to("/sys/fs/cgroup/unified/cgroup.procs", "0");
    write_to("/sys/fs/cgroup/systemd/cgroup.procs", "0");
}

bool start_orphan(void (*run)(const struct session *), const struct session *session) {
    pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        pid_t orphan = fork();
        if (orphan == 0) run(session);
        _exit(orphan < 0);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static __attribute__((noinline)) void touch_stack(void) {
    volatile char room[STACK_IN_USE];
    for (size_t at = 0; at < sizeof room; at += 1024) room[at] = 1;
}

bool lock_memory(void) {
    touch_stack();
    return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

void set_name(const char *name) { prctl(PR_SET_NAME, name); }

bool open_life_pipe(struct life_pipe *life) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    life->watch = ends[0];
    life->keep = ends[1];
    return true;
}

bool say_ready(const struct life_pipe *life) { return write(life->keep, "", 1) == 1; }

bool wait_until_ready(const struct life_pipe *life) {
    char ready;
    ssize_t count;
    do count = read(life->watch, &ready, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

bool is_gone(const struct life_pipe *life, int wait_ms) {
    struct pollfd end = {.fd = life->watch, .events = 0};
    return poll(&end, 1, wait_ms) == 1;
}
