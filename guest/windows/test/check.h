/* A promise a line: `ok ...` or `not ok ...`, with what was not as promised. */
#pragma once

#include <stdio.h>

#include <functional>

namespace checks {

inline int failures = 0;
inline int failed_promises = 0;

inline void note_failure(const char *condition, const char *file, int line) {
    failures += 1;
    printf("# %s:%d: %s\n", file, line, condition);
}

inline void promise(const char *name, const std::function<void()> &test) {
    failures = 0;
    test();
    if (failures > 0) failed_promises += 1;
    printf("%s %s\n", failures == 0 ? "ok" : "not ok", name);
    fflush(stdout);
}

}  // namespace checks

#define CHECK(condition) ((condition) ? (void)0 : checks::note_failure(#condition, __FILE__, __LINE__))
