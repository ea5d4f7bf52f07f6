/* The two functions that vsbackup.h binds. */
#include <vss.h>
#include <vswriter.h>

#include <vsbackup.h>

#include "backup_components.h"

STDAPI CreateVssBackupComponentsInternal(IVssBackupComponents **components) {
    if (components == nullptr) return E_INVALIDARG;
    *components = new stand_in::BackupComponents;
    return S_OK;
}

void APIENTRY VssFreeSnapshotPropertiesInternal(VSS_SNAPSHOT_PROP *) {}
