/* What can be found out about this machine without freezing an application. */
#ifndef SNAPHOOK_SELF_TEST_H
#define SNAPHOOK_SELF_TEST_H

#include <windows.h>

#include <string>
#include <vector>

namespace snaphook {

struct Check {
    const char *name;
    bool ok;
    /* UTF-16. */
    std::wstring detail;
};

/* COM must be set up; what comes after `cancel` is left out. */
std::vector<Check> run_self_test(HANDLE cancel);

std::string self_test_event(const std::vector<Check> &checks);

}  // namespace snaphook

#endif
