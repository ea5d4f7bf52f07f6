#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a program finds itself; any number will do. */
#define PROGRAM_FD 3
#define TEXT_OF_NUMBER(number) #number
#define TEXT_OF(number) TEXT_OF_NUMBER(number)

void become_program(int program, const char *argument, struct standard_streams streams) {
    char path[] = "/proc/self/fd/" TEXT_OF(PROGRAM_FD);
    char *const arguments[] = {path, (char *)(uintptr_t)argument, NULL};
    char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    /* The watchdog's protection is its own. */
    int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom >= 0 && write(oom, "0", 1) != 1) close(oom);
    if (dup2(streams.input, STDIN_FILENO) < 0 || dup2(streams.output, STDOUT_FILENO) < 0 ||
        dup2(streams.error, STDERR_FILENO) < 0)
        return;
    /* What `#!` names opens the program by this path, so it must stay open: without FD_CLOEXEC. */
    if (program == PROGRAM_FD ? fcntl(program, F_SETFD, 0) != 0 : dup2(program, PROGRAM_FD) < 0) return;
    execve(path, arguments, environment);
}

bool has_ended(pid_t child) {
    siginfo_t information = {0};
    return waitid(P_PID, (id_t)child, &information, WEXITED | WNOHANG | WNOWAIT) == 0 && information.si_pid == child;
}
