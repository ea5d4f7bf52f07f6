#include "window.h"

#include <sddl.h>
#include <vss.h>
#include <vsserror.h>

#include <initializer_list>

#include "last-error.h"

namespace snaphook {

namespace {

constexpr wchar_t SECTION_NAME[] = L"Global\\snaphook-vss-window";
constexpr wchar_t FROZEN_NAME[] = L"Global\\snaphook-vss-frozen";
constexpr wchar_t THAW_NAME[] = L"Global\\snaphook-vss-thaw";
constexpr wchar_t ENDED_NAME[] = L"Global\\snaphook-vss-ended";

/* Full rights for SYSTEM and Administrators, none for anybody else, nothing inherited. */
constexpr wchar_t ADMINISTRATORS_ONLY[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)";

/* An object that was there before is not ours, whoever made it: its rights are unknown. */
HRESULT check_is_new(HANDLE object) {
    if (object == nullptr) return GetLastError() == ERROR_ACCESS_DENIED ? VSS_E_SNAPSHOT_SET_IN_PROGRESS : last_error();
    return GetLastError() == ERROR_ALREADY_EXISTS ? VSS_E_SNAPSHOT_SET_IN_PROGRESS : S_OK;
}

HRESULT create_event(SECURITY_ATTRIBUTES *security, const wchar_t *name, HANDLE *event) {
    SetLastError(ERROR_SUCCESS);
    *event = CreateEventW(security, TRUE, FALSE, name);
    return check_is_new(*event);
}

}  // namespace

HRESULT SharedWindow::create_section(SECURITY_ATTRIBUTES *security) {
    SetLastError(ERROR_SUCCESS);
    section_ = CreateFileMappingW(INVALID_HANDLE_VALUE, security, PAGE_READWRITE, 0, sizeof(Window), SECTION_NAME);
    HRESULT result = check_is_new(section_);
    if (SUCCEEDED(result)) result = create_event(security, FROZEN_NAME, &frozen_);
    if (SUCCEEDED(result)) result = create_event(security, THAW_NAME, &thaw_);
    if (SUCCEEDED(result)) result = create_event(security, ENDED_NAME, &ended_);
    return result;
}

HRESULT SharedWindow::map() {
    window_ = static_cast<Window *>(MapViewOfFile(section_, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, sizeof(Window)));
    if (window_ == nullptr) return last_error();
    /* While writes are held the page must not have to come from anywhere. Without the quota for a locked page it is touched at least. */
    VirtualLock(window_, sizeof(Window));
    InterlockedExchangeAdd(&window_->state, 0);
    return S_OK;
}

HRESULT SharedWindow::create(HoldMode mode, DWORD hold_ms) {
    if (hold_ms == 0 || hold_ms > max_hold_ms(mode)) return E_INVALIDARG;
    SECURITY_ATTRIBUTES security = {sizeof(security), nullptr, FALSE};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(ADMINISTRATORS_ONLY, SDDL_REVISION_1, &security.lpSecurityDescriptor,
                                                              nullptr))
        return last_error();
    HRESULT result = create_section(&security);
    LocalFree(security.lpSecurityDescriptor);
    if (SUCCEEDED(result)) result = map();
    if (FAILED(result)) {
        close();
        return result;
    }
    LARGE_INTEGER ticks_per_second;
    QueryPerformanceFrequency(&ticks_per_second);
    window_->requestor_process = GetCurrentProcessId();
    window_->mode = mode;
    window_->hold_ms = hold_ms;
    window_->ticks_per_second = ticks_per_second.QuadPart;
    window_->version = WINDOW_VERSION;
    return S_OK;
}

void SharedWindow::arm(const GUID &snapshot_set) {
    window_->snapshot_set = snapshot_set;
    InterlockedExchange(&window_->state, HOLD_ARMED);
}

void SharedWindow::let_go() {
    if (InterlockedCompareExchange(&window_->state, HOLD_VETOED, HOLD_ARMED) == HOLD_FROZEN) SetEvent(thaw_);
}

HRESULT SharedWindow::open() {
    section_ = OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, SECTION_NAME);
    frozen_ = OpenEventW(SYNCHRONIZE | EVENT_MODIFY_STATE, FALSE, FROZEN_NAME);
    thaw_ = OpenEventW(SYNCHRONIZE | EVENT_MODIFY_STATE, FALSE, THAW_NAME);
    ended_ = OpenEventW(SYNCHRONIZE | EVENT_MODIFY_STATE, FALSE, ENDED_NAME);
    bool complete = section_ != nullptr && frozen_ != nullptr && thaw_ != nullptr && ended_ != nullptr;
    if (complete && SUCCEEDED(map()) && window_->version == WINDOW_VERSION) return S_OK;
    close();
    return VSS_E_OBJECT_NOT_FOUND;
}

void SharedWindow::close() {
    if (window_ != nullptr) UnmapViewOfFile(window_);
    window_ = nullptr;
    for (HANDLE *handle : {&section_, &frozen_, &thaw_, &ended_}) {
        if (*handle != nullptr) CloseHandle(*handle);
        *handle = nullptr;
    }
}

}  // namespace snaphook
