/* One JSON value from text that somebody else wrote: strict (RFC 8259, UTF-8), bounded in depth, no member twice. */
#ifndef SNAPHOOK_JSON_READER_H
#define SNAPHOOK_JSON_READER_H

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snaphook {

struct JsonValue {
    enum class Kind { NOTHING, BOOLEAN, NUMBER, TEXT, LIST, OBJECT };

    Kind kind = Kind::NOTHING;
    bool boolean = false;
    double number = 0;
    /* UTF-8. */
    std::string text;
    std::vector<JsonValue> items;
    std::vector<std::pair<std::string, JsonValue>> members;

    /* The member of an object; nullptr where there is none. */
    const JsonValue *find(std::string_view name) const;
};

/* Nothing, unless the text is one value and white space. */
std::optional<JsonValue> parse_json(std::string_view text);

}  // namespace snaphook

#endif
