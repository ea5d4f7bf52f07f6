/* snaphook-vss: makes VSS freeze the applications of this guest while an array takes a snapshot. */
#include <stdio.h>
#include <wchar.h>

int wmain(int count, wchar_t **words) {
    if (count == 2 && wcscmp(words[1], L"version") == 0) return puts("snaphook-vss " SNAPHOOK_VERSION) < 0;
    fputs("Usage: snaphook-vss version\n", stderr);
    return 2;
}
