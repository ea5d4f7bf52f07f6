#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

#define RECORD_FORMAT "snaphook-freeze 1"

void read_boot_id(char *boot_id, size_t room) {
    boot_id[0] = '\0';
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) return;
    if (fgets(boot_id, (int)room, file) != NULL) boot_id[strcspn(boot_id, "\n")] = '\0';
    fclose(file);
}

int open_record_directory(void) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC;
    int directory = open(RECORD_DIRECTORY, flags);
    /* On a file system that stands still mkdir would wait, also for what is there already. */
    if (directory < 0 && errno == ENOENT && (mkdir(RECORD_DIRECTORY, 0700) == 0 || errno == EEXIST))
        directory = open(RECORD_DIRECTORY, flags);
    struct stat status;
    if (directory < 0 || fstat(directory, &status) != 0) return -1;
    if (status.st_uid == 0 && (status.st_mode & 077) == 0) return directory;
    close(directory);
    errno = EPERM;
    return -1;
}

static void print_process(FILE *file, const char *role, pid_t pid) {
    fprintf(file, "%s %d %" PRId64 "\n", role, (int)pid, identify(pid).start);
}

static bool print_record(FILE *file, const struct session *session) {
    static char word[ESCAPED_PATH_MAX];
    fprintf(file, RECORD_FORMAT "\nboot %s\n", session->boot_id);
    print_process(file, "keeper", getpid());
    print_process(file, "watchdog", atomic_load(&session->shared->watchdog));
    print_process(file, "thawer", atomic_load(&session->shared->thawer));
    print_process(file, "freezer", atomic_load(&session->shared->freezer));
    for (int index = 0; index < session->file_system_count; index++) {
        escape_path(session->file_systems[index].mount_point, word, sizeof word);
        fprintf(file, "filesystem %s %s\n", session->file_systems[index].device, word);
    }
    return fflush(file) == 0;
}

bool write_record(const struct session *session) {
    char unnamed[64];
    int directory = open_record_directory();
    if (directory < 0) return false;
    bool written = false;
    /* Without a name until it is complete. */
    int fd = openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file != NULL) {
        snprintf(unnamed, sizeof unnamed, "/proc/self/fd/%d", fd);
        written = print_record(file, session) &&
                  linkat(AT_FDCWD, unnamed, directory, session->token, AT_SYMLINK_FOLLOW) == 0;
    }
    int error = errno;
    if (file != NULL) fclose(file);
    else if (fd >= 0) close(fd);
    close(directory);
    errno = error;
    return written;
}

void remove_record(const char *token) {
    char path[sizeof RECORD_DIRECTORY + TOKEN_LENGTH + 1];
    snprintf(path, sizeof path, RECORD_DIRECTORY "/%s", token);
    unlink(path);
}

static bool parse_process(char **rest, struct process_id *process) {
    int64_t pid;
    if (!parse_number(next_word(rest), &pid) || pid < 1 || pid > INT32_MAX) return false;
    process->pid = (pid_t)pid;
    return parse_number(next_word(rest), &process->start);
}

static bool parse_file_system(char **rest, struct record *record) {
    static char path[PATH_MAX];
    const char *device = next_word(rest);
    const char *word = next_word(rest);
    if (record->file_system_count == MAX_FILE_SYSTEMS || device == NULL || word == NULL) return false;
    struct recorded_file_system *file_system = &record->file_systems[record->file_system_count];
    if (!copy_text(file_system->device, sizeof file_system->device, device)) return false;
    if (!unescape_path(word, path, sizeof path)) return false;
    file_system->mount_point = strdup(path);
    if (file_system->mount_point == NULL) return false;
    record->file_system_count++;
    return true;
}

static bool parse_line(char *line, struct record *record) {
    char *rest = line;
    const char *word = next_word(&rest);
    if (word == NULL) return false;
    if (strcmp(word, "keeper") == 0) return parse_process(&rest, &record->keeper);
    if (strcmp(word, "watchdog") == 0) return parse_process(&rest, &record->watchdog);
    if (strcmp(word, "thawer") == 0) return parse_process(&rest, &record->thawer);
    if (strcmp(word, "freezer") == 0) return parse_process(&rest, &record->freezer);
    if (strcmp(word, "filesystem") == 0) return parse_file_system(&rest, record);
    const char *boot_id = strcmp(word, "boot") == 0 ? next_word(&rest) : NULL;
    return boot_id != NULL && copy_text(record->boot_id, sizeof record->boot_id, boot_id);
}

static bool parse_record(FILE *file, struct record *record) {
    char *line = NULL;
    size_t room = 0;
    bool good = getline(&line, &room, file) > 0 && strcmp(line, RECORD_FORMAT "\n") == 0;
    while (good && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        good = parse_line(line, record);
    }
    free(line);
    return good && record->boot_id[0] != '\0' && record->keeper.pid != 0 && record->watchdog.pid != 0 &&
           record->thawer.pid != 0 && record->freezer.pid != 0;
}

enum record_reading read_record(const char *token, struct record *record) {
    memset(record, 0, sizeof *record);
    int directory = open_record_directory();
    if (directory < 0) return RECORD_UNREADABLE;
    /* The access time of a file on a file system that stands still must not be wanted. */
    int fd = openat(directory, token, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    enum record_reading reading = fd < 0 && errno == ENOENT ? RECORD_ABSENT : RECORD_UNREADABLE;
    record->file = fd < 0 ? NULL : fdopen(fd, "r");
    if (record->file != NULL && parse_record(record->file, record)) reading = RECORD_READ;
    else if (record->file != NULL) free_record(record);
    else if (fd >= 0) close(fd);
    close(directory);
    return reading;
}

bool lock_record(const struct record *record) { return flock(fileno(record->file), LOCK_EX | LOCK_NB) == 0; }

bool is_removed(const struct record *record) {
    struct stat status;
    return fstat(fileno(record->file), &status) != 0 || status.st_nlink == 0;
}

void free_record(struct record *record) {
    for (int index = 0; index < record->file_system_count; index++) free(record->file_systems[index].mount_point);
    record->file_system_count = 0;
    if (record->file != NULL) fclose(record->file);
    record->file = NULL;
}
