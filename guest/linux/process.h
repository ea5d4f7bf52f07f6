/* What each of the processes does to itself, and how one is told from a later one with the same pid. */
#ifndef SNAPHOOK_PROCESS_H
#define SNAPHOOK_PROCESS_H

#include "session.h"

struct process_id {
    pid_t pid;
    /* Clock ticks since boot, field 22 of /proc/<pid>/stat. */
    int64_t start;
};

/* Start 0 when there is no such process. A zombie is no process any more. */
struct process_id identify(pid_t pid);
bool is_alive(struct process_id process);
/* Only if it is still that very process. */
bool signal_process(struct process_id process, int signal);

/* Closes every descriptor above 2 but these. */
bool close_all_but(const int *kept, int count);

/* A session of its own at `/`, /dev/null on 0 to 2, and no descriptor but those of the file systems and `kept`. */
bool detach_from_caller(const struct session *session, const int *kept, int count);

/* As far as the guest lets it: not chosen when memory is short, and not killed with the scope of the login session. */
void protect_itself(void);

/* Runs it in a process that is nobody's child and holds only what detach_from_caller leaves. False when it could not start. */
bool start_orphan(void (*run)(const struct session *), const struct session *session);

/* Every page there is and will be stays in memory and is there already, with room on the stack. False with errno. */
bool lock_memory(void);

/* In /proc/<pid>/comm; at most 15 characters. */
void set_name(const char *name);

bool open_life_pipe(struct life_pipe *life);
/* The process that keeps the pipe tells, once, that it is ready. */
bool say_ready(const struct life_pipe *life);
/* False when it died instead. */
bool wait_until_ready(const struct life_pipe *life);
/* The process that keeps the other end is gone; waits `wait_ms` for that. */
bool is_gone(const struct life_pipe *life, int wait_ms);

#endif
