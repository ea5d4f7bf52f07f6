#include "held-mutex.h"

namespace stand_in {

/* A mutex belongs to a thread: one of its own can let go when the time is over, whatever the others wait for. */
DWORD WINAPI HeldMutex::run(void *self) {
    auto *held = static_cast<HeldMutex *>(self);
    HANDLE mutex = held->name_ == nullptr ? nullptr : CreateMutexW(nullptr, FALSE, held->name_);
    if (mutex != nullptr) WaitForSingleObject(mutex, INFINITE);
    SetEvent(held->held_);
    held->expired_ = WaitForSingleObject(held->end_, held->limit_ms_) == WAIT_TIMEOUT;
    if (mutex != nullptr) {
        ReleaseMutex(mutex);
        CloseHandle(mutex);
    }
    return 0;
}

void HeldMutex::hold(const wchar_t *name, DWORD limit_ms) {
    name_ = name;
    limit_ms_ = limit_ms;
    held_ = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    end_ = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    thread_ = CreateThread(nullptr, 0, run, this, 0, nullptr);
    WaitForSingleObject(held_, INFINITE);
}

bool HeldMutex::release() {
    if (thread_ == nullptr) return false;
    SetEvent(end_);
    WaitForSingleObject(thread_, INFINITE);
    CloseHandle(thread_);
    CloseHandle(held_);
    CloseHandle(end_);
    thread_ = nullptr;
    return !expired_;
}

}  // namespace stand_in
