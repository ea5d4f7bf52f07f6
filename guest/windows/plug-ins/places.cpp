#include "places.h"

#include <windows.h>

#include <algorithm>

#include "../requestor/handle.h"
#include "settings.h"

namespace snaphook {

namespace {

constexpr DWORD LONGEST_PATH = 32 * 1024;
/* Before a path that Windows is to take as it is. */
constexpr std::wstring_view PLAIN = L"\\\\?\\";

std::wstring final_path(HANDLE directory, DWORD kind) {
    std::wstring path(LONGEST_PATH, L'\0');
    DWORD length = GetFinalPathNameByHandleW(directory, path.data(), LONGEST_PATH, kind);
    path.resize(length < LONGEST_PATH ? length : 0);
    return path;
}

bool is_slash(const std::string &path, size_t at) { return path.size() > at && (path[at] == '\\' || path[at] == '/'); }

bool add_place(const std::string &directory, bool is_needed, Places *places, std::string *problem) {
    auto refuse = [&](const char *why) {
        *problem = "\"" + directory + "\" " + why;
        return false;
    };
    if (!is_absolute(directory)) return refuse("is no directory of this machine");
    /* Of a share this machine's volumes say nothing, even where it is one of them that is shared. */
    if (is_slash(directory, 0)) return refuse("lies on no volume of this machine");
    std::wstring path = wide(directory);
    std::replace(path.begin(), path.end(), L'/', L'\\');
    Handle opened(CreateFileW(path.c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (!opened) {
        bool is_missing = GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND;
        if (is_missing && !is_needed) return true;
        return refuse(is_missing ? "is not there" : "cannot be opened");
    }
    /* What links and mount folders lead to. A directory of another machine is on no volume. */
    std::wstring on_volume = final_path(opened.get(), VOLUME_NAME_GUID);
    size_t end = on_volume.find(L"}\\");
    if (end == std::wstring::npos) return refuse("lies on no volume of this machine");
    places->volumes.insert(on_volume.substr(0, end + 2));
    std::wstring on_drive = final_path(opened.get(), VOLUME_NAME_DOS);
    bool is_plain = on_drive.compare(0, PLAIN.size(), PLAIN) == 0;
    places->directories.insert(on_drive.empty() ? on_volume : is_plain ? on_drive.substr(PLAIN.size()) : on_drive);
    return true;
}

}  // namespace

bool is_absolute(const std::string &path) {
    bool has_drive = path.size() > 1 && path[1] == ':' && isalpha(static_cast<unsigned char>(path[0]));
    return has_drive ? is_slash(path, 2) : is_slash(path, 0) && is_slash(path, 1);
}

bool find_places(const Directories &directories, Places *places, std::string *problem) {
    for (const std::string &directory : directories.needed)
        if (!add_place(directory, true, places, problem)) return false;
    for (const std::string &directory : directories.possible)
        if (!add_place(directory, false, places, problem)) return false;
    return true;
}

}  // namespace snaphook
