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

/* Only if that mount point still shows that device: another file system is not ours to thaw. */
static int open_recorded(const struct mounts *mounts, const struct recorded_file_system *wanted) {
    const struct mount *mount = mount_at(mounts, wanted->mount_point);
    if (mount == NULL || strcmp(mount->device, wanted->device) != 0) return -1;
    int fd = open(wanted->mount_point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    if (fd < 0 || mount_of(mounts, fd) == mount) return fd;
    close(fd);
    return -1;
}

static void thaw_recorded(const int *fds) {
    for (int index = record.file_system_count - 1; index >= 0; index--)
        if (fds[index] >= 0) ioctl(fds[index], FITHAW, 0);
}

/* It may still sit in FIFREEZE and ends after that. Before, thawing a file system that lies on its one could wait for ever. */
static void wait_for_freezer(void) {
    int64_t kill_at_ns = now_ns() + FREEZER_GRACE_MS * NS_PER_MS;
    int64_t end_ns = now_ns() + WAIT_MS * NS_PER_MS;
    while (is_alive(record.freezer) && now_ns() < end_ns) {
        if (now_ns() > kill_at_ns) signal_process(record.freezer, SIGKILL);
        poll(NULL, 0, TICK_MS);
    }
}

/* For a session of which no guard lives. */
static bool thaw_by_record(const char *token) {
    int fds[MAX_FILE_SYSTEMS];
    struct mounts mounts;
    if (!read_mounts(&mounts)) return false;
    for (int index = 0; index < record.file_system_count; index++)
        fds[index] = open_recorded(&mounts, &record.file_systems[index]);
    free_mounts(&mounts);
    wait_for_freezer();
    thaw_recorded(fds);
    for (int index = 0; index < record.file_system_count; index++)
        if (fds[index] >= 0) close(fds[index]);
    if (is_alive(record.freezer)) return false;
    remove_record(token);
    return true;
}

static bool has_guard(void) {
    return is_alive(record.keeper) || is_alive(record.watchdog) || is_alive(record.thawer);
}

static bool is_recorded(const char *token) {
    char path[sizeof RECORD_DIRECTORY + TOKEN_LENGTH + 1];
    strcpy(path, RECORD_DIRECTORY "/");
    strcat(path, token);
    return access(path, F_OK) == 0;
}

/* Keeper and watchdog remove the record when everything is thawed. Without a watchdog the others end the session by themselves. */
static bool end_session(const char *token) {
    signal_process(record.watchdog, SIGNAL_RELEASE);
    int64_t end_ns = now_ns() + WAIT_MS * NS_PER_MS;
    while (is_recorded(token) && has_guard() && now_ns() < end_ns) poll(NULL, 0, TICK_MS);
    if (!is_recorded(token)) return true;
    return !has_guard() && thaw_by_record(token);
}

static int print_released(bool found) {
    json_begin_event("released");
    json_bool("found", found);
    json_end_event();
    return 0;
}

static int print_failed(const char *message, int error) {
    json_begin_event("failed");
    json_text("phase", "idle");
    json_text("object", "");
    json_text("message", message);
    json_number("errno", error);
    json_begin_array("scripts");
    json_end_array();
    json_end_event();
    return 1;
}

int release_session(const char *boot_id, const char *token) {
    char here[64];
    read_boot_id(here, sizeof here);
    if (!is_token(token)) return print_failed("the token must be 32 hex digits", 0);
    if (here[0] == '\0') return print_failed("the boot id cannot be read", errno);
    if (strcmp(here, boot_id) != 0) return print_released(false);
    enum record_reading reading = read_record(token, &record);
    if (reading == RECORD_ABSENT || (reading == RECORD_READ && strcmp(record.boot_id, here) != 0))
        return print_released(false);
    if (reading == RECORD_UNREADABLE) return print_failed("the record of the session cannot be read", errno);
    bool ended = end_session(token);
    free_record(&record);
    return ended ? print_released(true) : print_failed("the session has not ended", 0);
}

static void sweep(const char *token, const char *boot_id) {
    if (read_record(token, &record) != RECORD_READ) return;
    if (strcmp(record.boot_id, boot_id) != 0)
        remove_record(token);
    else if (!has_guard())
        thaw_by_record(token);
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
