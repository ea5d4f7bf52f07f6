#include "machine.h"

#include <winternl.h>

#include <cstdint>
#include <cstdio>
#include <vector>

namespace snaphook {

namespace {

/* ntdll has no import library for these, and always the functions. */
template <class Function>
Function ntdll(const char *name) {
    FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name);
    return reinterpret_cast<Function>(reinterpret_cast<void *>(found));
}

/* SystemTimeOfDayInformation, class 3. */
struct TimeOfDay {
    int64_t boot_time;
    int64_t current_time;
    int64_t time_zone_bias;
    uint32_t time_zone_id;
    uint32_t reserved;
    /* By how much the boot time was moved because somebody set the clock. */
    int64_t boot_time_bias;
    int64_t sleep_time_bias;
};
constexpr int TIME_OF_DAY = 3;

/* GetVersionEx tells programs what they expect. */
OSVERSIONINFOW windows_version() {
    using GetVersion = LONG(WINAPI *)(OSVERSIONINFOW *);
    OSVERSIONINFOW version = {};
    version.dwOSVersionInfoSize = sizeof version;
    ntdll<GetVersion>("RtlGetVersion")(&version);
    return version;
}

}  // namespace

std::string operating_system() {
    OSVERSIONINFOW version = windows_version();
    char text[64];
    snprintf(text, sizeof text, "Windows %lu.%lu.%lu", version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber);
    return text;
}

bool is_older_than_server_2012() {
    OSVERSIONINFOW version = windows_version();
    return version.dwMajorVersion < 6 || (version.dwMajorVersion == 6 && version.dwMinorVersion < 2);
}

std::string boot_id() {
    using Query = LONG(WINAPI *)(int, void *, ULONG, ULONG *);
    TimeOfDay time = {};
    ULONG length = 0;
    char text[32];
    ntdll<Query>("NtQuerySystemInformation")(TIME_OF_DAY, &time, sizeof time, &length);
    snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(time.boot_time - time.boot_time_bias));
    return text;
}

std::wstring program_folder() {
    std::vector<wchar_t> path(32768);
    DWORD length = GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    std::wstring folder(path.data(), length);
    return folder.substr(0, folder.rfind(L'\\') + 1);
}

bool is_administrator() {
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD length = sizeof administrators;
    BOOL is_member = FALSE;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, administrators, &length)) return false;
    return CheckTokenMembership(nullptr, administrators, &is_member) && is_member;
}

}  // namespace snaphook
