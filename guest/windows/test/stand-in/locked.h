#pragma once

#include <windows.h>

namespace stand_in {

/* Holds the lock as long as it lives. */
class Locked {
   public:
    explicit Locked(CRITICAL_SECTION *section) : section_(section) { EnterCriticalSection(section_); }
    Locked(const Locked &) = delete;
    Locked &operator=(const Locked &) = delete;
    ~Locked() { LeaveCriticalSection(section_); }

   private:
    CRITICAL_SECTION *section_;
};

}  // namespace stand_in
