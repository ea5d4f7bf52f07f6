/* The table of mounts, /proc/self/mountinfo (proc_pid_mountinfo(5)). Paths are plain bytes here. */
#ifndef SNAPHOOK_MOUNTS_H
#define SNAPHOOK_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount {
    int64_t id;
    /* `major:minor` of the superblock: the same for all mounts of it, also for btrfs, where st_dev is not. */
    char *device;
    char *root;
    char *mount_point;
    char *file_system;
    char *source;
};

struct mounts {
    struct mount *all;
    size_t count;
};

/* False with errno. Lines that are no mounts are left out. */
bool read_mounts(struct mounts *mounts);
void free_mounts(struct mounts *mounts);

/* The mount that is seen at that path: of several on top of each other the last one. NULL for none. */
const struct mount *mount_at(const struct mounts *mounts, const char *mount_point);
/* The mount in which an open file lies. NULL when the table has it not (any more). */
const struct mount *mount_of(const struct mounts *mounts, int fd);

#endif
