#include "commands.h"

#include "json-reader.h"
#include "words.h"

namespace snaphook {

namespace {

using Kind = JsonValue::Kind;

const JsonValue *find(const JsonValue &object, const char *name, Kind kind) {
    const JsonValue *value = object.find(name);
    return value != nullptr && value->kind == kind ? value : nullptr;
}

bool read_text(const JsonValue &object, const char *name, std::string *text) {
    const JsonValue *value = find(object, name, Kind::TEXT);
    if (value == nullptr || value->text.empty()) return false;
    *text = value->text;
    return true;
}

bool read_choice(const JsonValue &object, const char *name, std::string_view no, std::string_view yes, bool *choice) {
    std::string text;
    if (!read_text(object, name, &text)) return false;
    *choice = text == yes;
    return *choice || text == no;
}

bool read_boolean(const JsonValue &object, const char *name, bool *boolean) {
    const JsonValue *value = find(object, name, Kind::BOOLEAN);
    if (value != nullptr) *boolean = value->boolean;
    return value != nullptr;
}

bool read_disks(const JsonValue &object, std::vector<std::string> *disks) {
    const JsonValue *list = find(object, "disks", Kind::LIST);
    if (list == nullptr || list->items.empty()) return false;
    for (const JsonValue &item : list->items) {
        std::string serial = item.kind == Kind::TEXT ? plain_serial(item.text) : "";
        if (serial.empty()) return false;
        disks->push_back(serial);
    }
    return true;
}

bool read_excluded_writers(const JsonValue &object, std::vector<GUID> *writers) {
    const JsonValue *list = find(object, "excludedWriters", Kind::LIST);
    if (list == nullptr) return false;
    for (const JsonValue &item : list->items) {
        GUID id;
        if (item.kind != Kind::TEXT || !parse_guid(item.text, &id)) return false;
        writers->push_back(id);
    }
    return true;
}

bool read_hold(const JsonValue &object, HoldMode mode, DWORD *hold_ms) {
    const JsonValue *value = find(object, "holdMs", Kind::NUMBER);
    if (value == nullptr || value->number <= 0 || value->number > max_hold_ms(mode)) return false;
    *hold_ms = value->number < 1 ? 1 : static_cast<DWORD>(value->number);
    return true;
}

bool read_prepare(const JsonValue &object, PrepareRequest *request) {
    const JsonValue *protocol = find(object, "protocol", Kind::NUMBER);
    bool precommit = false;
    if (protocol == nullptr || protocol->number != PROTOCOL) return false;
    if (!read_text(object, "set", &request->set) || !read_disks(object, &request->disks)) return false;
    if (!read_choice(object, "backupType", "copy", "full", &request->full)) return false;
    if (!read_choice(object, "mode", "commit", "precommit", &precommit)) return false;
    request->mode = precommit ? HOLD_IN_PRECOMMIT : HOLD_IN_COMMIT;
    return read_hold(object, request->mode, &request->hold_ms) && read_excluded_writers(object, &request->excluded_writers) &&
           read_boolean(object, "bootableState", &request->bootable_state);
}

bool read_ms(const JsonValue &object, const char *name, int max_ms, DWORD *ms) {
    const JsonValue *value = find(object, name, Kind::NUMBER);
    if (value == nullptr || value->number < 1 || value->number > max_ms) return false;
    *ms = static_cast<DWORD>(value->number);
    return true;
}

bool read_quiesce(const JsonValue &object, Command *command) {
    return read_ms(object, "scriptMs", MAX_SCRIPT_MS, &command->script_ms) && read_ms(object, "lifeMs", MAX_LIFE_MS, &command->life_ms);
}

bool read_minutes(const JsonValue &object, DWORD *minutes) {
    const JsonValue *hours = find(object, "hours", Kind::NUMBER);
    if (hours == nullptr || hours->number < 1 || hours->number > MAX_PARK_HOURS) return false;
    *minutes = static_cast<DWORD>(hours->number * 60);
    return true;
}

}  // namespace

Command parse_command(std::string_view line) {
    using CommandKind = Command::Kind;
    Command command;
    std::optional<JsonValue> parsed = parse_json(line);
    std::string name;
    if (!parsed || parsed->kind != Kind::OBJECT || !read_text(*parsed, "command", &name)) return command;
    if (name == "prepare" && read_prepare(*parsed, &command.prepare)) command.kind = CommandKind::PREPARE;
    if (name == "quiesce" && read_quiesce(*parsed, &command)) command.kind = CommandKind::QUIESCE;
    if (name == "complete" && read_boolean(*parsed, "success", &command.success)) command.kind = CommandKind::COMPLETE;
    if (name == "park" && read_minutes(*parsed, &command.minutes)) command.kind = CommandKind::PARK;
    if (name == "resume" && read_text(*parsed, "set", &command.set)) command.kind = CommandKind::RESUME;
    if (name == "freeze") command.kind = CommandKind::FREEZE;
    if (name == "selftest") command.kind = CommandKind::SELFTEST;
    if (name == "status") command.kind = CommandKind::STATUS;
    if (name == "abort") command.kind = CommandKind::ABORT;
    if (name == "quit") command.kind = CommandKind::QUIT;
    return command;
}

}  // namespace snaphook
