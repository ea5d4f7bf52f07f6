/* When a script or a plug-in has to be through, and what may end its turn before. */
#ifndef SNAPHOOK_TURN_H
#define SNAPHOOK_TURN_H

#include <windows.h>

#include <functional>

namespace snaphook {

struct Turn {
    /* GetTickCount64 */
    ULONGLONG end_ms = 0;
    /* Empty: nothing may. */
    std::function<bool()> is_given_up;

    bool is_over() const { return GetTickCount64() >= end_ms || (is_given_up && is_given_up()); }
};

/* How often a program that runs is looked at. */
inline constexpr DWORD TURN_TICK_MS = 5;

}  // namespace snaphook

#endif
