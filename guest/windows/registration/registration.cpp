#include "../registration.h"

#include <windows.h>

#include <string>

#include "../identity.h"
#include "../last-error.h"
#include "../requestor/applications/quiet-record.h"
#include "com-application.h"
#include "part.h"
#include "service-entry.h"
#include "vss-entry.h"

namespace snaphook {

namespace {

/* Longer than any path that CreateProcess takes. */
constexpr DWORD PATH_LENGTH = 32'768;

std::wstring this_program() {
    std::wstring path(PATH_LENGTH, L'\0');
    path.resize(GetModuleFileNameW(nullptr, path.data(), PATH_LENGTH));
    return path;
}

std::wstring dll_beside(const std::wstring &program) { return program.substr(0, program.rfind(L'\\') + 1) + PROVIDER_DLL; }

/* The three parts, in the order in which they need each other. */
class Installation {
   public:
    explicit Installation(const std::wstring &program) : application_(dll_beside(program)), service_(program) {}
    Parts parts() { return {&application_, &vss_, &service_}; }

   private:
    ComApplication application_;
    VssEntry vss_;
    ServiceEntry service_;
};

}  // namespace

Failure install() {
    std::wstring program = this_program();
    if (GetFileAttributesW(dll_beside(program).c_str()) == INVALID_FILE_ATTRIBUTES)
        return {last_error(), "there is no snaphook-vss-provider.dll beside the program"};
    return install_parts(Installation(program).parts());
}

Failure uninstall() {
    Failure failure = uninstall_parts(Installation(this_program()).parts());
    if (!failure) remove_quiet_records();
    return failure;
}

}  // namespace snaphook
