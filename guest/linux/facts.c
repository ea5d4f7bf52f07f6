#include "facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "mounts.h"
#include "words.h"

#define TEXT_MAX 4096

/* Reads a small file below an open directory, without the blanks around; empty when it cannot be read. */
static size_t read_bytes(int directory, const char *name, char *text, size_t room) {
    text[0] = '\0';
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    size_t used = 0;
    for (ssize_t count; used < room - 1 && (count = read(fd, text + used, room - 1 - used)) > 0;) used += (size_t)count;
    close(fd);
    text[used] = '\0';
    return used;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0'; }

static char *trimmed(char *text, size_t length) {
    while (length > 0 && is_blank(text[length - 1])) length--;
    text[length] = '\0';
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    return text;
}

static char *read_text(int directory, const char *name, char *text) {
    return trimmed(text, read_bytes(directory, name, text, TEXT_MAX));
}

/* Unit serial number page (SPC-4, 7.8.15): its code in byte 1, its length in bytes 2 and 3, then the number. */
static char *read_scsi_serial(int device, char *text) {
    size_t read = read_bytes(device, "device/vpd_pg80", text, TEXT_MAX);
    if (read < 4 || (unsigned char)text[1] != 0x80) return trimmed(text, 0);
    size_t length = ((size_t)(unsigned char)text[2] << 8) + (unsigned char)text[3];
    if (length > read - 4) length = read - 4;
    memmove(text, text + 4, length);
    for (size_t at = 0; at < length; at++)
        if (text[at] == '\0') text[at] = ' ';
    return trimmed(text, length);
}

static char *first_text(int device, const char *const *names, char *text) {
    char *found = trimmed(text, 0);
    for (; *names != NULL && *found == '\0'; names++) found = read_text(device, *names, text);
    return found;
}

static void print_serial(int device) {
    static const char *const elsewhere[] = {"serial", "device/serial", NULL};
    char text[TEXT_MAX];
    char *serial = read_scsi_serial(device, text);
    json_text("serial", *serial != '\0' ? serial : first_text(device, elsewhere, text));
}

static void print_wwid(int device) {
    static const char *const names[] = {"wwid", "device/wwid", NULL};
    char text[TEXT_MAX];
    json_text("wwid", first_text(device, names, text));
}

/* sysfs counts sectors of 512 bytes, whatever those of the device are. */
static void print_size(int device) {
    char text[TEXT_MAX];
    long long sectors = strtoll(read_text(device, "size", text), NULL, 10);
    json_number("sizeBytes", sectors > 0 && sectors <= INT64_MAX / 512 ? sectors * 512 : 0);
}

/* A link of a partition is `.../block/sda/sda1`. */
static void print_parent(int blocks, const char *name, int device) {
    char target[PATH_MAX];
    char *parent = NULL;
    ssize_t length = readlinkat(blocks, name, target, sizeof target - 1);
    if (length > 0 && faccessat(device, "partition", F_OK, 0) == 0) {
        target[length] = '\0';
        char *last = strrchr(target, '/');
        if (last != NULL) {
            *last = '\0';
            parent = strrchr(target, '/');
        }
    }
    json_text("parent", parent == NULL ? "" : parent + 1);
}

static DIR *open_directory_at(int directory, const char *name) {
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *opened = fd < 0 ? NULL : fdopendir(fd);
    if (opened == NULL && fd >= 0) close(fd);
    return opened;
}

static const char *next_entry(DIR *directory) {
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.') return entry->d_name;
    return NULL;
}

static void print_names_in(const char *key, int directory, const char *name) {
    DIR *opened = open_directory_at(directory, name);
    json_begin_array(key);
    for (const char *entry; opened != NULL && (entry = next_entry(opened)) != NULL;) json_text(NULL, entry);
    json_end_array();
    if (opened != NULL) closedir(opened);
}

static void print_block(int blocks, const char *name) {
    char text[TEXT_MAX];
    int device = openat(blocks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (device < 0) return;
    json_begin_object(NULL);
    json_text("name", name);
    json_text("device", read_text(device, "dev", text));
    print_parent(blocks, name, device);
    print_names_in("slaves", device, "slaves");
    print_serial(device);
    print_wwid(device);
    print_size(device);
    json_path("backingFile", read_text(device, "loop/backing_file", text));
    json_end_object();
    close(device);
}

static void print_blocks(int sysfs) {
    DIR *blocks = open_directory_at(sysfs, "class/block");
    json_begin_array("blocks");
    for (const char *name; blocks != NULL && (name = next_entry(blocks)) != NULL;) print_block(dirfd(blocks), name);
    json_end_array();
    if (blocks != NULL) closedir(blocks);
}

static void print_btrfs(int sysfs) {
    DIR *all = open_directory_at(sysfs, "fs/btrfs");
    char devices[NAME_MAX + sizeof "/devices"];
    json_begin_array("btrfs");
    for (const char *name; all != NULL && (name = next_entry(all)) != NULL;) {
        snprintf(devices, sizeof devices, "%s/devices", name);
        if (faccessat(dirfd(all), devices, F_OK, 0) == 0) print_names_in(NULL, dirfd(all), devices);
    }
    json_end_array();
    if (all != NULL) closedir(all);
}

static void print_mounts(void) {
    struct mounts mounts;
    json_begin_array("mounts");
    if (read_mounts(&mounts)) {
        for (size_t index = 0; index < mounts.count; index++) {
            const struct mount *mount = &mounts.all[index];
            json_begin_object(NULL);
            json_number("id", mount->id);
            json_text("device", mount->device);
            json_path("root", mount->root);
            json_path("mountPoint", mount->mount_point);
            json_text("fileSystem", mount->file_system);
            json_path("source", mount->source);
            json_end_object();
        }
    }
    free_mounts(&mounts);
    json_end_array();
}

/* The first line of /proc/swaps names the columns. */
static void print_swaps(void) {
    static char path[PATH_MAX];
    FILE *file = fopen("/proc/swaps", "re");
    char *line = NULL;
    size_t room = 0;
    bool heading = true;
    json_begin_array("swaps");
    while (file != NULL && getline(&line, &room, file) > 0) {
        line[strcspn(line, " \t\n")] = '\0';
        if (!heading && unescape_path(line, path, sizeof path)) json_path(NULL, path);
        heading = false;
    }
    json_end_array();
    free(line);
    if (file != NULL) fclose(file);
}

void print_facts(const char *sysfs) {
    int directory = open(sysfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    json_begin_event("facts");
    print_mounts();
    print_blocks(directory);
    print_btrfs(directory);
    print_swaps();
    json_end_event();
    if (directory >= 0) close(directory);
}
