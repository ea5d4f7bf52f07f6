#include "async.h"

#include <vsserror.h>

namespace stand_in {

namespace {

constexpr DWORD TICK_MS = 5;

/* The requestor's, that of the object that started it, and its own thread's. */
constexpr LONG REFERENCES_AT_START = 3;

}  // namespace

Async::Async() : polled_(CreateEventW(nullptr, FALSE, FALSE, nullptr)), done_(CreateEventW(nullptr, TRUE, FALSE, nullptr)) {}

Async::~Async() {
    CloseHandle(polled_);
    CloseHandle(done_);
}

Async *Async::start(std::function<HRESULT(Async &)> work) {
    auto *async = new Async;
    async->work_ = std::move(work);
    async->references_ = REFERENCES_AT_START;
    CloseHandle(CreateThread(nullptr, 0, run, async, 0, nullptr));
    return async;
}

DWORD WINAPI Async::run(void *self) {
    auto *async = static_cast<Async *>(self);
    HRESULT result = async->work_(*async);
    async->result_ = result == S_OK ? VSS_S_ASYNC_FINISHED : result;
    SetEvent(async->done_);
    async->Release();
    return 0;
}

bool Async::await_poll() {
    while (cancelled_ == 0 && references_ >= REFERENCES_AT_START)
        if (WaitForSingleObject(polled_, TICK_MS) == WAIT_OBJECT_0) return cancelled_ == 0;
    return false;
}

STDMETHODIMP Async::Cancel() {
    if (is_done()) return result_ == VSS_S_ASYNC_CANCELLED ? VSS_S_ASYNC_CANCELLED : VSS_S_ASYNC_FINISHED;
    InterlockedExchange(&cancelled_, 1);
    return S_OK;
}

STDMETHODIMP Async::Wait(DWORD limit_ms) {
    DWORD since = GetTickCount();
    while (WaitForSingleObject(done_, TICK_MS) != WAIT_OBJECT_0) {
        SetEvent(polled_);
        if (limit_ms != INFINITE && GetTickCount() - since > limit_ms) return S_OK;
    }
    return S_OK;
}

STDMETHODIMP Async::QueryStatus(HRESULT *result, INT *) {
    if (result == nullptr) return E_INVALIDARG;
    SetEvent(polled_);
    *result = is_done() ? result_ : VSS_S_ASYNC_PENDING;
    return S_OK;
}

}  // namespace stand_in
