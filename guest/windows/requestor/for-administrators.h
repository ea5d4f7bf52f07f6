#ifndef SNAPHOOK_FOR_ADMINISTRATORS_H
#define SNAPHOOK_FOR_ADMINISTRATORS_H

#include <windows.h>

#include <sddl.h>

namespace snaphook {

/* Who may open what is made with it: SYSTEM and Administrators alone. */
class ForAdministrators {
   public:
    ForAdministrators() {
        constexpr wchar_t access[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)";
        ConvertStringSecurityDescriptorToSecurityDescriptorW(access, SDDL_REVISION_1, &attributes_.lpSecurityDescriptor, nullptr);
    }
    ForAdministrators(const ForAdministrators &) = delete;
    ForAdministrators &operator=(const ForAdministrators &) = delete;
    ~ForAdministrators() { LocalFree(attributes_.lpSecurityDescriptor); }

    /* nullptr: it could not be said, and nothing may be made without. */
    SECURITY_ATTRIBUTES *get() { return attributes_.lpSecurityDescriptor == nullptr ? nullptr : &attributes_; }

   private:
    SECURITY_ATTRIBUTES attributes_ = {sizeof attributes_, nullptr, FALSE};
};

}  // namespace snaphook

#endif
