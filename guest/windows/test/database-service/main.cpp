/* A database server as a service of Windows, for tests: it runs until it is stopped. */
#include <windows.h>

namespace {

SERVICE_STATUS_HANDLE status_handle;
HANDLE stop_event;

void tell_status(DWORD state) {
    SERVICE_STATUS status = {};
    status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status.dwCurrentState = state;
    status.dwControlsAccepted = SERVICE_ACCEPT_STOP;
    SetServiceStatus(status_handle, &status);
}

DWORD WINAPI control(DWORD code, DWORD, void *, void *) {
    if (code == SERVICE_CONTROL_STOP) SetEvent(stop_event);
    return NO_ERROR;
}

void WINAPI serve(DWORD, wchar_t **words) {
    stop_event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    status_handle = RegisterServiceCtrlHandlerExW(words[0], control, nullptr);
    tell_status(SERVICE_RUNNING);
    WaitForSingleObject(stop_event, INFINITE);
    tell_status(SERVICE_STOPPED);
}

}  // namespace

int wmain() {
    wchar_t name[] = L"";
    SERVICE_TABLE_ENTRYW table[] = {{name, serve}, {nullptr, nullptr}};
    return StartServiceCtrlDispatcherW(table) ? 0 : 1;
}
