#include "plug-ins.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "program.h"

/* From the end of its input to SIGTERM, from there to SIGKILL, and from there until it is left behind. */
#define END_GRACE_MS 1000
#define TICK_MS 5
#define ANSWERED_FAILED 1
/* sysexits and shells leave it free; what it means is the plug-in's to say, also by an answer. */
#define NOT_IMPLEMENTED 99
#define NO_ANSWER (-1)

struct plug_in {
    pid_t pid;
    int input;
    int output;
    /* It said so, and was told nothing since. */
    bool is_quiet;
};

static struct plug_in processes[MAX_SCRIPTS];

static bool begins_with(const char *text, const char *beginning) {
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool start(struct plug_in *plug_in, int program) {
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) != 0) return false;
    if (pipe2(output, O_CLOEXEC) != 0) {
        close(input[0]);
        close(input[1]);
        return false;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t child = null < 0 ? -1 : fork();
    if (child == 0) {
        become_program(program, "serve", (struct standard_streams){input[0], output[1], null});
        _exit(errno == ENOENT ? 127 : 126);
    }
    if (null >= 0) close(null);
    close(input[0]);
    close(output[1]);
    *plug_in = (struct plug_in){.pid = child, .input = input[1], .output = output[0]};
    if (child > 0) return true;
    close(input[1]);
    close(output[0]);
    return false;
}

static bool ends_until(pid_t child, int64_t end_ns) {
    while (!has_ended(child)) {
        if (now_ns() >= end_ns) return false;
        poll(NULL, 0, TICK_MS);
    }
    return true;
}

/*
 * What a plug-in started itself gets no signal: it may be what lets the application go. Returns the exit code, or NO_ANSWER when it
 * did not end by itself.
 */
static int end(struct plug_in *plug_in) {
    static const int signals[] = {0, SIGTERM, SIGKILL};
    int status = 0, exit_code = NO_ANSWER;
    close(plug_in->input);
    for (size_t step = 0; step < sizeof signals / sizeof *signals; step++) {
        if (signals[step] != 0) kill(plug_in->pid, signals[step]);
        if (ends_until(plug_in->pid, now_ns() + END_GRACE_MS * NS_PER_MS)) break;
    }
    if (waitpid(plug_in->pid, &status, WNOHANG) == plug_in->pid && WIFEXITED(status)) exit_code = WEXITSTATUS(status);
    close(plug_in->output);
    *plug_in = (struct plug_in){0};
    return exit_code;
}

/* Adds a line to the output, byte by byte: nothing behind it is taken. NULL when none came in time, or none that has room. */
static const char *hear_line(const struct plug_in *plug_in, int64_t end_ns, struct pollfd *interrupts, int interrupt_count,
                             char *output) {
    char *line = output + strlen(output);
    for (char *at = line; at < output + SCRIPT_OUTPUT_MAX;) {
        ssize_t count = read(plug_in->output, at, 1);
        if (count == 1 && *at != '\0') {
            at[1] = '\0';
            if (*at++ == '\n') return line;
        } else if (count >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        } else {
            struct pollfd readable = {.fd = plug_in->output, .events = POLLIN};
            poll(&readable, 1, TICK_MS);
            if (now_ns() >= end_ns || poll(interrupts, (nfds_t)interrupt_count, 0) > 0) break;
        }
    }
    return NULL;
}

struct question {
    const char *command;
    /* How the line that says yes begins. */
    const char *yes;
};

/*
 * What lies there before anything was asked is the answer to nothing: whoever says more than one line a command is not believed. All
 * of it is taken, up to a limit, so that what comes next is an answer.
 */
static bool has_spoken_unasked(const struct plug_in *plug_in) {
    char early[SCRIPT_OUTPUT_MAX];
    return read(plug_in->output, early, sizeof early) > 0;
}

static int ask(const struct plug_in *plug_in, const struct question *question, int64_t end_ns, struct pollfd *interrupts,
               int interrupt_count, struct script_result *result) {
    if (has_spoken_unasked(plug_in)) return ANSWERED_FAILED;
    if (dprintf(plug_in->input, "%s\n", question->command) < 0) return NO_ANSWER;
    const char *line = hear_line(plug_in, end_ns, interrupts, interrupt_count, result->output);
    if (line == NULL) return NO_ANSWER;
    if (begins_with(line, question->yes)) return 0;
    return begins_with(line, "{\"event\":\"not-implemented\"") ? NOT_IMPLEMENTED : ANSWERED_FAILED;
}

static int quiesce(struct plug_in *plug_in, const struct session *session, int64_t end_ns, struct pollfd *interrupts,
                   int interrupt_count, struct script_result *result) {
    static const struct question discover = {"{\"command\":\"discover\"}", "{\"event\":\"discovered\""};
    char command[128];
    int code = ask(plug_in, &discover, end_ns, interrupts, interrupt_count, result);
    if (code != 0 && code != NOT_IMPLEMENTED) return code;
    /* A session lives at most so long: from `ready` to the freeze, and from there to the end of its lease. */
    snprintf(command, sizeof command, "{\"command\":\"quiesce\",\"budgetMs\":%lld,\"leaseMs\":%lld}",
             (long long)((end_ns - now_ns()) / NS_PER_MS), (long long)(session->life_ms + session->lease_ms));
    const struct question question = {command, "{\"event\":\"quiesced\""};
    return ask(plug_in, &question, end_ns, interrupts, interrupt_count, result);
}

static struct script_result *new_result(struct script_results *results, int index, enum script_phase phase) {
    struct script_result *result = &results->all[results->count++];
    *result = (struct script_result){.is_plug_in = true, .script = index, .phase = phase, .exit_code = NO_ANSWER};
    return result;
}

bool quiesce_plug_ins(const struct session *session, int64_t end_ns, struct pollfd *interrupts, int interrupt_count,
                      struct script_results *results) {
    for (int index = 0; index < session->plug_ins.count; index++) {
        struct plug_in *plug_in = &processes[index];
        if (poll(interrupts, (nfds_t)interrupt_count, 0) > 0) return false;
        struct script_result *result = new_result(results, index, SCRIPT_FREEZE);
        if (!start(plug_in, session->plug_ins.all[index].fd)) continue;
        result->exit_code = quiesce(plug_in, session, end_ns, interrupts, interrupt_count, result);
        plug_in->is_quiet = result->exit_code == 0;
        if (!plug_in->is_quiet && end(plug_in) == NOT_IMPLEMENTED) result->exit_code = NOT_IMPLEMENTED;
    }
    return poll(interrupts, (nfds_t)interrupt_count, 0) == 0;
}

static int unquiesce(const struct plug_in *plug_in, enum script_phase phase, int64_t end_ns, struct script_result *result) {
    static const struct question success = {"{\"command\":\"unquiesce\",\"outcome\":\"success\"}",
                                            "{\"event\":\"unquiesced\",\"held\":true"};
    static const struct question failure = {"{\"command\":\"unquiesce\",\"outcome\":\"failed\"}", "{\"event\":\"unquiesced\""};
    static const struct question verify = {"{\"command\":\"verify\"}", "{\"event\":\"verified\""};
    /* Whoever is not believed is told to let go all the same. */
    bool is_believed = !has_spoken_unasked(plug_in);
    int code = ask(plug_in, phase == SCRIPT_THAW ? &success : &failure, end_ns, NULL, 0, result);
    if (code == 0 && !is_believed) return ANSWERED_FAILED;
    if (code != 0) return code;
    code = ask(plug_in, &verify, end_ns, NULL, 0, result);
    return code == NOT_IMPLEMENTED ? 0 : code;
}

void unquiesce_plug_ins(const struct session *session, enum script_phase phase, int64_t end_ns, struct script_results *results) {
    for (int index = session->plug_ins.count - 1; index >= 0; index--) {
        struct plug_in *plug_in = &processes[index];
        if (!plug_in->is_quiet) continue;
        struct script_result *result = new_result(results, index, phase);
        int64_t own_end_ns = end_of_turn(session, end_ns, session->scripts.count + index);
        result->exit_code = unquiesce(plug_in, phase, own_end_ns, result);
        end(plug_in);
    }
}
