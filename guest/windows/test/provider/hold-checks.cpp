#include <vsserror.h>
#include <wchar.h>

#include "../check.h"
#include "machine.h"

namespace checks {

namespace {

using namespace snaphook;

LONGLONG held_ms(const SharedWindow &window) {
    return (window->ended_at - window->frozen_at) * 1000 / window->ticks_per_second;
}

void arm(Machine &machine, HoldMode mode, DWORD hold_ms) {
    CHECK(machine.window.create(mode, hold_ms) == S_OK);
    machine.window.arm(SET);
    CHECK(machine.prepare(SET) == S_OK);
}

void check_ended(const Machine &machine, HoldState state) {
    CHECK(is_set(machine.window.ended(), PATIENCE_MS));
    CHECK(machine.window->state == state);
}

void check_held_until_thaw(Machine &machine, Call &call) {
    CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
    CHECK(machine.window->state == HOLD_FROZEN);
    CHECK(!call.is_over(SHORT_HOLD_MS));
    LONGLONG thaw_at = ticks_now();
    SetEvent(machine.window.thaw());
    CHECK(call.result() == S_OK);
    check_ended(machine, HOLD_RELEASED);
    CHECK(machine.window->frozen_at < thaw_at);
    CHECK(machine.window->ended_at >= thaw_at);
    CHECK(held_ms(machine.window) >= SHORT_HOLD_MS);
}

void check_expires(Machine &machine, Call &call) {
    CHECK(call.result() == VSS_E_PROVIDER_VETO);
    check_ended(machine, HOLD_EXPIRED);
    CHECK(held_ms(machine.window) >= SHORT_HOLD_MS);
}

void test_commit() {
    promise("writes are held in CommitSnapshots from frozen until the thaw, and not before", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, LONG_HOLD_MS);
        CHECK(machine.sets->PreCommitSnapshots(SET) == S_OK);
        CHECK(machine.window->state == HOLD_ARMED);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        check_held_until_thaw(machine, commit);
        CHECK(machine.sets->PostCommitSnapshots(SET, 1) == S_OK);
        CHECK(machine.sets->PreFinalCommitSnapshots(SET) == S_OK);
        CHECK(machine.sets->PostFinalCommitSnapshots(SET) == S_OK);
    });
    promise("without a thaw the hold expires after the time agreed on, and the set is vetoed", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, SHORT_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        check_expires(machine, commit);
    });
    promise("a thaw from before the hold does not end it", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, SHORT_HOLD_MS);
        SetEvent(machine.window.thaw());
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        check_expires(machine, commit);
    });
    promise("a set is held once: a second commit is vetoed without a wait", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, SHORT_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        check_expires(machine, commit);
        LONGLONG ended_at = machine.window->ended_at;
        CHECK(machine.sets->CommitSnapshots(SET) == VSS_E_PROVIDER_VETO);
        CHECK(machine.window->ended_at == ended_at);
        CHECK(machine.window->state == HOLD_EXPIRED);
    });
}

void test_pre_commit() {
    promise("precommit mode flushes and holds in PreCommitSnapshots, and CommitSnapshots goes on at once", [] {
        Machine machine;
        arm(machine, HOLD_IN_PRECOMMIT, LONG_HOLD_MS);
        Call pre_commit(machine.sets, &IVssProviderCreateSnapshotSet::PreCommitSnapshots, SET);
        check_held_until_thaw(machine, pre_commit);
        LONGLONG ended_at = machine.window->ended_at;
        CHECK(machine.sets->CommitSnapshots(SET) == S_OK);
        CHECK(machine.window->ended_at == ended_at);
    });
    promise("an expired hold of precommit mode vetoes PreCommitSnapshots and CommitSnapshots", [] {
        Machine machine;
        arm(machine, HOLD_IN_PRECOMMIT, SHORT_HOLD_MS);
        Call pre_commit(machine.sets, &IVssProviderCreateSnapshotSet::PreCommitSnapshots, SET);
        check_expires(machine, pre_commit);
        CHECK(machine.sets->CommitSnapshots(SET) == VSS_E_PROVIDER_VETO);
    });
    promise("a volume that cannot be opened for the flush vetoes the set before anything freezes, and the reason is told", [] {
        Machine machine;
        wcscpy(machine.volume, L"C:\\there is no such volume\\");
        CHECK(machine.window.create(HOLD_IN_PRECOMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.prepare(SET) == VSS_E_PROVIDER_VETO);
        check_ended(machine, HOLD_VETOED);
        CHECK(machine.window->failure == HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND));
        CHECK(!is_set(machine.window.frozen(), 0));
    });
}

void test_other_ends() {
    promise("AbortSnapshots ends a hold at once, as vetoed", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, LONG_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
        CHECK(machine.sets->AbortSnapshots(SET) == S_OK);
        CHECK(commit.result() == VSS_E_PROVIDER_VETO);
        check_ended(machine, HOLD_VETOED);
        CHECK(held_ms(machine.window) < LONG_HOLD_MS);
    });
    promise("the abort of another set does not end a hold", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, LONG_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
        CHECK(machine.sets->AbortSnapshots(OTHER_SET) == VSS_E_OBJECT_NOT_FOUND);
        check_held_until_thaw(machine, commit);
    });
    promise("OnUnload ends a hold at once, as vetoed", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, LONG_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
        CHECK(machine.notifications->OnUnload(TRUE) == S_OK);
        CHECK(commit.result() == VSS_E_PROVIDER_VETO);
        check_ended(machine, HOLD_VETOED);
    });
    promise("a set that VSS begins anew ends the hold of the one before", [] {
        Machine machine;
        arm(machine, HOLD_IN_COMMIT, LONG_HOLD_MS);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
        CHECK(machine.begin(OTHER_SET) == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
        CHECK(commit.result() == VSS_E_PROVIDER_VETO);
        check_ended(machine, HOLD_VETOED);
    });
    promise("the death of the requestor ends its hold at once, as vetoed", [] {
        Machine machine;
        HANDLE ready = CreateEventW(nullptr, TRUE, FALSE, L"snaphook-test-requestor-ready");
        wchar_t command[MAX_PATH + 16] = L"\"";
        GetModuleFileNameW(nullptr, command + 1, MAX_PATH);
        wcscat(command, L"\" requestor");
        STARTUPINFOW startup = {};
        startup.cb = sizeof(startup);
        PROCESS_INFORMATION requestor = {};
        CHECK(CreateProcessW(nullptr, command, nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup, &requestor));
        CHECK(is_set(ready, PATIENCE_MS));
        CHECK(machine.prepare(SET) == S_OK);
        CHECK(machine.window.open() == S_OK);
        Call commit(machine.sets, &IVssProviderCreateSnapshotSet::CommitSnapshots, SET);
        CHECK(is_set(machine.window.frozen(), PATIENCE_MS));
        CHECK(TerminateProcess(requestor.hProcess, 1));
        CHECK(commit.result() == VSS_E_PROVIDER_VETO);
        check_ended(machine, HOLD_VETOED);
        CHECK(held_ms(machine.window) < LONG_HOLD_MS);
        CloseHandle(requestor.hProcess);
        CloseHandle(requestor.hThread);
        CloseHandle(ready);
    });
}

}  // namespace

void test_hold() {
    test_commit();
    test_pre_commit();
    test_other_ends();
}

int be_requestor() {
    SharedWindow window;
    if (FAILED(window.create(HOLD_IN_COMMIT, LONG_HOLD_MS))) return 1;
    window.arm(SET);
    HANDLE ready = OpenEventW(EVENT_MODIFY_STATE, FALSE, L"snaphook-test-requestor-ready");
    SetEvent(ready);
    Sleep(PATIENCE_MS);
    return 1;
}

}  // namespace checks
