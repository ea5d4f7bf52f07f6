/* snaphook-vss: makes VSS freeze the applications of this guest while an array takes a snapshot. */
#include <algorithm>
#include <cstdio>
#include <cwchar>

#include "com-security.h"
#include "front.h"
#include "handle.h"
#include "resident.h"
#include "self-test.h"

namespace snaphook {

namespace {

constexpr char USAGE[] =
    "Examples:\n"
    "  snaphook-vss serve       speak the helper's protocol on standard input and output\n"
    "  snaphook-vss selftest    what can be found out without freezing an application\n"
    "  snaphook-vss version     print the version\n"
    "\n"
    "Windows itself calls it with `service`, for full backups. It must run with the rights of Administrators.\n";

int test_itself() {
    HRESULT com = begin_com();
    Handle never = make_event();
    std::vector<Check> checks = run_self_test(never.get());
    if (FAILED(com)) checks.push_back({"com-security", false, L"COM could not be set up for VSS"});
    fputs(self_test_event(checks).c_str(), stdout);
    return std::all_of(checks.begin(), checks.end(), [](const Check &check) { return check.ok; }) ? 0 : 1;
}

int run(const wchar_t *verb) {
    if (wcscmp(verb, L"serve") == 0) return serve();
    if (wcscmp(verb, L"service") == 0) return run_service();
    if (wcscmp(verb, L"selftest") == 0) return test_itself();
    if (wcscmp(verb, L"version") == 0) return puts("snaphook-vss " SNAPHOOK_VERSION) < 0;
    fputs(USAGE, stderr);
    return 2;
}

}  // namespace

}  // namespace snaphook

int wmain(int count, wchar_t **words) { return snaphook::run(count == 2 ? words[1] : L""); }
