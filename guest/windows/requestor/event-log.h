/* What VSS and volsnap wrote into this machine's event logs. */
#ifndef SNAPHOOK_EVENT_LOG_H
#define SNAPHOOK_EVENT_LOG_H

#include <windows.h>

#include <string>
#include <vector>

namespace snaphook {

struct LogEntry {
    std::wstring source;
    int id = 0;
    const char *level = "information";
    /* ISO 8601, UTC. */
    std::string at;
    std::wstring text;
    ULONGLONG time = 0;
};

/* The newest since then, at most 20, oldest first: Application (source VSS) and System (source Volsnap). None where Windows does not tell. */
std::vector<LogEntry> read_log_entries(const FILETIME &since);

}  // namespace snaphook

#endif
