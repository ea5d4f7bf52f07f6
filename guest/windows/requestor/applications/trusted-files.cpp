#include "trusted-files.h"

#include <aclapi.h>
#include <sddl.h>

#include <vector>

#include "../../last-error.h"
#include "../words.h"

namespace snaphook {

namespace {

constexpr wchar_t TRUSTED_INSTALLER[] = L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
/* Rights of the owner, whoever that is; the owner is looked at by itself. */
constexpr wchar_t OWNER_RIGHTS[] = L"S-1-3-4";

constexpr DWORD TAKE_OVER = DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
/* Attributes, too: who may write them may make a reparse point of it. */
constexpr DWORD CHANGE = TAKE_OVER | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | GENERIC_WRITE;

enum class Kind { FILE, FOLDER, PARENT };

DWORD dangers(Kind kind) {
    if (kind == Kind::PARENT) return TAKE_OVER | FILE_DELETE_CHILD;
    return kind == Kind::FOLDER ? CHANGE | FILE_DELETE_CHILD : CHANGE;
}

class TrustedAccounts {
   public:
    TrustedAccounts() {
        add(WinLocalSystemSid);
        add(WinBuiltinAdministratorsSid);
        add(TRUSTED_INSTALLER);
        add_own();
    }

    bool have(PSID account) const {
        for (const std::vector<BYTE> &known : accounts_)
            if (EqualSid(account, const_cast<BYTE *>(known.data()))) return true; /* EqualSid changes nothing */
        return false;
    }

    void add(const wchar_t *text) {
        PSID account = nullptr;
        if (!ConvertStringSidToSidW(text, &account)) return;
        add_copy(account);
        LocalFree(account);
    }

   private:
    void add(WELL_KNOWN_SID_TYPE type) {
        BYTE account[SECURITY_MAX_SID_SIZE];
        DWORD length = sizeof account;
        if (CreateWellKnownSid(type, nullptr, account, &length)) add_copy(account);
    }

    void add_own() {
        alignas(TOKEN_USER) BYTE user[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
        DWORD length = 0;
        HANDLE token = nullptr;
        if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return;
        Handle open(token);
        if (GetTokenInformation(token, TokenUser, user, sizeof user, &length))
            add_copy(reinterpret_cast<TOKEN_USER *>(user)->User.Sid); /* as GetTokenInformation fills it */
    }

    void add_copy(PSID account) {
        const BYTE *bytes = static_cast<const BYTE *>(account);
        accounts_.emplace_back(bytes, bytes + GetLengthSid(account));
    }

    std::vector<std::vector<BYTE>> accounts_;
};

/* May somebody else do one of `dangerous` by this entry? An entry of a kind that is not known may say so. */
bool lets_others(const ACE_HEADER *entry, DWORD dangerous, const TrustedAccounts &trusted) {
    if ((entry->AceFlags & INHERIT_ONLY_ACE) != 0) return false;
    if (entry->AceType == ACCESS_DENIED_ACE_TYPE || entry->AceType == ACCESS_DENIED_CALLBACK_ACE_TYPE) return false;
    if (entry->AceType != ACCESS_ALLOWED_ACE_TYPE && entry->AceType != ACCESS_ALLOWED_CALLBACK_ACE_TYPE) return true;
    const auto *allowed = reinterpret_cast<const ACCESS_ALLOWED_ACE *>(entry); /* both begin so */
    if ((allowed->Mask & dangerous) == 0) return false;
    return !trusted.have(const_cast<DWORD *>(&allowed->SidStart));
}

/* nullptr when it may be trusted. */
const char *distrust(PSID owner, PACL list, DWORD dangerous) {
    TrustedAccounts trusted;
    if (owner == nullptr || !trusted.have(owner)) return "must belong to SYSTEM or Administrators";
    if (list == nullptr) return "must not be open to everybody";
    trusted.add(OWNER_RIGHTS);
    for (DWORD i = 0; i < list->AceCount; i++) {
        void *entry = nullptr;
        if (!GetAce(list, i, &entry) || lets_others(static_cast<ACE_HEADER *>(entry), dangerous, trusted))
            return "must be writable for SYSTEM and Administrators only";
    }
    return nullptr;
}

Failure open_trusted(const std::wstring &path, Kind kind, Handle *opened) {
    const DWORD access = READ_CONTROL | FILE_READ_ATTRIBUTES | FILE_READ_DATA; /* of a folder: FILE_LIST_DIRECTORY */
    const DWORD share = kind == Kind::FILE ? FILE_SHARE_READ
                                           : FILE_SHARE_READ | FILE_SHARE_WRITE | (kind == Kind::PARENT ? FILE_SHARE_DELETE : 0);
    const DWORD flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
    *opened = Handle(CreateFileW(path.c_str(), access, share, nullptr, OPEN_EXISTING, flags, nullptr));
    if (!*opened) return refuse_file(path, "cannot be opened", last_error());
    BY_HANDLE_FILE_INFORMATION found = {};
    if (!GetFileInformationByHandle(opened->get(), &found)) return refuse_file(path, "cannot be read", last_error());
    if ((found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) return refuse_file(path, "must be no reparse point");
    bool is_folder = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (is_folder != (kind != Kind::FILE)) return refuse_file(path, is_folder ? "is a folder" : "is no folder");
    PSID owner = nullptr;
    PACL list = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    DWORD error = GetSecurityInfo(opened->get(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, nullptr,
                                  &list, nullptr, &descriptor);
    if (error != ERROR_SUCCESS) return refuse_file(path, "does not tell its rights", HRESULT_FROM_WIN32(error));
    const char *why = distrust(owner, list, dangers(kind));
    LocalFree(descriptor);
    return why == nullptr ? Failure{} : refuse_file(path, why);
}

}  // namespace

Failure refuse_file(const std::wstring &path, const char *why, HRESULT result) { return {result, "'" + narrow(path) + "' " + why}; }

Failure open_trusted_file(const std::wstring &path, Handle *file) { return open_trusted(path, Kind::FILE, file); }

Failure open_trusted_folder(const std::wstring &path, Handle *folder) { return open_trusted(path, Kind::FOLDER, folder); }

Failure check_parents(const std::wstring &folder) {
    /* `C:\`. A share, or a device path, has an administrator of its own. */
    constexpr size_t root = 3;
    if (folder.size() < root || folder[1] != L':' || folder[2] != L'\\') return refuse_file(folder, "must lie on a drive of this machine");
    for (size_t end = root - 1; end != std::wstring::npos; end = folder.find(L'\\', end + 1)) {
        Handle opened;
        Failure failure = open_trusted(folder.substr(0, end < root ? root : end), Kind::PARENT, &opened);
        if (failure) return failure;
    }
    return {};
}

}  // namespace snaphook
