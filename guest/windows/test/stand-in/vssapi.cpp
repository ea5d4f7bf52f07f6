/* The two functions that vsbackup.h binds. */
#include <vss.h>
#include <vswriter.h>

#include <vsbackup.h>

#include "backup-components.h"
#include "event-log.h"
#include "storage.h"

STDAPI CreateVssBackupComponentsInternal(IVssBackupComponents **components) {
    if (components == nullptr) return E_INVALIDARG;
    *components = new stand_in::BackupComponents;
    return S_OK;
}

void APIENTRY VssFreeSnapshotPropertiesInternal(VSS_SNAPSHOT_PROP *) {}

/* The program that is linked against this DLL sees the test's volumes and event logs, and is otherwise what is shipped. */
BOOL WINAPI DllMain(HINSTANCE, DWORD reason, void *) {
    if (reason == DLL_PROCESS_ATTACH) {
        stand_in::serve_storage(GetModuleHandleW(nullptr));
        stand_in::serve_event_log(GetModuleHandleW(nullptr));
    }
    return TRUE;
}
