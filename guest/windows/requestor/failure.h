#ifndef SNAPHOOK_FAILURE_H
#define SNAPHOOK_FAILURE_H

#include <windows.h>

#include <string>

namespace snaphook {

/* How something went: `result` is a success, or there are words for it. */
struct Failure {
    HRESULT result = S_OK;
    /* UTF-8. */
    std::string message;

    explicit operator bool() const { return FAILED(result); }
};

/* Of a call that was expected to succeed. */
inline Failure check(HRESULT result, const char *call) { return FAILED(result) ? Failure{result, std::string(call) + " failed"} : Failure{}; }

}  // namespace snaphook

#endif
