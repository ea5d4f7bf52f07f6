#include "script-search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

#define OWN_FOLDER "/etc/snaphook"

static bool is_at_or_below(const char *path, const char *folder) {
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool leads_up(const char *path) {
    for (const char *at = path; (at = strstr(at, "/..")) != NULL; at += 3)
        if (at[3] == '\0' || at[3] == '/') return true;
    return false;
}

bool may_hold_scripts(const char *directory, const char *named) {
    if (leads_up(directory)) return false;
    return is_at_or_below(directory, OWN_FOLDER) || (named != NULL && is_at_or_below(directory, named));
}

static bool refuse(struct script_problem *problem, const char *message, int error) {
    problem->message = message;
    problem->error = error;
    return false;
}

/* Also a sticky directory is refused: there anybody may make what is missing. */
static bool is_safe(const struct stat *status) {
    return status->st_uid == 0 && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Opens the next part of the path and closes the directory it is in. -1 when it is not there, or must not be used. */
static int enter(int directory, const char *name, struct script_problem *problem) {
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    if (directory >= 0) close(directory);
    if (fd < 0 && error != ENOENT) refuse(problem, "is no directory that can be read, or is a symbolic link", error);
    if (fd < 0) return -1;
    if (fstat(fd, &status) == 0 && is_safe(&status)) return fd;
    refuse(problem, "must belong to root and be writable by nobody else", 0);
    close(fd);
    return -1;
}

/* Part by part: whoever may change a directory on the way decides what the whole path leads to. */
static int open_safe_directory(const char *path, struct script_problem *problem) {
    static char parts[PATH_MAX];
    copy_text(parts, sizeof parts, path);
    copy_text(problem->object, sizeof problem->object, "/");
    int fd = enter(-1, "/", problem);
    char *rest = parts;
    for (char *part; fd >= 0 && (part = strsep(&rest, "/")) != NULL;) {
        if (*part == '\0') continue;
        size_t length = (size_t)(part - parts) + strlen(part);
        memcpy(problem->object, path, length);
        problem->object[length] = '\0';
        fd = enter(fd, part, problem);
    }
    return fd;
}

static bool add_script(struct script_set *scripts, int directory, const char *name, struct script_problem *problem) {
    struct stat status;
    snprintf(problem->object, sizeof problem->object, "%s/%s", scripts->directory, name);
    if (scripts->count == MAX_SCRIPTS) return refuse(problem, "is one script too many", 0);
    /* O_PATH neither waits for a pipe nor follows a link, and is enough to run it. */
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        refuse(problem, "cannot be read", errno);
        if (fd >= 0) close(fd);
        return false;
    }
    struct script *script = &scripts->all[scripts->count++];
    script->fd = fd;
    copy_text(script->name, sizeof script->name, name);
    if (!S_ISREG(status.st_mode)) return refuse(problem, "is no plain file", 0);
    if (!is_safe(&status)) return refuse(problem, "must belong to root and be writable by nobody else", 0);
    if ((status.st_mode & S_IXUSR) == 0) return refuse(problem, "is not executable", 0);
    return true;
}

static int by_bytes(const void *one, const void *other) {
    const struct script *left = one, *right = other;
    return strcmp(left->name, right->name);
}

bool find_scripts(struct script_set *scripts, struct script_problem *problem) {
    scripts->count = 0;
    problem->message = NULL;
    int fd = open_safe_directory(scripts->directory, problem);
    if (fd < 0) return problem->message == NULL;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return refuse(problem, "cannot be read", errno);
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            good = add_script(scripts, fd, entry->d_name, problem);
    closedir(directory);
    if (good) qsort(scripts->all, (size_t)scripts->count, sizeof scripts->all[0], by_bytes);
    else close_scripts(scripts);
    return good;
}

void close_scripts(struct script_set *scripts) {
    for (int index = 0; index < scripts->count; index++) close(scripts->all[index].fd);
    scripts->count = 0;
}
