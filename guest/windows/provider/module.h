/* Whether the DLL may be unloaded: not while one of its objects lives. */
#ifndef SNAPHOOK_MODULE_H
#define SNAPHOOK_MODULE_H

#include <windows.h>

namespace snaphook {

extern volatile LONG module_uses;

class ModuleUse {
   public:
    ModuleUse() { InterlockedIncrement(&module_uses); }
    ~ModuleUse() { InterlockedDecrement(&module_uses); }
    ModuleUse(const ModuleUse &) = delete;
    ModuleUse &operator=(const ModuleUse &) = delete;
};

}  // namespace snaphook

#endif
