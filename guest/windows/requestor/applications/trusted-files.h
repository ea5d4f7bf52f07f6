/*
 * Which files this machine's administrators alone decide about. What the service runs, it runs as SYSTEM: whoever may change such a
 * file, or what its path leads to, would be SYSTEM.
 */
#ifndef SNAPHOOK_TRUSTED_FILES_H
#define SNAPHOOK_TRUSTED_FILES_H

#include <windows.h>

#include <string>

#include "../failure.h"
#include "../handle.h"

namespace snaphook {

/* That file is the reason. */
Failure refuse_file(const std::wstring &path, const char *why, HRESULT result = E_ACCESSDENIED);

/*
 * Opens a file or folder, so that as long as it is open nobody can delete it, nor write to a file. ERROR_FILE_NOT_FOUND or
 * ERROR_PATH_NOT_FOUND: there is none. Otherwise the message names it: it is a reparse point, or somebody else than SYSTEM,
 * Administrators, TrustedInstaller and the account of this process owns it, or may write to it, delete it or change its rights.
 */
Failure open_trusted_file(const std::wstring &path, Handle *file);
Failure open_trusted_folder(const std::wstring &path, Handle *folder);

/*
 * The folder with all that it lies in, up to the root of its drive. In those above it others may make something new, which leads
 * nowhere else.
 */
Failure check_parents(const std::wstring &folder);

}  // namespace snaphook

#endif
