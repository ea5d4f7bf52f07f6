#include "reports.h"

#include <algorithm>

#include "applications/program-search.h"
#include "event-log.h"
#include "words.h"

namespace snaphook {

namespace {

std::string name_of(const Disk &disk, const std::vector<std::string> &wanted) {
    bool naa_is_wanted = std::find(wanted.begin(), wanted.end(), disk.naa_name) != wanted.end();
    const std::string &name = disk.serial.empty() || naa_is_wanted ? disk.naa_name : disk.serial;
    return name.empty() ? "unknown" : name;
}

void write_volumes(JsonWriter *event, const BackupSet &set) {
    event->begin_list("volumes");
    for (const Volume &volume : set.volumes()) {
        event->begin_object();
        event->wide_text("volume", volume.name);
        event->wide_text("mountPoint", volume.mount_point);
        event->wide_text("fileSystem", volume.file_system);
        event->begin_list("disks");
        for (const Disk &disk : volume.disks) event->text({}, name_of(disk, set.request().disks));
        event->end_list();
        event->end_object();
    }
    event->end_list();
}

void write_not_held(JsonWriter *event, const BackupSet &set) {
    event->begin_list("notHeld");
    for (const Volume &volume : set.not_held()) event->wide_text({}, volume.mount_point.empty() ? volume.name : volume.mount_point);
    event->end_list();
}

void write_components(JsonWriter *event, const BackupSet &set) {
    event->begin_list("components");
    for (const BackupSet::Selected &selected : set.components()) event->wide_text({}, selected.component.full_path());
    event->end_list();
    event->begin_list("excludedComponents");
    for (const BackupSet::Excluded &excluded : set.excluded_components()) {
        event->begin_object();
        event->text("writer", guid_text(excluded.writer));
        event->wide_text("component", excluded.component);
        event->wide_text("reason", excluded.reason);
        event->end_object();
    }
    event->end_list();
}

}  // namespace

void write_writers(JsonWriter *event, const BackupSet *set) {
    event->begin_list("writers");
    if (set != nullptr) {
        for (const WriterStatus &writer : set->writers()) {
            event->begin_object();
            event->text("id", guid_text(writer.id));
            event->wide_text("name", writer.name.empty() ? L"?" : writer.name);
            event->text("instance", guid_text(writer.instance));
            event->number("state", writer.state);
            event->text("result", result_text(writer.failure));
            event->boolean("selected", set->is_selected(writer));
            event->end_object();
        }
    }
    event->end_list();
}

void write_log_entries(JsonWriter *event, const BackupSet *set) {
    event->begin_list("events");
    if (set != nullptr) {
        for (const LogEntry &entry : read_log_entries(set->began_at())) {
            event->begin_object();
            event->wide_text("source", entry.source);
            event->number("id", entry.id);
            event->text("level", entry.level);
            event->text("at", entry.at);
            event->wide_text("text", entry.text);
            event->end_object();
        }
    }
    event->end_list();
}

std::string prepared_event(const BackupSet &set) {
    JsonWriter event("prepared");
    write_writers(&event, &set);
    write_volumes(&event, set);
    write_not_held(&event, set);
    write_components(&event, set);
    event.boolean("hasPrograms", has_programs());
    return event.finish();
}

std::string quiesced_event(const ScriptRecords &scripts) {
    JsonWriter event("quiesced");
    write_script_records(&event, scripts);
    return event.finish();
}

std::string finished_event(const BackupSet &set, HRESULT result, const ScriptRecords &scripts) {
    JsonWriter event("finished");
    event.text("result", result_text(result));
    write_writers(&event, &set);
    write_log_entries(&event, &set);
    write_script_records(&event, scripts);
    return event.finish();
}

std::string failed_event(const char *phase, const Failure &failure, const BackupSet *set, const ScriptRecords &scripts) {
    JsonWriter event("failed");
    event.text("phase", phase);
    event.text("result", result_text(failure.result));
    event.text("message", failure.message);
    write_writers(&event, set);
    write_log_entries(&event, set);
    write_script_records(&event, scripts);
    return event.finish();
}

std::string completed_event(const BackupSet &set) {
    JsonWriter event("completed");
    write_writers(&event, &set);
    return event.finish();
}

std::string resumed_event(const BackupSet &set) {
    JsonWriter event("resumed");
    event.text("phase", "finished");
    write_writers(&event, &set);
    return event.finish();
}

}  // namespace snaphook
