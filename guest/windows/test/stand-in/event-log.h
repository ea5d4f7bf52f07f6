/* The machine's event logs, as far as VSS writes into them: Wine has none that could be asked. */
#pragma once

#include <windows.h>

#include <string>

namespace stand_in {

/* An error that this process's VSS has written into the log Application. */
void log_error(WORD id, const std::wstring &text);

/* From now on the module's questions to the event logs come here. */
void serve_event_log(HMODULE module);

}  // namespace stand_in
