#include "quiet-terms.h"

#include "../json-reader.h"

namespace snaphook {

namespace {

constexpr char COMMAND[] = "quiesce-applications";

DWORD read_ms(const JsonValue &object, const char *name) {
    const JsonValue *value = object.find(name);
    return value == nullptr ? 0 : static_cast<DWORD>(value->number);
}

}  // namespace

std::string terms_line(const QuietTerms &terms) {
    return std::string("{\"command\":\"") + COMMAND + "\",\"scriptMs\":" + std::to_string(terms.script_ms) +
           ",\"lifeMs\":" + std::to_string(terms.life_ms) + ",\"holdMs\":" + std::to_string(terms.hold_ms) + "}\n";
}

std::optional<QuietTerms> parse_terms(std::string_view line) {
    std::optional<JsonValue> parsed = parse_json(line);
    const JsonValue *command = parsed ? parsed->find("command") : nullptr;
    if (command == nullptr || command->text != COMMAND) return std::nullopt;
    return QuietTerms{read_ms(*parsed, "scriptMs"), read_ms(*parsed, "lifeMs"), read_ms(*parsed, "holdMs")};
}

}  // namespace snaphook
