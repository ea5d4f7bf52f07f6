#include "quiet-applications.h"

#include "../resident.h"
#include "program-search.h"

namespace snaphook {

namespace {

bool is_event(const JsonValue &event, const char *name) {
    const JsonValue *word = event.find("event");
    return word != nullptr && word->text == name;
}

Failure failure_of(const JsonValue &event) {
    const JsonValue *result = event.find("result"), *message = event.find("message");
    if (result == nullptr || message == nullptr) return {E_UNEXPECTED, "the service 'snaphook-vss' is of another version"};
    return {static_cast<HRESULT>(result->number), message->text};
}

/* Whoever starts it lets it tell the scripts of the one that ended. It takes no clients before. */
void start_service_again() {
    Handle pipe;
    connect_to_resident(false, &pipe);
}

}  // namespace

QuietApplications::~QuietApplications() {
    ScriptRecords unwanted;
    release(false, &unwanted);
}

Failure QuietApplications::quiesce(const QuietTerms &terms, HANDLE cancel, ScriptRecords *records) {
    if (!has_programs()) return {};
    Handle pipe;
    Failure failure = connect_to_resident(false, &pipe);
    if (failure) return failure;
    connection_ = std::make_unique<Channel>(Stream::of_pipe(std::move(pipe)), true);
    connection_->write(terms_line(terms));
    JsonValue event;
    bool is_heard = hear(&event, cancel);
    if (!is_heard && !connection_->is_over()) {
        connection_->write(GO_ON_AFTER_FAILURE);
        /* It may have been said a moment before. */
        do is_heard = hear(&event, nullptr);
        while (is_heard && is_event(event, "quiesced"));
        connection_.reset();
        return {E_ABORT, "given up"};
    }
    if (!is_heard) return lost();
    read_script_records(event, records);
    if (is_event(event, "quiesced")) return {};
    connection_.reset();
    return failure_of(event);
}

Failure QuietApplications::keep_for_freeze(ScriptRecords *records) {
    if (is_lost_) return lost();
    if (!connection_) return {};
    connection_->write(FREEZE_LINE);
    JsonValue event;
    if (!hear(&event, nullptr)) return lost();
    if (is_event(event, "leased")) return {};
    read_script_records(event, records);
    connection_.reset();
    return {HRESULT_FROM_WIN32(ERROR_TIMEOUT), "the applications were at rest for too long, and went on"};
}

void QuietApplications::release(bool success, ScriptRecords *records) {
    if (connection_) connection_->write(success ? GO_ON_AFTER_SUCCESS : GO_ON_AFTER_FAILURE);
    JsonValue event;
    if (connection_ && hear(&event, nullptr)) {
        read_script_records(event, records);
        connection_.reset();
    } else {
        lost();
    }
}

void QuietApplications::notice_news() {
    if (!connection_ || early_) return;
    bool is_over = connection_->is_over();
    std::string line;
    if (connection_->take_line(&line)) {
        early_ = parse_json(line);
    } else if (is_over) {
        connection_.reset();
        is_lost_ = true;
        start_service_again();
    }
}

/* The next line; false when there will be none, or `cancel` was set before. */
bool QuietApplications::hear(JsonValue *event, HANDLE cancel) {
    for (;;) {
        /* In this order: its last words come before its end. */
        bool is_over = connection_->is_over();
        std::string line;
        if (!early_ && connection_->take_line(&line)) early_ = parse_json(line).value_or(JsonValue());
        if (early_) {
            *event = std::move(*early_);
            early_.reset();
            return true;
        }
        if (is_over) return false;
        HANDLE either[] = {connection_->news(), cancel};
        if (WaitForMultipleObjects(cancel == nullptr ? 1 : 2, either, FALSE, INFINITE) == WAIT_OBJECT_0 + 1) return false;
    }
}

Failure QuietApplications::lost() {
    notice_news();
    connection_.reset();
    early_.reset();
    is_lost_ = false;
    return {HRESULT_FROM_WIN32(ERROR_SERVICE_NOT_ACTIVE), "the service 'snaphook-vss', which kept the applications at rest, has ended"};
}

}  // namespace snaphook
