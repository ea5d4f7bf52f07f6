#include <vsserror.h>

#include "../identity.h"
#include "../last-error.h"
#include "../service-handle.h"
#include "resident.h"

namespace snaphook {

namespace {

constexpr ULONGLONG CONNECT_LIMIT_MS = 30000;
constexpr DWORD PAUSE_MS = 50;

/* Of a pipe that the service itself serves; ERROR_FILE_NOT_FOUND as long as there is none. */
HRESULT open_pipe_of(DWORD process, Handle *pipe) {
    /* Whoever serves it may know who we are, and not more. */
    constexpr DWORD flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;
    *pipe = Handle(CreateFileW(RESIDENT_PIPE, GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, flags, nullptr));
    if (!*pipe) return last_error();
    ULONG server = 0;
    if (GetNamedPipeServerProcessId(pipe->get(), &server) && server == process) return S_OK;
    *pipe = Handle();
    return E_ACCESSDENIED;
}

/* Windows may learn a moment later that its process has ended, Wine not at all. */
bool is_stopped(const SERVICE_STATUS_PROCESS &status) {
    if (status.dwCurrentState != SERVICE_RUNNING) return status.dwCurrentState == SERVICE_STOPPED;
    Handle process(OpenProcess(SYNCHRONIZE, FALSE, status.dwProcessId));
    return process ? WaitForSingleObject(process.get(), 0) == WAIT_OBJECT_0 : GetLastError() == ERROR_INVALID_PARAMETER;
}

}  // namespace

Failure connect_to_resident(bool only_running, Handle *pipe) {
    const Failure none = {VSS_E_OBJECT_NOT_FOUND, "no set is parked on this machine"};
    ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    ServiceHandle service(OpenServiceW(manager.get(), SERVICE_NAME, SERVICE_START | SERVICE_QUERY_STATUS));
    if (service.get() == nullptr) return only_running ? none : Failure{last_error(), "the service 'snaphook-vss' cannot be opened: is the helper installed?"};
    bool is_started = false;
    ULONGLONG limit = GetTickCount64() + CONNECT_LIMIT_MS;
    for (;;) {
        SERVICE_STATUS_PROCESS status = {};
        DWORD length = 0;
        BYTE *answer = reinterpret_cast<BYTE *>(&status); /* as QueryServiceStatusEx wants it */
        if (!QueryServiceStatusEx(service.get(), SC_STATUS_PROCESS_INFO, answer, sizeof status, &length)) return {last_error(), "the service cannot be asked"};
        if (is_stopped(status)) {
            if (only_running) return none;
            bool has_failed = is_started && status.dwCurrentState == SERVICE_STOPPED && status.dwWin32ExitCode != NO_ERROR;
            if (has_failed) return {HRESULT_FROM_WIN32(status.dwWin32ExitCode), "the service 'snaphook-vss' has failed"};
            is_started = true;
            if (!StartServiceW(service.get(), 0, nullptr) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
                return {last_error(), "the service 'snaphook-vss' cannot be started"};
        } else if (status.dwCurrentState == SERVICE_RUNNING) {
            HRESULT opened = open_pipe_of(status.dwProcessId, pipe);
            if (SUCCEEDED(opened)) return {};
            if (opened == E_ACCESSDENIED) return {opened, "the pipe of the service belongs to somebody else"};
        }
        if (GetTickCount64() > limit) return {HRESULT_FROM_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT), "the service 'snaphook-vss' does not answer"};
        Sleep(PAUSE_MS);
    }
}

}  // namespace snaphook
