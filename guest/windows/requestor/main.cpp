/* snaphook-vss: makes VSS freeze the applications of this guest while an array takes a snapshot. */
#include <algorithm>
#include <cstdio>
#include <cwchar>

#include "../registration.h"
#include "by-files.h"
#include "com-security.h"
#include "commands.h"
#include "front.h"
#include "handle.h"
#include "json-writer.h"
#include "reports.h"
#include "resident.h"
#include "self-test.h"

namespace snaphook {

namespace {

constexpr char USAGE[] =
    "Examples:\n"
    "  snaphook-vss serve       speak the helper's protocol on standard input and output\n"
    "  snaphook-vss install     make Windows know the provider and the service beside this program\n"
    "  snaphook-vss uninstall   take that away again; the files stay\n"
    "  snaphook-vss selftest    what can be found out without freezing an application\n"
    "  snaphook-vss version     print the version\n"
    "\n"
    "It must run with the rights of Administrators.\n"
    "Windows itself calls it with `service`, for full backups. Clients that can only\n"
    "start programs and read files call it with `hold`, `tell` and `await`.\n";

constexpr char HELPER[] = "snaphook-vss " SNAPHOOK_VERSION;

int print(const std::string &line) { return fputs(line.c_str(), stdout) < 0 ? 1 : 0; }

int test_itself() {
    HRESULT com = begin_com();
    Handle never = make_event();
    std::vector<Check> checks = {{"com-security", false, L"COM could not be set up for VSS"}};
    if (SUCCEEDED(com)) checks = run_self_test(never.get());
    print(self_test_event(checks));
    return std::all_of(checks.begin(), checks.end(), [](const Check &check) { return check.ok; }) ? 0 : 1;
}

int print_version() {
    JsonWriter event("version");
    event.text("helper", HELPER);
    event.number("protocol", PROTOCOL);
    return print(event.finish());
}

int register_with(Failure (*change)(), const char *success) {
    Failure failure = check(begin_com(), "setting up COM");
    if (!failure) failure = change();
    if (failure) {
        print(failed_event("idle", failure, nullptr, {}));
        return 1;
    }
    JsonWriter event(success);
    event.text("helper", HELPER);
    return print(event.finish());
}

int run(const wchar_t *verb) {
    if (wcscmp(verb, L"serve") == 0) serve(Stream::standard());
    if (wcscmp(verb, L"service") == 0) return run_service();
    if (wcscmp(verb, L"install") == 0) return register_with(install, "installed");
    if (wcscmp(verb, L"uninstall") == 0) return register_with(uninstall, "uninstalled");
    if (wcscmp(verb, L"selftest") == 0) return test_itself();
    if (wcscmp(verb, L"version") == 0) return print_version();
    fputs(USAGE, stderr);
    return 2;
}

int run_for_session(int count, wchar_t **words) {
    if (wcscmp(words[1], L"hold") == 0 && count == 4) return hold(words[2], words[3]);
    if (wcscmp(words[1], L"tell") == 0 && count == 4) return tell(words[2], words[3]);
    if (wcscmp(words[1], L"await") == 0 && count == 3) return await_frozen(words[2]);
    return run(L"");
}

}  // namespace

}  // namespace snaphook

int wmain(int count, wchar_t **words) {
    if (count > 2) return snaphook::run_for_session(count, words);
    return snaphook::run(count == 2 ? words[1] : L"");
}
