#include "words.h"

#include <string.h>

#include "session.h"

char *next_word(char **rest) {
    if (*rest == NULL || **rest == '\0') return NULL;
    return strsep(rest, " ");
}

bool parse_number(const char *word, int64_t *number) {
    if (word == NULL) return false;
    size_t length = strlen(word);
    if (length < 1 || length > 12) return false;
    int64_t value = 0;
    for (const char *at = word; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return false;
        value = value * 10 + (*at - '0');
    }
    *number = value;
    return true;
}

static bool is_octal(char c) { return c >= '0' && c <= '7'; }

bool unescape_path(const char *word, char *path, size_t room) {
    size_t used = 0;
    while (*word != '\0') {
        unsigned char byte = (unsigned char)*word;
        if (byte == '\\' && is_octal(word[1]) && is_octal(word[2]) && is_octal(word[3])) {
            byte = (unsigned char)((word[1] - '0') * 64 + (word[2] - '0') * 8 + (word[3] - '0'));
            word += 3;
        }
        word++;
        if (byte == 0 || used + 1 >= room) return false;
        path[used++] = (char)byte;
    }
    path[used] = '\0';
    return true;
}

void escape_path(const char *path, char *word, size_t room) {
    size_t used = 0;
    for (; *path != '\0'; path++) {
        unsigned char byte = (unsigned char)*path;
        bool plain = byte > ' ' && byte < 0x7f && byte != '\\' && byte != '"';
        if (used + (plain ? 1 : 4) >= room) break;
        if (plain) {
            word[used++] = (char)byte;
        } else {
            word[used++] = '\\';
            word[used++] = (char)('0' + byte / 64);
            word[used++] = (char)('0' + byte / 8 % 8);
            word[used++] = (char)('0' + byte % 8);
        }
    }
    word[used] = '\0';
}

bool copy_text(char *to, size_t room, const char *from) {
    size_t length = strlen(from);
    if (length >= room) return false;
    memcpy(to, from, length + 1);
    return true;
}

bool is_token(const char *word) {
    return strlen(word) == TOKEN_LENGTH && strspn(word, "0123456789abcdef") == TOKEN_LENGTH;
}
