/*
 * The application of a test: counts in a file what it could write, and what anybody could write to the volumes, until its input ends.
 * A frozen writer holds the first mutex, a hold of writes the second.
 */
#include <windows.h>

#include "../stand-in/held-mutex.h"

namespace {

/* A mutex whose owner died is free: that is how a dead requestor's freeze ends here. */
bool may_write(HANDLE mutex) {
    DWORD taken = WaitForSingleObject(mutex, 0);
    if (taken != WAIT_OBJECT_0 && taken != WAIT_ABANDONED) return false;
    ReleaseMutex(mutex);
    return true;
}

DWORD WINAPI end_with_input(void *) {
    char byte;
    DWORD bytes = 0;
    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &bytes, nullptr) && bytes > 0) {
    }
    ExitProcess(0);
}

}  // namespace

int wmain(int count, wchar_t **words) {
    if (count != 2) return 2;
    HANDLE file = CreateFileW(words[1], GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, CREATE_ALWAYS, 0, nullptr);
    if (file == INVALID_HANDLE_VALUE) return 1;
    HANDLE application = CreateMutexW(nullptr, FALSE, stand_in::APPLICATION);
    HANDLE volumes = CreateMutexW(nullptr, FALSE, stand_in::VOLUMES);
    CloseHandle(CreateThread(nullptr, 0, end_with_input, nullptr, 0, nullptr));
    LONGLONG written[2] = {};
    for (;; Sleep(1)) {
        if (!may_write(volumes)) continue;
        written[1] += 1;
        if (may_write(application)) written[0] += 1;
        OVERLAPPED start = {};
        DWORD bytes = 0;
        WriteFile(file, written, sizeof(written), &bytes, &start);
    }
}
