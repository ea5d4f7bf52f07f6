#pragma once

#include <vss.h>

#include <functional>

#include "counted.h"

namespace stand_in {

/* Work that goes on only while somebody asks for its status, as VSS' own does. */
class Async final : public Counted<IVssAsync> {
   public:
    /*
     * `work` runs on a thread of its own and returns what QueryStatus tells, S_OK as VSS_S_ASYNC_FINISHED. Comes with two
     * references: one for the requestor, one for the object that started it.
     */
    static Async *start(std::function<HRESULT(Async &)> work);

    STDMETHODIMP Cancel() override;
    STDMETHODIMP Wait(DWORD limit_ms) override;
    STDMETHODIMP QueryStatus(HRESULT *result, INT *reserved) override;

    /* For the work, before each step. False: it was cancelled, or nobody is interested any more. */
    bool await_poll();
    bool is_done() const { return WaitForSingleObject(done_, 0) == WAIT_OBJECT_0; }
    /* Until the work has returned, without asking for progress. */
    void join() const { WaitForSingleObject(done_, INFINITE); }

   private:
    Async();
    ~Async() override;
    static DWORD WINAPI run(void *self);

    std::function<HRESULT(Async &)> work_;
    HANDLE polled_;
    HANDLE done_;
    volatile LONG cancelled_ = 0;
    HRESULT result_ = S_OK; /* once it is done */
};

}  // namespace stand_in
