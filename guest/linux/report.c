#include "report.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "json.h"
#include "thaw.h"

static const char *const phase_names[] = {"idle", "prepared", "freeze", "frozen", "finished"};

static const char *const reasons[] = {
    [ENDING_NONE] = "aborted",
    [ENDING_RELEASED] = "released",
    [ENDING_LEASE] = "lease",
    [ENDING_END_OF_INPUT] = "end-of-input",
    [ENDING_ABORTED] = "aborted",
    [ENDING_PEER] = "peer",
    [ENDING_REFUSED] = "aborted",
};

void report_hello(const struct session *session) {
    struct utsname system;
    char os[sizeof system.sysname + sizeof system.release];
    uname(&system);
    snprintf(os, sizeof os, "%s %s", system.sysname, system.release);
    json_begin_event("hello");
    json_number("protocol", 2);
    json_text("helper", "snaphook-freeze " SNAPHOOK_VERSION);
    json_text("os", os);
    json_text("bootId", session->boot_id);
    json_text("token", session->token);
    json_end_event();
}

static void print_scripts(const struct session *session, const struct script_results *results) {
    json_begin_array("scripts");
    for (int index = 0; index < results->count; index++) {
        const struct script_result *result = &results->all[index];
        const struct script_set *set = result->is_plug_in ? &session->plug_ins : &session->scripts;
        json_begin_object(NULL);
        json_text("kind", result->is_plug_in ? "plug-in" : "script");
        json_text("name", set->all[result->script].name);
        json_text("phase", script_phase_name(result->phase));
        json_number("exitCode", result->exit_code);
        json_text("output", result->output);
        json_end_object();
    }
    json_end_array();
}

void report_ready(const struct session *session, const char *own_file_system, const struct script_results *results) {
    json_begin_event("ready");
    json_path("ownFileSystem", own_file_system);
    print_scripts(session, results);
    json_end_event();
}

void report_time(const char *event, const char *key, int64_t ns) {
    json_begin_event(event);
    json_ms(key, ns);
    json_end_event();
}

static void print_file_system(const struct session *session, int index, bool released) {
    const struct shared *shared = session->shared;
    bool frozen = atomic_load(&shared->fs_was_frozen[index]);
    int error = atomic_load(&shared->fs_errno[index]);
    json_begin_object(NULL);
    json_path("mountPoint", session->file_systems[index].mount_point);
    json_bool("frozen", frozen);
    json_bool("held", frozen && released && error == 0);
    json_number("errno", error);
    json_end_object();
}

void report_finished(const struct session *session, const struct script_results *results) {
    enum ending ending = ending_of(session);
    bool released = ending == ENDING_RELEASED;
    json_begin_event("finished");
    json_text("reason", released && !was_held(session) ? "foreign" : reasons[ending]);
    json_begin_array("fileSystems");
    for (int index = 0; index < session->file_system_count; index++) print_file_system(session, index, released);
    json_end_array();
    print_scripts(session, results);
    json_end_event();
}

void report_status(enum phase phase) {
    json_begin_event("status");
    json_text("phase", phase_names[phase]);
    json_end_event();
}

void report_aborted(void) {
    json_begin_event("aborted");
    json_end_event();
}

void report_failed(const struct session *session, enum phase phase, const struct failure *failure,
                   const struct script_results *results) {
    json_begin_event("failed");
    json_text("phase", phase_names[phase]);
    json_path("object", failure->object);
    json_text("message", failure->message);
    json_number("errno", failure->error);
    print_scripts(session, results);
    json_end_event();
}
