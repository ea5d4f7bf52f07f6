#include "services.h"

#include <windows.h>

#include <cwchar>

#include "../service-handle.h"

namespace snaphook {

namespace {

/* The names of those that run, one after the other, each with a null at its end. */
std::vector<std::wstring> running_services(SC_HANDLE manager) {
    std::vector<BYTE> answer;
    DWORD needed = 0, count = 0;
    /* One may start between the question for the length and the one for the list. */
    for (int attempt = 0; attempt < 5; attempt++) {
        DWORD resume = 0;
        if (EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_ACTIVE, answer.data(),
                                  static_cast<DWORD>(answer.size()), &needed, &count, &resume, nullptr))
            break;
        count = 0;
        if (GetLastError() != ERROR_MORE_DATA) break;
        answer.resize(answer.size() + needed);
    }
    std::vector<std::wstring> names;
    const auto *services = reinterpret_cast<const ENUM_SERVICE_STATUS_PROCESSW *>(answer.data()); /* as EnumServicesStatusEx fills it */
    for (DWORD i = 0; i < count; i++) names.push_back(services[i].lpServiceName);
    return names;
}

std::wstring command_of(SC_HANDLE manager, const std::wstring &name) {
    constexpr DWORD LONGEST_CONFIGURATION = 8 * 1024;
    alignas(QUERY_SERVICE_CONFIGW) BYTE answer[LONGEST_CONFIGURATION];
    DWORD length = 0;
    ServiceHandle service(OpenServiceW(manager, name.c_str(), SERVICE_QUERY_CONFIG));
    if (service.get() == nullptr) return L"";
    auto *configuration = reinterpret_cast<QUERY_SERVICE_CONFIGW *>(answer);
    return QueryServiceConfigW(service.get(), configuration, sizeof answer, &length) ? configuration->lpBinaryPathName : L"";
}

bool is_file_named(const std::wstring &path, const std::wstring &name) {
    size_t file = path.rfind(L'\\') + 1;
    return file > 0 && _wcsicmp(path.c_str() + file, name.c_str()) == 0;
}

/* The path at the beginning of a command line when its file has this name; otherwise empty. */
std::wstring program_in(const std::wstring &command, const std::wstring &name) {
    if (!command.empty() && command.front() == L'"') {
        std::wstring path = command.substr(1, command.find(L'"', 1) - 1);
        return is_file_named(path, name) ? path : L"";
    }
    /* Without quotes a path may have blanks in it, too. */
    for (size_t end = command.find(L' ');; end = command.find(L' ', end + 1)) {
        std::wstring path = command.substr(0, end);
        if (is_file_named(path, name)) return path;
        if (end == std::wstring::npos) return L"";
    }
}

}  // namespace

std::vector<std::wstring> programs_of_services(const std::vector<std::wstring> &names) {
    std::vector<std::wstring> programs;
    ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE));
    if (manager.get() == nullptr) return programs;
    for (const std::wstring &service : running_services(manager.get())) {
        std::wstring command = command_of(manager.get(), service);
        for (const std::wstring &name : names) {
            std::wstring program = program_in(command, name);
            if (!program.empty()) programs.push_back(program);
        }
    }
    return programs;
}

}  // namespace snaphook
