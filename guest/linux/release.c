#include "release.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "mounts.h"
#include "record.h"
#include "watchdog.h"
#include "words.h"

#define WAIT_MS 30000
#define FREEZER_GRACE_MS 500
#define TICK_MS 2

static struct record record;

/* What keeps a session from being released. */
struct obstacle {
    const char *object;
    const char *message;
    int error;
};

static const struct obstacle no_obstacle;

/* -1 when another mount lies on it. */
static int open_mount(const struct mounts *mounts, const struct mount *mount) {
    int fd = open(mount->mount_point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    if (fd < 0 || mount_of(mounts, fd) == mount) return fd;
    close(fd);
    return -1;
}

static bool shows(const struct mount *mount, const char *device) { return strcmp(mount->device, device) == 0; }

/* By its own mount point, else by another one of that device: another file system is not ours to thaw. -1 when none leads to it. */
static int open_recorded(const struct mounts *mounts, const struct recorded_file_system *wanted, bool *is_mounted) {
    const struct mount *own = mount_at(mounts, wanted->mount_point);
    int fd = own == NULL || !shows(own, wanted->device) ? -1 : open_mount(mounts, own);
    *is_mounted = fd >= 0;
    for (size_t index = 0; fd < 0 && index < mounts->count; index++) {
        if (!shows(&mounts->all[index], wanted->device)) continue;
        *is_mounted = true;
        fd = open_mount(mounts, &mounts->all[index]);
    }
    return fd;
}

/* What is mounted nowhere (any more) cannot be reached and is no obstacle. */
static bool open_all_recorded(int *fds, struct obstacle *obstacle) {
    struct mounts mounts;
    bool complete = read_mounts(&mounts);
    if (!complete) *obstacle = (struct obstacle){"", "the mounts cannot be read", errno};
    for (int index = 0; index < record.file_system_count; index++) {
        bool is_mounted = false;
        fds[index] = complete ? open_recorded(&mounts, &record.file_systems[index], &is_mounted) : -1;
        if (fds[index] < 0 && is_mounted)
            *obstacle = (struct obstacle){record.file_systems[index].mount_point, "is mounted, but no mount point leads to it", 0};
    }
    free_mounts(&mounts);
    return complete;
}

static void thaw_recorded(const int *fds, struct obstacle *obstacle) {
    for (int index = record.file_system_count - 1; index >= 0; index--) {
        int result = 0;
        if (fds[index] < 0) continue;
        do result = ioctl(fds[index], FITHAW, 0);
        while (result != 0 && errno == EINTR);
        /* EINVAL: it is not frozen. */
        if (result != 0 && errno != EINVAL)
            *obstacle = (struct obstacle){record.file_systems[index].mount_point, "cannot be thawed", errno};
    }
}

/* It may still sit in FIFREEZE and ends after that. Before, thawing a file system that lies on its one could wait for ever. */
static bool wait_for_freezer(void) {
    int64_t kill_at_ns = now_ns() + FREEZER_GRACE_MS * NS_PER_MS;
    int64_t end_ns = now_ns() + WAIT_MS * NS_PER_MS;
    while (is_alive(record.freezer) && now_ns() < end_ns) {
        if (now_ns() > kill_at_ns) signal_process(record.freezer, SIGKILL);
        poll(NULL, 0, TICK_MS);
    }
    return !is_alive(record.freezer);
}

/* For a session of which no guard lives, with its record locked. What could not be thawed keeps its record, for the next who comes. */
static struct obstacle thaw_by_record(const char *token) {
    int fds[MAX_FILE_SYSTEMS];
    struct obstacle obstacle = no_obstacle;
    bool freezer_is_gone = open_all_recorded(fds, &obstacle) && wait_for_freezer();
    if (!is_removed(&record)) thaw_recorded(fds, &obstacle);
    for (int index = 0; index < record.file_system_count; index++)
        if (fds[index] >= 0) close(fds[index]);
    if (obstacle.message == NULL && !freezer_is_gone) obstacle = (struct obstacle){"", "the freezer has not ended", 0};
    if (obstacle.message == NULL) remove_record(token);
    return obstacle;
}

static bool has_guard(void) {
    return is_alive(record.keeper) || is_alive(record.watchdog) || is_alive(record.thawer);
}

/* Whoever thaws everything removes the record. Without a watchdog the others end the session by themselves. */
static struct obstacle end_session(const char *token) {
    signal_process(record.watchdog, SIGNAL_RELEASE);
    int64_t end_ns = now_ns() + WAIT_MS * NS_PER_MS;
    while (!is_removed(&record)) {
        if (!has_guard() && lock_record(&record)) return thaw_by_record(token);
        if (now_ns() >= end_ns) return (struct obstacle){"", "the session has not ended", 0};
        poll(NULL, 0, TICK_MS);
    }
    return no_obstacle;
}

static int print_released(bool found) {
    json_begin_event("released");
    json_bool("found", found);
    json_end_event();
    return 0;
}

static int print_failed(struct obstacle obstacle) {
    json_begin_event("failed");
    json_text("phase", "idle");
    json_path("object", obstacle.object);
    json_text("message", obstacle.message);
    json_number("errno", obstacle.error);
    json_begin_array("scripts");
    json_end_array();
    json_end_event();
    return 1;
}

int release_session(const char *boot_id, const char *token) {
    char here[64];
    read_boot_id(here, sizeof here);
    if (!is_token(token)) return print_failed((struct obstacle){"", "the token must be 32 hex digits", 0});
    if (here[0] == '\0') return print_failed((struct obstacle){"", "the boot id cannot be read", errno});
    if (strcmp(here, boot_id) != 0) return print_released(false);
    enum record_reading reading = read_record(token, &record);
    if (reading == RECORD_ABSENT || (reading == RECORD_READ && strcmp(record.boot_id, here) != 0))
        return print_released(false);
    if (reading == RECORD_UNREADABLE)
        return print_failed((struct obstacle){"", "the record of the session cannot be read", errno});
    struct obstacle obstacle = end_session(token);
    int code = obstacle.message == NULL ? print_released(true) : print_failed(obstacle);
    /* Last: the object is a part of it. */
    free_record(&record);
    return code;
}

static void sweep(const char *token, const char *boot_id) {
    if (read_record(token, &record) != RECORD_READ) return;
    if (strcmp(record.boot_id, boot_id) != 0) remove_record(token);
    else if (!has_guard() && lock_record(&record)) thaw_by_record(token);
    free_record(&record);
}

void sweep_records(void) {
    char boot_id[64];
    read_boot_id(boot_id, sizeof boot_id);
    int fd = open_record_directory();
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (is_token(entry->d_name)) sweep(entry->d_name, boot_id);
    closedir(directory);
}
