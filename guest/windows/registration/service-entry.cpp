#include "service-entry.h"

#include "../identity.h"
#include "../last-error.h"
#include "../service-handle.h"

namespace snaphook {

namespace {

constexpr wchar_t DISPLAY_NAME[] = L"snaphook VSS requestor";
constexpr wchar_t DESCRIPTION[] = L"Keeps the shadow copy set of a full backup until the backup has ended, and applications at rest by scripts and plug-ins. It runs only for that time.";

/* Restarted at once when it died without a word: it tells scripts that still wait for the end. One that dies again and again waits in between. */
bool set_failure_actions(SC_HANDLE service) {
    SC_ACTION actions[] = {{SC_ACTION_RESTART, 0}, {SC_ACTION_RESTART, 60'000}};
    SERVICE_FAILURE_ACTIONSW failure = {3'600, nullptr, nullptr, ARRAYSIZE(actions), actions};
    return ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
}

Failure failed(const char *what) { return {last_error(), what}; }

}  // namespace

Failure ServiceEntry::refusal() {
    ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    ServiceHandle service(OpenServiceW(manager.get(), SERVICE_NAME, SERVICE_QUERY_STATUS));
    SERVICE_STATUS status = {};
    bool is_running = service.get() != nullptr && QueryServiceStatus(service.get(), &status) && status.dwCurrentState != SERVICE_STOPPED;
    if (!is_running) return {};
    return {HRESULT_FROM_WIN32(ERROR_BUSY),
            "the service 'snaphook-vss' runs: end the full backup or the run for which it keeps applications; without one it ends by itself within seconds"};
}

Failure ServiceEntry::add() {
    ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CREATE_SERVICE));
    if (manager.get() == nullptr) return failed("the service manager cannot be opened for a new service");
    std::wstring command = L"\"" + program_ + L"\" service";
    ServiceHandle service(CreateServiceW(manager.get(), SERVICE_NAME, DISPLAY_NAME, SERVICE_CHANGE_CONFIG | SERVICE_START, SERVICE_WIN32_OWN_PROCESS,
                                         SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, command.c_str(), nullptr, nullptr, nullptr, nullptr,
                                         nullptr));
    if (service.get() == nullptr) return failed("the service 'snaphook-vss' cannot be made");
    /* Says what it is for; it works without. */
    SERVICE_DESCRIPTIONW description = {const_cast<wchar_t *>(DESCRIPTION)};
    ChangeServiceConfig2W(service.get(), SERVICE_CONFIG_DESCRIPTION, &description);
    return set_failure_actions(service.get()) ? Failure{} : failed("the service 'snaphook-vss' cannot be made to start again after a failure");
}

Failure ServiceEntry::remove() {
    ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    if (manager.get() == nullptr) return failed("the service manager cannot be opened");
    ServiceHandle service(OpenServiceW(manager.get(), SERVICE_NAME, DELETE));
    if (service.get() == nullptr)
        return GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST ? Failure{} : failed("the service 'snaphook-vss' cannot be opened");
    return DeleteService(service.get()) ? Failure{} : failed("the service 'snaphook-vss' cannot be deleted");
}

}  // namespace snaphook
