#include "program-search.h"

#include <windows.h>

#include <algorithm>
#include <iterator>

#include "../../last-error.h"
#include "../machine.h"
#include "../words.h"
#include "trusted-files.h"

namespace snaphook {

namespace {

constexpr const wchar_t *ENDINGS[] = {L".exe", L".cmd", L".bat", L".ps1"};
/* Of what an upload leaves that was broken off, or that replaced a program which runs: nobody runs it, and it stops nobody. */
constexpr const wchar_t *LEFT_ASIDE[] = {L".part", L".old"};

std::wstring folder_of(bool plug_ins) { return program_folder() + (plug_ins ? L"plug-ins.d" : L"scripts.d"); }

bool ends_with(const std::wstring &name, const wchar_t *ending) {
    size_t length = wcslen(ending);
    return name.size() > length && _wcsicmp(name.c_str() + name.size() - length, ending) == 0;
}

bool is_left_aside(const std::wstring &name) {
    return std::any_of(std::begin(LEFT_ASIDE), std::end(LEFT_ASIDE), [&](const wchar_t *ending) { return ends_with(name, ending); });
}

/* What is to be run, or must not lie there. */
class Listing {
   public:
    explicit Listing(const std::wstring &folder) : search_(FindFirstFileW((folder + L"\\*").c_str(), &found_)) {
        error_ = search_ == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    }
    Listing(const Listing &) = delete;
    Listing &operator=(const Listing &) = delete;
    ~Listing() {
        if (search_ != INVALID_HANDLE_VALUE) FindClose(search_);
    }

    /* False at the end, or after an error. */
    bool next(std::wstring *name) {
        while (error_ == ERROR_SUCCESS) {
            *name = found_.cFileName;
            if (!FindNextFileW(search_, &found_)) error_ = GetLastError();
            if (*name != L"." && *name != L".." && !is_left_aside(*name)) return true;
        }
        return false;
    }

    bool is_missing() const { return error_ == ERROR_FILE_NOT_FOUND || error_ == ERROR_PATH_NOT_FOUND; }
    bool is_complete() const { return error_ == ERROR_NO_MORE_FILES; }

   private:
    WIN32_FIND_DATAW found_ = {};
    HANDLE search_;
    DWORD error_;
};

bool may_be_in_name(wchar_t c) {
    return (c >= L'0' && c <= L'9') || (c >= L'a' && c <= L'z') || (c >= L'A' && c <= L'Z') || c == L'.' || c == L'_' || c == L'-';
}

/* The length of a name without its ending; 0 for what is no name of a program. */
size_t stem_length(const std::wstring &name) {
    if (!std::all_of(name.begin(), name.end(), may_be_in_name)) return 0;
    for (const wchar_t *ending : ENDINGS)
        if (ends_with(name, ending)) return name.size() - wcslen(ending);
    return 0;
}

Failure find_in(const std::wstring &folder, bool plug_ins, std::vector<Program> *programs) {
    Handle kept;
    Failure failure = open_trusted_folder(folder, &kept);
    if (failure.result == HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND) || failure.result == HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND)) return {};
    if (!failure) failure = check_parents(program_folder());
    if (failure) return failure;
    Listing listing(folder);
    for (std::wstring name; listing.next(&name);) {
        std::wstring path = folder + L"\\" + name;
        size_t stem = stem_length(name);
        if (stem == 0) return refuse_file(path, "must be an .exe, .cmd, .bat or .ps1 with a name of letters, digits, '.', '_' and '-'");
        if (programs->size() == MAX_PROGRAMS) return refuse_file(path, "is one program too many");
        Handle file;
        failure = open_trusted_file(path, &file);
        if (failure) return failure;
        programs->push_back({plug_ins, narrow(plug_ins ? name.substr(0, stem) : name), path});
    }
    if (!listing.is_complete()) return refuse_file(folder, "cannot be read", last_error());
    std::sort(programs->begin(), programs->end(), [](const Program &one, const Program &other) { return one.name < other.name; });
    return {};
}

Failure check_names(const std::vector<Program> &plug_ins) {
    for (const Program &one : plug_ins)
        for (const Program &other : plug_ins)
            if (&one != &other && _stricmp(one.name.c_str(), other.name.c_str()) == 0)
                return refuse_file(one.path, "has the name of another plug-in", E_INVALIDARG);
    return {};
}

}  // namespace

bool has_programs() {
    for (bool plug_ins : {false, true}) {
        Listing listing(folder_of(plug_ins));
        std::wstring name;
        if (listing.next(&name) || !(listing.is_missing() || listing.is_complete())) return true;
    }
    return false;
}

Failure find_programs(std::vector<Program> *scripts, std::vector<Program> *plug_ins) {
    Failure failure = find_in(folder_of(false), false, scripts);
    if (!failure) failure = find_in(folder_of(true), true, plug_ins);
    return failure ? failure : check_names(*plug_ins);
}

Program script_of_name(const std::wstring &name) { return {false, narrow(name), folder_of(false) + L"\\" + name}; }

}  // namespace snaphook
