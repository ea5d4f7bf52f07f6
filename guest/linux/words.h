/* The words of the line protocol, of /proc/self/mountinfo and of a record. */
#ifndef SNAPHOOK_WORDS_H
#define SNAPHOOK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A path of PATH_MAX bytes of which each is written as four characters. */
#define ESCAPED_PATH_MAX (4096 * 4 + 1)

/* Cuts the next word off `*rest` in place; NULL when there is none. Words are separated by single blanks. */
char *next_word(char **rest);

/* Decimal digits only, at most 12 of them. */
bool parse_number(const char *word, int64_t *number);

/* Reads backslashes with three octal digits. False when the result has no room or holds a zero byte. */
bool unescape_path(const char *word, char *path, size_t room);

/* Writes each byte that is no printable ASCII character, and blank, backslash and double quote, as `\ooo`; cuts what has no room. */
void escape_path(const char *path, char *word, size_t room);

/* Copies a text that must fit with its end. */
bool copy_text(char *to, size_t room, const char *from);

bool is_token(const char *word);

#endif
