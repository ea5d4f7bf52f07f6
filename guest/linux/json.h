/* Events on standard output: one JSON object a line, ASCII. Nothing here allocates. */
#ifndef SNAPHOOK_JSON_H
#define SNAPHOOK_JSON_H

#include <stdbool.h>
#include <stdint.h>

void json_begin_event(const char *event);
/* Ends the object and the line, and hands both to the kernel. */
void json_end_event(void);

void json_begin_object(const char *key);
void json_end_object(void);
void json_begin_array(const char *key);
void json_end_array(void);

/* In an array the key is NULL. Other bytes than printable ASCII and line ends are written as `?`. */
void json_text(const char *key, const char *text);
/* Escaped as the protocol writes paths. */
void json_path(const char *key, const char *path);
void json_number(const char *key, int64_t number);
void json_bool(const char *key, bool value);
/* Milliseconds with three decimals. */
void json_ms(const char *key, int64_t ns);

#endif
