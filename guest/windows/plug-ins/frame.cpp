#include "frame.h"

#include <windows.h>

#include "../requestor/stream.h"
#include "keeper.h"
#include "places.h"
#include "waiting.h"

namespace snaphook {

namespace {

/* What the one who asks takes of one phase is 2000 bytes. */
constexpr size_t LONGEST_ANSWER = 1900;
constexpr size_t LONGEST_MESSAGE = 400;
/* Of a budget: for letting go again what did not come to rest. */
constexpr unsigned long long RESERVE_MS = 3000;
constexpr unsigned long long SHORT_BUDGET_MS = 4000;
constexpr unsigned long long LET_GO_MS = 2000;

void say(JsonWriter answer) { Stream::standard().write(answer.finish()); }

void say_failed(const std::string &message) {
    JsonWriter answer("failed");
    answer.wide_text("message", wide(message).substr(0, LONGEST_MESSAGE));
    say(std::move(answer));
}

/* Whether the keeper has said this; what stands behind it goes to `more`. */
bool has_word(const Child &keeper, std::string_view word, std::string *more = nullptr) {
    for (const std::string &line : keeper.lines()) {
        if (line != word && line.compare(0, word.size() + 1, std::string(word) + " ") != 0) continue;
        if (more != nullptr) *more = line.size() > word.size() ? line.substr(word.size() + 1) : "";
        return true;
    }
    return false;
}

/* Nothing, unless it is a whole number from one on. */
std::optional<unsigned long long> milliseconds(const JsonValue &command, std::string_view name) {
    constexpr double most = 1e12;
    const JsonValue *value = command.find(name);
    if (value == nullptr || value->kind != JsonValue::Kind::NUMBER || !(value->number >= 1 && value->number <= most)) return std::nullopt;
    return static_cast<unsigned long long>(value->number);
}

std::string text_of(const JsonValue *value) { return value == nullptr ? "" : value->text; }

}  // namespace

Client client_of(const Application &application, const Installation &installation, const std::string &instance) {
    return {installation.client, application.arguments(instance), application.greeting(instance)};
}

int Frame::serve() {
    LineBuffer buffer;
    char bytes[4096];
    Stream input = Stream::standard();
    while (DWORD length = input.read(bytes, sizeof bytes)) {
        buffer.add(bytes, length);
        while (auto line = buffer.take_line()) obey(*line);
    }
    if (!keepers_.empty()) release(QUERY_MS);
    return 0;
}

int Frame::refuse(const std::string &problem) {
    char bytes[4096];
    if (Stream::standard().read(bytes, sizeof bytes) > 0) say_failed(problem);
    return 1;
}

void Frame::obey(const std::string &line) {
    std::optional<JsonValue> command = parse_json(line);
    std::string name = command ? text_of(command->find("command")) : "";
    if (name == "discover")
        discover();
    else if (name == "quiesce")
        quiesce(*command);
    else if (name == "unquiesce")
        unquiesce();
    else if (name == "verify")
        verify();
    else
        say(JsonWriter("not-implemented"));
}

/* An instance that does not tell where its files are is not known to lie on what stands still. */
void Frame::discover() {
    JsonWriter answer("discovered");
    answer.begin_list("instances");
    for (const std::string &instance : installation_.instances) {
        std::string problem;
        if (describe(instance, &answer, &problem)) continue;
        say_failed("instance " + instance + " does not tell where its files are: " + problem);
        return;
    }
    answer.end_list();
    std::string line = answer.finish();
    if (line.size() > LONGEST_ANSWER)
        say_failed("there are too many instances or directories to tell");
    else
        Stream::standard().write(line);
}

bool Frame::describe(const std::string &instance, JsonWriter *answer, std::string *problem) const {
    auto directories = application_.directories(client(instance), problem);
    Places places;
    if (!directories || !find_places(*directories, &places, problem)) return false;
    if (places.volumes.empty()) {
        *problem = "it names no directory";
        return false;
    }
    answer->begin_object();
    answer->text("name", instance);
    answer->begin_list("directories");
    for (const std::wstring &directory : places.directories) answer->wide_text({}, directory);
    answer->end_list();
    answer->begin_list("devices");
    for (const std::wstring &volume : places.volumes) answer->wide_text({}, volume);
    answer->end_list();
    answer->end_object();
    return true;
}

void Frame::quiesce(const JsonValue &command) {
    auto budget_ms = milliseconds(command, "budgetMs"), lease_ms = milliseconds(command, "leaseMs");
    if (!budget_ms || !lease_ms) return say_failed("budgetMs and leaseMs must be milliseconds");
    if (!keepers_.empty()) return say_failed("it is at rest already");
    std::string problem;
    if (start_sessions(*budget_ms, *lease_ms, &problem)) return say(JsonWriter("quiesced"));
    release(LET_GO_MS);
    say_failed(problem);
}

bool Frame::start_sessions(unsigned long long budget_ms, unsigned long long lease_ms, std::string *problem) {
    const ULONGLONG end_ms = now_ms() + (budget_ms > SHORT_BUDGET_MS ? budget_ms - RESERVE_MS : budget_ms);
    const std::wstring limits = L" " + std::to_wstring(budget_ms) + L" " + std::to_wstring(lease_ms);
    for (const std::string &instance : installation_.instances) {
        std::unique_ptr<Child> keeper = Child::start(program_path(), L"session " + wide(instance) + limits, problem);
        if (!keeper) return false;
        keepers_.push_back(std::move(keeper));
    }
    for (size_t i = 0; i < keepers_.size(); i++) {
        const Child &keeper = *keepers_[i];
        wait_until(end_ms, [&] { return has_word(keeper, IS_QUIET) || has_word(keeper, IS_LOST) || keeper.is_over(); });
        std::string said = keeper.is_over() ? "its session has ended" : "it took too long";
        if (!has_word(keeper, IS_LOST, &said) && has_word(keeper, IS_QUIET)) continue;
        *problem = "instance " + installation_.instances[i] + " did not come to rest: " + said;
        return false;
    }
    return true;
}

void Frame::unquiesce() {
    if (keepers_.empty()) return say_failed("nothing was brought to rest");
    JsonWriter answer("unquiesced");
    answer.boolean("held", release(QUERY_MS));
    say(std::move(answer));
}

bool Frame::release(unsigned long long wait_ms) {
    bool were_held = true;
    for (const auto &keeper : keepers_) keeper->end_input();
    const ULONGLONG end_ms = now_ms() + wait_ms;
    for (size_t i = 0; i < keepers_.size(); i++) {
        const Child &keeper = *keepers_[i];
        wait_until(end_ms, [&] { return has_word(keeper, WAS_HELD) || has_word(keeper, IS_LOST) || keeper.is_over(); });
        if (has_word(keeper, WAS_HELD)) continue;
        were_held = false;
        /* It was killed, and nobody else does what it would have done. */
        if (!has_word(keeper, IS_LOST) && keeper.is_over()) application_.recover(client(installation_.instances[i]));
    }
    keepers_.clear();
    return were_held;
}

void Frame::verify() {
    for (const std::string &instance : installation_.instances) {
        std::string problem;
        if (application_.answers(client(instance), &problem)) continue;
        say_failed("instance " + instance + " does not answer: " + problem);
        return;
    }
    say(JsonWriter("verified"));
}

}  // namespace snaphook
