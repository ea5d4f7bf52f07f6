#ifndef SNAPHOOK_WAITING_H
#define SNAPHOOK_WAITING_H

#include <windows.h>

#include <algorithm>

namespace snaphook {

/* Set whenever something that this program's one waiting thread waits for may have come to be. */
inline HANDLE change() {
    static HANDLE event = CreateEventW(nullptr, FALSE, FALSE, nullptr);
    return event;
}

/* No clock of a person: it goes on evenly, whatever the date is set to. */
inline ULONGLONG now_ms() { return GetTickCount64(); }

constexpr ULONGLONG NEVER_MS = ~0ull;

/* True as soon as it is so; false when the time is over before. */
template <class Condition>
bool wait_until(ULONGLONG end_ms, Condition is_so) {
    constexpr ULONGLONG LONGEST_MS = 3600 * 1000;
    for (;;) {
        if (is_so()) return true;
        ULONGLONG now = now_ms();
        if (now >= end_ms) return false;
        WaitForSingleObject(change(), static_cast<DWORD>(std::min(end_ms - now, LONGEST_MS)));
    }
}

}  // namespace snaphook

#endif
