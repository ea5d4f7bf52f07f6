#ifndef SNAPHOOK_LOCK_H
#define SNAPHOOK_LOCK_H

#include <windows.h>

namespace snaphook {

class Lock {
   public:
    Lock() { InitializeCriticalSection(&section_); }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;
    ~Lock() { DeleteCriticalSection(&section_); }

    /* Held as long as it lives. */
    class Hold {
       public:
        explicit Hold(Lock &lock) : section_(&lock.section_) { EnterCriticalSection(section_); }
        Hold(const Hold &) = delete;
        Hold &operator=(const Hold &) = delete;
        ~Hold() { LeaveCriticalSection(section_); }

       private:
        CRITICAL_SECTION *section_;
    };

   private:
    CRITICAL_SECTION section_;
};

}  // namespace snaphook

#endif
