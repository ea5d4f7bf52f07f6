#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "words.h"

#define RELEASE_BYTE 'T'

/* A `filesystem` line with the longest path there is. */
static char buffer[ESCAPED_PATH_MAX + 256];
static size_t used;
static char line[sizeof buffer];
/* The rest of a line that was too long is still to come. */
static bool skipping;

bool has_room_for_input(void) { return used < sizeof buffer; }

bool read_input(void) {
    ssize_t count = read(STDIN_FILENO, buffer + used, sizeof buffer - used);
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    used += (size_t)count;
    return count > 0;
}

static void take(size_t count) {
    memmove(buffer, buffer + count, used - count);
    used -= count;
}

static char *take_text(size_t length, size_t with_end) {
    memcpy(line, buffer, length);
    line[length] = '\0';
    for (size_t at = 0; at < length; at++)
        if (line[at] == '\0') line[at] = '?';
    take(with_end);
    return line;
}

char *take_line(bool *overlong) {
    *overlong = false;
    for (;;) {
        size_t release_bytes = 0;
        while (!skipping && release_bytes < used && buffer[release_bytes] == RELEASE_BYTE) release_bytes++;
        take(release_bytes);
        const char *end = memchr(buffer, '\n', used);
        if (end == NULL) {
            if (used < sizeof buffer) return NULL;
            *overlong = !skipping;
            skipping = true;
            char *cut = take_text(64, used);
            if (*overlong) return cut;
            continue;
        }
        size_t length = (size_t)(end - buffer);
        if (!skipping) return take_text(length, length + 1);
        skipping = false;
        take(length + 1);
    }
}

void drop_release_bytes(void) {
    size_t kept = 0;
    for (size_t at = 0; at < used; at++)
        if (buffer[at] != RELEASE_BYTE) buffer[kept++] = buffer[at];
    used = kept;
}

bool has_release_byte(void) { return memchr(buffer, RELEASE_BYTE, used) != NULL; }

bool has_abort_line(void) {
    static const char word[] = "abort\n";
    const size_t length = sizeof word - 1;
    for (size_t at = 0; at + length <= used; at++)
        if ((at == 0 || buffer[at - 1] == '\n' || buffer[at - 1] == RELEASE_BYTE) && memcmp(buffer + at, word, length) == 0)
            return true;
    return false;
}
