#include "json-reader.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace snaphook {

namespace {

constexpr int MAX_DEPTH = 16;

void append_utf8(std::string *text, uint32_t point) {
    auto add = [text](uint32_t byte) { text->push_back(static_cast<char>(byte)); };
    if (point < 0x80) {
        add(point);
    } else if (point < 0x800) {
        add(0xc0 | point >> 6);
        add(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        add(0xe0 | point >> 12);
        add(0x80 | (point >> 6 & 0x3f));
        add(0x80 | (point & 0x3f));
    } else {
        add(0xf0 | point >> 18);
        add(0x80 | (point >> 12 & 0x3f));
        add(0x80 | (point >> 6 & 0x3f));
        add(0x80 | (point & 0x3f));
    }
}

class Parser {
   public:
    explicit Parser(std::string_view text) : text_(text) {}

    bool parse_whole(JsonValue *value) {
        if (!parse_value(value, 0)) return false;
        skip_space();
        return at_ == text_.size();
    }

   private:
    int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }

    bool take(char expected) {
        if (peek() != static_cast<unsigned char>(expected)) return false;
        at_++;
        return true;
    }

    bool take_word(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }

    void skip_space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') at_++;
    }

    bool parse_value(JsonValue *value, int depth) {
        if (depth > MAX_DEPTH) return false;
        skip_space();
        switch (peek()) {
            case '{': return parse_object(value, depth);
            case '[': return parse_list(value, depth);
            case '"': value->kind = JsonValue::Kind::TEXT; return parse_text(&value->text);
            case 't': return parse_boolean(value, true);
            case 'f': return parse_boolean(value, false);
            case 'n': return take_word("null");
            default: return parse_number(value);
        }
    }

    bool parse_boolean(JsonValue *value, bool meaning) {
        value->kind = JsonValue::Kind::BOOLEAN;
        value->boolean = meaning;
        return take_word(meaning ? "true" : "false");
    }

    bool parse_object(JsonValue *value, int depth) {
        value->kind = JsonValue::Kind::OBJECT;
        at_++;
        skip_space();
        if (take('}')) return true;
        do {
            std::string name;
            skip_space();
            if (peek() != '"' || !parse_text(&name) || value->find(name) != nullptr) return false;
            skip_space();
            if (!take(':')) return false;
            value->members.emplace_back(std::move(name), JsonValue());
            if (!parse_value(&value->members.back().second, depth + 1)) return false;
            skip_space();
        } while (take(','));
        return take('}');
    }

    bool parse_list(JsonValue *value, int depth) {
        value->kind = JsonValue::Kind::LIST;
        at_++;
        skip_space();
        if (take(']')) return true;
        do {
            value->items.emplace_back();
            if (!parse_value(&value->items.back(), depth + 1)) return false;
            skip_space();
        } while (take(','));
        return take(']');
    }

    bool take_digits() {
        size_t begin = at_;
        while (peek() >= '0' && peek() <= '9') at_++;
        return at_ > begin;
    }

    bool parse_number(JsonValue *value) {
        size_t begin = at_;
        take('-');
        if (!take('0') && !take_digits()) return false;
        if (take('.') && !take_digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!take_digits()) return false;
        }
        value->kind = JsonValue::Kind::NUMBER;
        value->number = strtod(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr);
        return std::isfinite(value->number);
    }

    bool parse_text(std::string *text) {
        at_++;
        for (;;) {
            int byte = peek();
            if (byte < ' ') return false;
            if (byte >= 0x80) {
                if (!take_utf8(text)) return false;
                continue;
            }
            at_++;
            if (byte == '"') return true;
            if (byte != '\\')
                text->push_back(static_cast<char>(byte));
            else if (!take_escape(text))
                return false;
        }
    }

    /* One character of two to four bytes, in its shortest form, and no surrogate. */
    bool take_utf8(std::string *text) {
        unsigned lead = static_cast<unsigned>(peek());
        size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (lead < 0xc2 || lead > 0xf4 || text_.size() - at_ < length) return false;
        uint32_t point = lead & (0xffu >> (length + 1));
        for (size_t i = 1; i < length; i++) {
            unsigned next = static_cast<unsigned char>(text_[at_ + i]);
            if ((next & 0xc0) != 0x80) return false;
            point = point << 6 | (next & 0x3f);
        }
        if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000)) return false;
        if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
        text->append(text_.substr(at_, length));
        at_ += length;
        return true;
    }

    bool take_escape(std::string *text) {
        static constexpr char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        int letter = peek();
        at_++;
        for (size_t i = 0; from[i] != '\0'; i++) {
            if (letter != from[i]) continue;
            text->push_back(to[i]);
            return true;
        }
        uint32_t point = 0, low = 0;
        if (letter != 'u' || !take_hex4(&point) || (point >= 0xdc00 && point < 0xe000)) return false;
        if (point >= 0xd800 && point < 0xdc00) {
            if (!take_word("\\u") || !take_hex4(&low) || low < 0xdc00 || low >= 0xe000) return false;
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(text, point);
        return true;
    }

    bool take_hex4(uint32_t *value) {
        for (int i = 0; i < 4; i++) {
            int digit = peek();
            at_++;
            if (digit >= '0' && digit <= '9')
                digit -= '0';
            else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
                digit = (digit | 0x20) - 'a' + 10;
            else
                return false;
            *value = *value << 4 | static_cast<uint32_t>(digit);
        }
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

const JsonValue *JsonValue::find(std::string_view name) const {
    for (const auto &[known, value] : members)
        if (known == name) return &value;
    return nullptr;
}

std::optional<JsonValue> parse_json(std::string_view text) {
    JsonValue value;
    if (!Parser(text).parse_whole(&value)) return std::nullopt;
    return value;
}

}  // namespace snaphook
