/* What is left of a session when all its processes are dead: a file in /run/snaphook, named by the token. */
#ifndef SNAPHOOK_RECORD_H
#define SNAPHOOK_RECORD_H

#include <stdio.h>

#include "process.h"
#include "session.h"

#define RECORD_DIRECTORY "/run/snaphook"

struct recorded_file_system {
    char device[DEVICE_LENGTH];
    char *mount_point;
};

struct record {
    /* Open as long as the record is in memory: what is locked, and what tells whether it is still there. */
    FILE *file;
    char boot_id[64];
    struct process_id keeper;
    struct process_id watchdog;
    struct process_id thawer;
    struct process_id freezer;
    int file_system_count;
    struct recorded_file_system file_systems[MAX_FILE_SYSTEMS];
};

/* Empty when it cannot be read. */
void read_boot_id(char *boot_id, size_t room);

/* The directory, made if need be; -1 with errno. EPERM when it is not root's alone. */
int open_record_directory(void);

/* Complete and closed, or not there at all. */
bool write_record(const struct session *session);
void remove_record(const char *token);

enum record_reading { RECORD_READ, RECORD_ABSENT, RECORD_UNREADABLE };

enum record_reading read_record(const char *token, struct record *record);
/* Only one at a time may thaw by a record. False when somebody else does. */
bool lock_record(const struct record *record);
/* Whoever thawed everything removed it: what it names may be frozen by a stranger since. */
bool is_removed(const struct record *record);
void free_record(struct record *record);

#endif
