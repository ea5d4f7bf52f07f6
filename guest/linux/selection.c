#include "selection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

/* The kernel freezes what has a block device of its own. `nodev` are tmpfs, nfs, cifs, overlay, proc, fuse and the like. */
static bool is_on_block_device(const char *type) {
    char line[256];
    /* `fuse.sshfs` is a `fuse`. */
    size_t length = strcspn(type, ".");
    FILE *file = fopen("/proc/filesystems", "re");
    if (file == NULL) return false;
    bool found = false, on_device = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        char *rest = line;
        const char *flag = strsep(&rest, "\t");
        found = rest != NULL && strncmp(rest, type, length) == 0 && rest[length] == '\n';
        on_device = found && *flag == '\0';
    }
    fclose(file);
    return on_device;
}

static const char *open_file_system(struct session *session, const struct mounts *mounts, int index, int *error) {
    struct file_system *wanted = &session->file_systems[index];
    const struct mount *mount = mount_at(mounts, wanted->mount_point);
    if (mount == NULL) return "is no mount point";
    if (strcmp(mount->device, wanted->device) != 0) return "is another device now";
    if (!is_on_block_device(mount->file_system)) return "is a kind of file system that cannot be frozen";
    for (int other = 0; other < index; other++)
        if (strcmp(session->file_systems[other].device, wanted->device) == 0) return "is a file system that is named already";
    wanted->fd = open(wanted->mount_point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (wanted->fd < 0) {
        *error = errno;
        return "cannot be opened";
    }
    if (mount_of(mounts, wanted->fd) != mount) return "leads to another mount";
    if (syncfs(wanted->fd) == 0) return NULL;
    *error = errno;
    return "cannot be synced";
}

const char *open_file_systems(struct session *session, const struct mounts *mounts, int *index, int *error) {
    for (*index = 0; *index < session->file_system_count; (*index)++) {
        const char *problem = open_file_system(session, mounts, *index, error);
        if (problem != NULL) return problem;
    }
    return NULL;
}

static const char *selected_with(const struct session *session, const struct mounts *mounts, int fd) {
    const struct mount *mount = fd < 0 ? NULL : mount_of(mounts, fd);
    for (int index = 0; mount != NULL && index < session->file_system_count; index++)
        if (strcmp(session->file_systems[index].device, mount->device) == 0)
            return session->file_systems[index].mount_point;
    return "";
}

const char *own_file_system(const struct session *session, const struct mounts *mounts) {
    int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    int records = open(RECORD_DIRECTORY, O_PATH | O_CLOEXEC);
    const char *mount_point = selected_with(session, mounts, program);
    if (*mount_point == '\0') mount_point = selected_with(session, mounts, records);
    if (program >= 0) close(program);
    if (records >= 0) close(records);
    return mount_point;
}
