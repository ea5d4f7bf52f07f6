#include <vsserror.h>
#include <wchar.h>

#include "../../identity.h"
#include "../check.h"
#include "machine.h"

namespace checks {

using namespace snaphook;

void test_sets() {
    promise("nobody's volume is supported without a requestor of ours", [] {
        Machine machine;
        CHECK(!machine.is_supported());
        CHECK(machine.begin(SET) == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
    });
    promise("nothing is supported before the set is known, and then that set alone", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        CHECK(!machine.is_supported());
        CHECK(machine.begin(SET) == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
        machine.window.arm(SET);
        CHECK(machine.is_supported());
        CHECK(machine.begin(OTHER_SET) == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
        CHECK(machine.begin(SET) == S_OK);
    });
    promise("a rehearsal, and a set that was let go, are no reason to support anybody's volume", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_REHEARSAL, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(!machine.is_supported());
        CHECK(machine.prepare(SET) == S_OK);
        machine.window.close();
        CHECK(machine.sets->AbortSnapshots(SET) == S_OK);
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.is_supported());
        machine.window.let_go();
        CHECK(!machine.is_supported());
    });
    promise("a window with a longer hold than VSS allows is not served", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window->hold_ms = MAX_COMMIT_HOLD_MS + 1;
        machine.window.arm(SET);
        CHECK(machine.begin(SET) == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
    });
    promise("calls for a set that was not begun find no object", [] {
        Machine machine;
        CHECK(machine.sets->EndPrepareSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->PreCommitSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->CommitSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->PostCommitSnapshots(SET, 1) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->PreFinalCommitSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->PostFinalCommitSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.sets->AbortSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
    });
    promise("a commit without the end of the preparation holds nothing", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.begin(SET) == S_OK);
        CHECK(machine.sets->CommitSnapshots(SET) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(machine.window->state == HOLD_ARMED);
    });
    promise("a set takes 64 volumes and no more", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        for (int at = 0; at < 64; at += 1) CHECK(machine.begin(SET) == S_OK);
        CHECK(machine.begin(SET) == VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED);
    });
    promise("an abort before the hold is vetoed, and the next set can begin", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.prepare(SET) == S_OK);
        CHECK(machine.sets->AbortSnapshots(SET) == S_OK);
        CHECK(is_set(machine.window.ended(), 0));
        CHECK(machine.window->state == HOLD_VETOED);
        machine.window.close();
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(OTHER_SET);
        CHECK(machine.prepare(OTHER_SET) == S_OK);
    });
    promise("a set that VSS gives up without a word does not keep the next requestor out", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.begin(SET) == S_OK);
        machine.window.close();
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(OTHER_SET);
        CHECK(machine.prepare(OTHER_SET) == S_OK);
    });
    promise("the window of a requestor that is gone is not taken for that of the set", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.begin(SET) == S_OK);
        machine.window.close();
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(OTHER_SET);
        CHECK(machine.sets->EndPrepareSnapshots(SET) == VSS_E_PROVIDER_VETO);
        CHECK(machine.window->state == HOLD_ARMED);
    });
    promise("the properties of a snapshot of the set are told, and no others", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        CHECK(machine.begin(SET) == S_OK);
        VSS_SNAPSHOT_PROP properties = {};
        CHECK(machine.software->GetSnapshotProperties(SNAPSHOT, &properties) == S_OK);
        CHECK(IsEqualGUID(properties.m_SnapshotSetId, SET));
        CHECK(IsEqualGUID(properties.m_ProviderId, PROVIDER_ID));
        CHECK(properties.m_lSnapshotsCount == 1);
        CHECK(properties.m_lSnapshotAttributes == VSS_CTX_APP_ROLLBACK);
        CHECK(wcscmp(properties.m_pwszOriginalVolumeName, machine.volume) == 0);
        CoTaskMemFree(properties.m_pwszOriginalVolumeName);
        CHECK(machine.software->GetSnapshotProperties(SET, &properties) == VSS_E_OBJECT_NOT_FOUND);
    });
    promise("there are no snapshots to list or to delete", [] {
        Machine machine;
        IVssEnumObject *objects = nullptr;
        CHECK(machine.software->Query(GUID_NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &objects) == S_OK);
        VSS_OBJECT_PROP object = {};
        ULONG fetched = 1;
        CHECK(objects->Next(1, &object, &fetched) == S_FALSE);
        CHECK(fetched == 0);
        CHECK(objects->Release() == 0);
        LONG deleted = 1;
        GUID not_deleted = {};
        CHECK(machine.software->DeleteSnapshots(SNAPSHOT, VSS_OBJECT_SNAPSHOT, TRUE, &deleted, &not_deleted) == VSS_E_OBJECT_NOT_FOUND);
        CHECK(deleted == 0);
        CHECK(IsEqualGUID(not_deleted, SNAPSHOT));
        BOOL has_snapshots = TRUE;
        LONG compatibility = 1;
        CHECK(machine.software->IsVolumeSnapshotted(machine.volume, &has_snapshots, &compatibility) == S_OK);
        CHECK(!has_snapshots);
    });
}

void test_window() {
    promise("a hold of no time, or of more than VSS allows, is refused", [] {
        SharedWindow window;
        CHECK(window.create(HOLD_IN_COMMIT, 0) == E_INVALIDARG);
        CHECK(window.create(HOLD_IN_COMMIT, MAX_COMMIT_HOLD_MS + 1) == E_INVALIDARG);
        CHECK(window.create(HOLD_IN_PRECOMMIT, MAX_PRECOMMIT_HOLD_MS + 1) == E_INVALIDARG);
        CHECK(window.create(HOLD_IN_PRECOMMIT, MAX_PRECOMMIT_HOLD_MS) == S_OK);
    });
    promise("a second requestor is told that a set is in progress, until the first is done", [] {
        SharedWindow first;
        SharedWindow second;
        CHECK(first.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        CHECK(second.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == VSS_E_SNAPSHOT_SET_IN_PROGRESS);
        first.close();
        CHECK(second.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
    });
    promise("an event that somebody else made under one of the names is not used", [] {
        HANDLE foreign = CreateEventW(nullptr, TRUE, FALSE, L"Global\\snaphook-vss-thaw");
        SharedWindow window;
        CHECK(window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == VSS_E_SNAPSHOT_SET_IN_PROGRESS);
        CHECK(!window.is_open());
        CloseHandle(foreign);
        CHECK(window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
    });
    promise("a window of another version is not served", [] {
        Machine machine;
        CHECK(machine.window.create(HOLD_IN_COMMIT, LONG_HOLD_MS) == S_OK);
        machine.window.arm(SET);
        machine.window->version = WINDOW_VERSION + 1;
        CHECK(!machine.is_supported());
    });
}

}  // namespace checks
