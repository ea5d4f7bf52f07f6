#include "json.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "words.h"

static char output[32768];
static size_t used;
static bool comma;
static char path_word[ESCAPED_PATH_MAX];

/* What cannot be written is dropped: a reader that is gone is noticed at the end of the input. */
static void flush_output(void) {
    size_t written = 0;
    while (written < used) {
        ssize_t count = write(STDOUT_FILENO, output + written, used - written);
        if (count >= 0) {
            written += (size_t)count;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            break;
        }
    }
    used = 0;
}

static void put(char c) {
    if (used == sizeof output) flush_output();
    output[used++] = c;
}

static void put_all(const char *text) {
    for (; *text != '\0'; text++) put(*text);
}

static void put_string(const char *text) {
    put('"');
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') put('\\');
        if (byte == '\n')
            put_all("\\n");
        else
            put(byte < ' ' || byte > '~' ? '?' : (char)byte);
    }
    put('"');
}

static void put_number(int64_t number) {
    char digits[24];
    int count = 0;
    if (number < 0) put('-');
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    while (count > 0) put(digits[--count]);
}

static void begin_value(const char *key) {
    if (comma) put(',');
    comma = true;
    if (key == NULL) return;
    put_string(key);
    put(':');
}

static void open_bracket(const char *key, char bracket) {
    begin_value(key);
    put(bracket);
    comma = false;
}

static void close_bracket(char bracket) {
    put(bracket);
    comma = true;
}

void json_begin_object(const char *key) { open_bracket(key, '{'); }
void json_end_object(void) { close_bracket('}'); }
void json_begin_array(const char *key) { open_bracket(key, '['); }
void json_end_array(void) { close_bracket(']'); }

void json_begin_event(const char *event) {
    comma = false;
    json_begin_object(NULL);
    json_text("event", event);
}

void json_end_event(void) {
    json_end_object();
    put('\n');
    flush_output();
}

void json_text(const char *key, const char *text) {
    begin_value(key);
    put_string(text);
}

void json_path(const char *key, const char *path) {
    escape_path(path, path_word, sizeof path_word);
    json_text(key, path_word);
}

void json_number(const char *key, int64_t number) {
    begin_value(key);
    put_number(number);
}

void json_bool(const char *key, bool value) {
    begin_value(key);
    put_all(value ? "true" : "false");
}

void json_ms(const char *key, int64_t ns) {
    begin_value(key);
    int64_t us = ns < 0 ? 0 : ns / 1000;
    put_number(us / 1000);
    put('.');
    put((char)('0' + us / 100 % 10));
    put((char)('0' + us / 10 % 10));
    put((char)('0' + us % 10));
}
