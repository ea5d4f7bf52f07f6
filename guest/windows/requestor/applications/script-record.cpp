#include "script-record.h"

namespace snaphook {

namespace {

constexpr ScriptPhase PHASES[] = {ScriptPhase::FREEZE, ScriptPhase::THAW, ScriptPhase::FREEZE_FAIL};
constexpr char PLUG_IN[] = "plug-in";

}  // namespace

const char *phase_word(ScriptPhase phase) {
    static constexpr const char *words[] = {"freeze", "thaw", "freezeFail"};
    return words[static_cast<int>(phase)];
}

void add_printable(std::string *output, char byte) {
    if (byte == '\r') return;
    output->push_back(byte == '\n' || (byte >= ' ' && byte <= '~') ? byte : '?');
}

void write_script_records(JsonWriter *event, const ScriptRecords &records) {
    event->begin_list("scripts");
    for (const ScriptRecord &record : records) {
        event->begin_object();
        event->text("kind", record.is_plug_in ? PLUG_IN : "script");
        event->text("name", record.name);
        event->text("phase", phase_word(record.phase));
        event->number("exitCode", record.exit_code);
        event->text("output", record.output);
        event->end_object();
    }
    event->end_list();
}

void read_script_records(const JsonValue &event, ScriptRecords *records) {
    const JsonValue *list = event.find("scripts");
    if (list == nullptr) return;
    for (const JsonValue &item : list->items) {
        const JsonValue *kind = item.find("kind"), *name = item.find("name"), *phase = item.find("phase");
        const JsonValue *exit_code = item.find("exitCode"), *output = item.find("output");
        if (kind == nullptr || name == nullptr || phase == nullptr || exit_code == nullptr || output == nullptr) continue;
        ScriptRecord record;
        record.is_plug_in = kind->text == PLUG_IN;
        record.name = name->text;
        for (ScriptPhase known : PHASES)
            if (phase->text == phase_word(known)) record.phase = known;
        record.exit_code = static_cast<int64_t>(exit_code->number);
        record.output = output->text;
        records->push_back(record);
    }
}

}  // namespace snaphook
