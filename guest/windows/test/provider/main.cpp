/* The promises of snaphook-vss-provider.dll, which lies beside this program. Exit code 1: one of them was not kept. */
#include <objbase.h>
#include <wchar.h>

#include "../check.h"
#include "machine.h"

int wmain(int count, wchar_t **words) {
    if (count == 2 && wcscmp(words[1], L"requestor") == 0) return checks::be_requestor();
    CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    checks::load_provider_dll();
    checks::test_com();
    checks::test_window();
    checks::test_sets();
    checks::test_hold();
    return checks::failed_promises == 0 ? 0 : 1;
}
