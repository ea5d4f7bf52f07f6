/* The provider of this folder, loaded into this process and taken through a set that has no volume: nothing is frozen by it. */
#ifndef SNAPHOOK_PROVIDER_REHEARSAL_H
#define SNAPHOOK_PROVIDER_REHEARSAL_H

#include <windows.h>

#include <vss.h>

#include <vsprov.h>

#include "../window.h"
#include "com-pointer.h"

namespace snaphook {

class ProviderRehearsal {
   public:
    HRESULT load();

    /* S_OK: one hold waited for its thaw, and one that got none was vetoed. */
    HRESULT hold_and_release();

   private:
    struct Commit;
    static DWORD WINAPI commit_thread(void *commit);
    /* What the provider answers, and how the window says that the hold ended. */
    HRESULT hold_once(DWORD hold_ms, bool release, HRESULT *answer, LONG *state);

    ComPointer<IVssProviderCreateSnapshotSet> provider_;
};

}  // namespace snaphook

#endif
