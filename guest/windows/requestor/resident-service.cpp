#include <windows.h>

#include "../identity.h"
#include "applications/quiet-run.h"
#include "channel.h"
#include "com-security.h"
#include "for-administrators.h"
#include "parked-sets.h"
#include "resident.h"
#include "session.h"

namespace snaphook {

namespace {

/* A set whose time is over is noticed within this. */
constexpr DWORD TICK_MS = 1000;
/* Without a set and without a client: the next one may be near. */
constexpr ULONGLONG IDLE_LIMIT_MS = 5000;
/* While scripts are told that the freeze has failed. */
constexpr DWORD STOP_PAUSE_MS = 100;
constexpr DWORD STOP_HINT_MS = 3000;
constexpr DWORD PIPE_BUFFER = 64 * 1024;

SERVICE_STATUS_HANDLE status_handle;
HANDLE stop_event;
ParkedSets *parked_sets;
volatile LONG conversations;
/* Of them: those for which applications are at rest. */
volatile LONG quiet_runs;

/* `step`: of an end that takes its time. */
void tell_status(DWORD state, DWORD error, DWORD step = 0) {
    SERVICE_STATUS status = {};
    status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status.dwCurrentState = state;
    status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0;
    status.dwWin32ExitCode = error;
    status.dwCheckPoint = step;
    status.dwWaitHint = step > 0 ? STOP_HINT_MS : 0;
    SetServiceStatus(status_handle, &status);
}

DWORD WINAPI control(DWORD code, DWORD, void *, void *) {
    if (code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN) SetEvent(stop_event);
    return code == SERVICE_CONTROL_INTERROGATE || code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN ? NO_ERROR
                                                                                                                    : ERROR_CALL_NOT_IMPLEMENTED;
}

/* False: the other side is gone. */
bool hear_first_line(Channel *channel, std::string *line) {
    for (;; WaitForSingleObject(channel->news(), INFINITE)) {
        bool is_over = channel->is_over();
        if (channel->take_line(line)) return true;
        if (is_over) return false;
    }
}

/* Of a client, or of a session that has applications to bring to rest. */
void serve_connection(Channel *channel) {
    std::string first;
    if (!hear_first_line(channel, &first)) return;
    std::optional<QuietTerms> terms = parse_terms(first);
    if (terms) {
        InterlockedIncrement(&quiet_runs);
        QuietRun(channel, *terms, stop_event).run();
        InterlockedDecrement(&quiet_runs);
        return;
    }
    Session session(channel, parked_sets, first);
    session.run();
}

/* Owns its pipe. */
DWORD WINAPI converse(void *pipe) {
    CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    {
        Channel channel(Stream::of_pipe(Handle(pipe)), true);
        serve_connection(&channel);
        channel.write({&LAST_BYTE, 1});
    }
    CoUninitialize();
    InterlockedDecrement(&conversations);
    return 0;
}

/* The first one takes the name; a name that somebody else has already is not shared. */
Handle make_pipe(bool is_first) {
    ForAdministrators security;
    if (security.get() == nullptr) return {};
    DWORD access = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (is_first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0);
    constexpr DWORD kind = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS;
    return Handle(CreateNamedPipeW(RESIDENT_PIPE, access, kind, PIPE_UNLIMITED_INSTANCES, PIPE_BUFFER, PIPE_BUFFER, 0, security.get()));
}

/* Waits for clients until it is stopped or has been idle for long enough. */
DWORD accept_clients() {
    Handle connected = make_event();
    Handle pipe = make_pipe(true);
    ULONGLONG busy_at = GetTickCount64();
    for (;;) {
        if (!pipe) return GetLastError();
        OVERLAPPED overlapped = {};
        overlapped.hEvent = connected.get();
        ResetEvent(connected.get());
        bool is_connected = ConnectNamedPipe(pipe.get(), &overlapped) || GetLastError() == ERROR_PIPE_CONNECTED;
        while (!is_connected) {
            HANDLE either[] = {stop_event, connected.get()};
            DWORD source = WaitForMultipleObjects(2, either, FALSE, TICK_MS);
            is_connected = source == WAIT_OBJECT_0 + 1;
            parked_sets->end_overdue();
            if (conversations > 0 || is_connected || !parked_sets->is_empty()) busy_at = GetTickCount64();
            bool is_idle = GetTickCount64() - busy_at > IDLE_LIMIT_MS;
            if (source != WAIT_OBJECT_0 && !is_idle) continue;
            CancelIoEx(pipe.get(), &overlapped);
            DWORD length = 0;
            /* A client that came at the last moment is served, unless this is the end. */
            is_connected = GetOverlappedResult(pipe.get(), &overlapped, &length, TRUE);
            if (!is_connected || source == WAIT_OBJECT_0) return NO_ERROR;
        }
        InterlockedIncrement(&conversations);
        Handle next = make_pipe(false);
        std::swap(pipe, next);
        /* The conversation owns what it is given. */
        Handle thread(CreateThread(nullptr, 0, converse, next.get(), 0, nullptr));
        if (thread)
            next.give_up();
        else
            InterlockedDecrement(&conversations);
    }
}

void WINAPI serve_clients(DWORD, wchar_t **) {
    status_handle = RegisterServiceCtrlHandlerExW(SERVICE_NAME, control, nullptr);
    Handle stop = make_event();
    ParkedSets sets;
    stop_event = stop.get();
    parked_sets = &sets;
    HRESULT com = begin_com();
    DWORD error = FAILED(com) ? static_cast<DWORD>(com) : NO_ERROR;
    if (error == NO_ERROR) {
        tell_status(SERVICE_RUNNING, NO_ERROR);
        end_left_runs();
        error = accept_clients();
    }
    SetEvent(stop_event);
    tell_status(SERVICE_STOP_PENDING, NO_ERROR);
    sets.end_all();
    for (DWORD step = 1; quiet_runs > 0; step++) {
        tell_status(SERVICE_STOP_PENDING, NO_ERROR, step);
        Sleep(STOP_PAUSE_MS);
    }
    tell_status(SERVICE_STOPPED, error);
    /* A conversation that is still open ends with the process, and its set is aborted by VSS and vetoed by the provider. */
    ExitProcess(error);
}

}  // namespace

int run_service() {
    wchar_t name[] = L"snaphook-vss";
    SERVICE_TABLE_ENTRYW table[] = {{name, serve_clients}, {nullptr, nullptr}};
    return StartServiceCtrlDispatcherW(table) ? 0 : 1;
}

}  // namespace snaphook
