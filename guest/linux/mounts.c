#include "mounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static char *unescaped(const char *word) {
    if (word == NULL) return NULL;
    size_t room = strlen(word) + 1;
    char *path = malloc(room);
    if (path != NULL && !unescape_path(word, path, room)) {
        free(path);
        return NULL;
    }
    return path;
}

static void free_mount(struct mount *mount) {
    free(mount->device);
    free(mount->root);
    free(mount->mount_point);
    free(mount->file_system);
    free(mount->source);
}

/* `36 35 98:0 /root /point options [tags] - type source options` */
static bool parse_mount(char *line, struct mount *mount) {
    memset(mount, 0, sizeof *mount);
    line[strcspn(line, "\n")] = '\0';
    char *rest = line;
    if (!parse_number(next_word(&rest), &mount->id)) return false;
    next_word(&rest);
    mount->device = unescaped(next_word(&rest));
    mount->root = unescaped(next_word(&rest));
    mount->mount_point = unescaped(next_word(&rest));
    for (char *word; (word = next_word(&rest)) != NULL;)
        if (strcmp(word, "-") == 0) break;
    mount->file_system = unescaped(next_word(&rest));
    mount->source = unescaped(next_word(&rest));
    if (mount->source == NULL) mount->source = strdup("");
    if (mount->device != NULL && mount->root != NULL && mount->mount_point != NULL && mount->file_system != NULL &&
        mount->source != NULL)
        return true;
    free_mount(mount);
    return false;
}

static bool add_mount(struct mounts *mounts, size_t *room, const struct mount *mount) {
    if (mounts->count == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        struct mount *all = realloc(mounts->all, more * sizeof *all);
        if (all == NULL) return false;
        mounts->all = all;
        *room = more;
    }
    mounts->all[mounts->count++] = *mount;
    return true;
}

bool read_mounts(struct mounts *mounts) {
    *mounts = (struct mounts){0};
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL) return false;
    char *line = NULL;
    size_t line_room = 0, room = 0;
    bool complete = true;
    while (complete && getline(&line, &line_room, file) >= 0) {
        struct mount mount;
        if (parse_mount(line, &mount)) complete = add_mount(mounts, &room, &mount);
    }
    free(line);
    fclose(file);
    return complete;
}

void free_mounts(struct mounts *mounts) {
    for (size_t index = 0; index < mounts->count; index++) free_mount(&mounts->all[index]);
    free(mounts->all);
    *mounts = (struct mounts){0};
}

const struct mount *mount_at(const struct mounts *mounts, const char *mount_point) {
    for (size_t index = mounts->count; index-- > 0;)
        if (strcmp(mounts->all[index].mount_point, mount_point) == 0) return &mounts->all[index];
    return NULL;
}

const struct mount *mount_of(const struct mounts *mounts, int fd) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen(path, "re");
    if (file == NULL) return NULL;
    int64_t id = -1;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "mnt_id: %" SCNd64, &id) == 1) break;
    fclose(file);
    for (size_t index = 0; index < mounts->count; index++)
        if (mounts->all[index].id == id) return &mounts->all[index];
    return NULL;
}
