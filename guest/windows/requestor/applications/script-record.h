/* What a script or a plug-in was told, and what came of it: as the protocol tells it. */
#ifndef SNAPHOOK_SCRIPT_RECORD_H
#define SNAPHOOK_SCRIPT_RECORD_H

#include <cstdint>
#include <string>
#include <vector>

#include "../json-reader.h"
#include "../json-writer.h"

namespace snaphook {

/* Bytes of its output that are kept: the last ones. */
inline constexpr size_t MAX_SCRIPT_OUTPUT = 2000;

/* It did not end in time; a plug-in gave no answer. */
inline constexpr int64_t NO_END = -1;
/* It could not be started, or must not be; the output says why. As shells have it. */
inline constexpr int64_t NOT_STARTED = 126;

enum class ScriptPhase { FREEZE, THAW, FREEZE_FAIL };

struct ScriptRecord {
    bool is_plug_in = false;
    std::string name;
    ScriptPhase phase = ScriptPhase::FREEZE;
    int64_t exit_code = NO_END;
    /* Printable ASCII and line ends. */
    std::string output;
};

using ScriptRecords = std::vector<ScriptRecord>;

/* Also the word that a script is told. */
const char *phase_word(ScriptPhase phase);

/* A byte as it is told: line ends are kept, CR before them is left out, and whatever is not printable is `?`. */
void add_printable(std::string *output, char byte);

/* The member `scripts`. */
void write_script_records(JsonWriter *event, const ScriptRecords &records);
/* Of what `write_script_records` wrote; what is nothing of that kind is left out. */
void read_script_records(const JsonValue &event, ScriptRecords *records);

}  // namespace snaphook

#endif
