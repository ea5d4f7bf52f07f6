#include "writer.h"

#include <objbase.h>
#include <vsserror.h>

namespace stand_in {

namespace {

constexpr DWORD FREEZE_LIMIT_MS = 60'000;
constexpr DWORD EXCHANGE_FREEZE_LIMIT_MS = 20'000;
constexpr GUID EXCHANGE = {0x76fe1ac4, 0x15f7, 0x4bcd, {0x98, 0x7e, 0x8e, 0x1a, 0xcb, 0x46, 0x2f, 0xb7}};

Component component_of(const Knobs &knobs, const std::wstring &key) {
    Component component;
    component.name = knobs.text(key);
    component.logical_path = knobs.text(key + L".path");
    component.is_database = knobs.text(key + L".kind") != L"files";
    component.is_selectable = knobs.yes(key + L".selectable", true);
    for (int at = 0; knobs.has(nth(key + L".file", at)); at += 1) component.files.push_back(knobs.text(nth(key + L".file", at)));
    return component;
}

}  // namespace

const WriterPhase IDENTIFY = {L"identify", VSS_WS_STABLE, VSS_WS_FAILED_AT_IDENTIFY};
const WriterPhase PREPARE_BACKUP = {L"prepare-backup", VSS_WS_STABLE, VSS_WS_FAILED_AT_PREPARE_BACKUP};
const WriterPhase PREPARE_SNAPSHOT = {L"prepare-snapshot", VSS_WS_WAITING_FOR_FREEZE, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT};
const WriterPhase FREEZE = {L"freeze", VSS_WS_WAITING_FOR_THAW, VSS_WS_FAILED_AT_FREEZE};
const WriterPhase THAW = {L"thaw", VSS_WS_WAITING_FOR_POST_SNAPSHOT, VSS_WS_FAILED_AT_THAW};
const WriterPhase POST_SNAPSHOT = {L"post-snapshot", VSS_WS_WAITING_FOR_BACKUP_COMPLETE, VSS_WS_FAILED_AT_POST_SNAPSHOT};
const WriterPhase BACKUP_COMPLETE = {L"backup-complete", VSS_WS_STABLE, VSS_WS_FAILED_AT_BACKUP_COMPLETE};

Writer::Writer(const Knobs &knobs, int index) : key_(nth(L"writer", index)) {
    class_id = guid_of(knobs.text(key_));
    name = knobs.text(key_ + L".name");
    CoCreateGuid(&instance);
    for (int at = 0; knobs.has(nth(key_ + L".component", at)); at += 1)
        components.push_back(component_of(knobs, nth(key_ + L".component", at)));
}

void Writer::fail(VSS_WRITER_STATE failed, HRESULT result) {
    state = failed;
    failure = result;
}

void Writer::take(const WriterPhase &phase) {
    if (failure != S_OK) return;
    Knobs knobs = Knobs::read();
    Sleep(knobs.number(std::wstring(L"delay-ms.") + phase.word, 0));
    HRESULT result = knobs.result(key_ + L".fail." + phase.word);
    note(L"writer " + std::wstring(phase.word) + L" " + name + (result == S_OK ? L"" : L" failed"));
    if (result != S_OK) return fail(phase.failed, result);
    state = phase.done;
}

void Writer::freeze() {
    take(FREEZE);
    if (failure != S_OK) return;
    Knobs knobs = Knobs::read();
    bool stops_application = knobs.yes(key_ + L".application", false) && has_selected();
    DWORD limit_ms = IsEqualGUID(class_id, EXCHANGE) ? EXCHANGE_FREEZE_LIMIT_MS : FREEZE_LIMIT_MS;
    window_.hold(stops_application ? APPLICATION : nullptr, knobs.number(key_ + L".freeze-limit-ms", limit_ms));
}

void Writer::thaw() {
    if (!window_.is_held()) return take(THAW);
    if (window_.release()) return take(THAW);
    fail(VSS_WS_FAILED_AT_FREEZE, VSS_E_WRITERERROR_TIMEOUT);
}

void Writer::abort() {
    if (!window_.is_held()) return;
    window_.release();
    fail(VSS_WS_FAILED_AT_THAW, VSS_E_WRITERERROR_RETRYABLE);
    note(L"writer abort " + name);
}

void Writer::backup_complete(VSS_BACKUP_TYPE type) {
    bool is_successful = has_selected();
    for (const Component &component : components)
        if (component.is_selected && !component.is_successful) is_successful = false;
    take(BACKUP_COMPLETE);
    if (failure == S_OK && is_successful && type == VSS_BT_FULL) note(L"logs truncated " + name);
}

Component *Writer::find(VSS_COMPONENT_TYPE type, const std::wstring &logical_path, const std::wstring &name) {
    for (Component &component : components)
        if (component.is_database == (type == VSS_CT_DATABASE) && component.logical_path == logical_path && component.name == name)
            return &component;
    return nullptr;
}

bool Writer::has_selected() const {
    for (const Component &component : components)
        if (component.is_selected) return true;
    return false;
}

}  // namespace stand_in
