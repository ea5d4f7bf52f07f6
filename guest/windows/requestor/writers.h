/* What the writers of this machine say of themselves, through one IVssBackupComponents. */
#ifndef SNAPHOOK_WRITERS_H
#define SNAPHOOK_WRITERS_H

#include <windows.h>

#include <vsbackup.h>

#include <string>
#include <vector>

#include "selection.h"

namespace snaphook {

struct WriterMetadata {
    GUID id = {};
    GUID instance = {};
    std::vector<Component> components;
};

struct WriterStatus {
    GUID id = {};
    GUID instance = {};
    std::wstring name;
    /* VSS_WRITER_STATE */
    int state = 0;
    HRESULT failure = S_OK;
};

/* After GatherWriterMetadata has ended. */
HRESULT read_writer_metadata(IVssBackupComponents *backup, std::vector<WriterMetadata> *writers);

/* Gathers and reads. */
HRESULT read_writer_status(IVssBackupComponents *backup, HANDLE cancel, std::vector<WriterStatus> *writers);

}  // namespace snaphook

#endif
