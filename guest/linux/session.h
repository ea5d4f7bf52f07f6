/* What the processes of a session share: one anonymous mapping, written with atomics only. */
#ifndef SNAPHOOK_SESSION_H
#define SNAPHOOK_SESSION_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_FILE_SYSTEMS 256
#define MAX_SCRIPTS 64
#define TOKEN_LENGTH 32
#define DEVICE_LENGTH 24

/* Of one file system. TRYING is written before FIFREEZE is called: only the freezer knows how that call ends. */
enum fs_state { FS_UNTRIED, FS_TRYING, FS_FROZEN, FS_REFUSED, FS_THAWED };

/* Why a freeze is over. The first to write it decides. */
enum ending {
    ENDING_NONE,
    ENDING_RELEASED,
    ENDING_LEASE,
    ENDING_END_OF_INPUT,
    ENDING_ABORTED,
    ENDING_PEER,
    ENDING_REFUSED,
};

/* What a script was told last. */
enum script_state { SCRIPT_UNTOLD, SCRIPT_FROZE, SCRIPT_TOLD_END };

struct shared {
    atomic_int ending;
    /* CLOCK_BOOTTIME in ns; 0 as long as the lease is not armed. */
    atomic_llong lease_end_ns;
    atomic_llong freeze_begin_ns;
    atomic_llong frozen_ns;
    /* The freezer came to its end by itself; what it did is in the states. */
    atomic_bool freezer_done;
    atomic_int fs_state[MAX_FILE_SYSTEMS];
    /* FIFREEZE answered success. */
    atomic_bool fs_was_frozen[MAX_FILE_SYSTEMS];
    /* Of the last FIFREEZE or FITHAW that failed. */
    atomic_int fs_errno[MAX_FILE_SYSTEMS];
    atomic_int script_state[MAX_SCRIPTS];
    /* Process group of the script that is told `freeze` now; 0 for none. */
    atomic_int script_group;
    atomic_int watchdog;
    atomic_int thawer;
    atomic_int freezer;
    /* The session needs no guard any more. */
    atomic_bool is_over;
};

struct file_system {
    char device[DEVICE_LENGTH];
    /* Plain bytes, as open(2) takes it. */
    char *mount_point;
    int fd;
};

/* A pipe whose write end only one process keeps: its end is a hang-up for whoever polls the read end. */
struct life_pipe {
    int watch;
    int keep;
};

struct script {
    char name[NAME_MAX + 1];
    /* Opened when it was checked: what runs is what was checked, whatever its path leads to by then. */
    int fd;
};

struct script_set {
    char directory[PATH_MAX];
    int count;
    struct script all[MAX_SCRIPTS];
    int64_t budget_ms;
};

struct session {
    char boot_id[64];
    char token[TOKEN_LENGTH + 1];
    int64_t lease_ms;
    int64_t life_ms;
    int file_system_count;
    struct file_system file_systems[MAX_FILE_SYSTEMS];
    /* Its budget is that of the plug-ins, too. */
    struct script_set scripts;
    struct script_set plug_ins;

    struct shared *shared;
    struct life_pipe keeper_life;
    struct life_pipe watchdog_life;
    struct life_pipe thawer_life;
    struct life_pipe freezer_life;
    /* timerfd, CLOCK_BOOTTIME. Nobody reads it, so its expiry wakes whoever polls it. */
    int lease_timer;
    /* eventfd, never read: rung when the freeze is over. */
    int bell;
    /* Pipe: one byte makes the freezer begin. */
    int go_read;
    int go_write;
};

static inline enum ending ending_of(const struct session *session) {
    return (enum ending)atomic_load(&session->shared->ending);
}

#endif
