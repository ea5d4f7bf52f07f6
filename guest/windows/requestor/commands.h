/* Commands of the protocol (docs/vss-helper-protocol.md), parsed once. */
#ifndef SNAPHOOK_COMMANDS_H
#define SNAPHOOK_COMMANDS_H

#include <string>
#include <string_view>
#include <vector>

#include "../window.h"

namespace snaphook {

inline constexpr int PROTOCOL = 3;
inline constexpr int MAX_PARK_HOURS = 168;
inline constexpr int MAX_SCRIPT_MS = 300000;
inline constexpr int MAX_LIFE_MS = 3600000;

struct PrepareRequest {
    /* Run id, UTF-8. */
    std::string set;
    /* As `plain_serial` gives them. */
    std::vector<std::string> disks;
    bool full = false;
    HoldMode mode = HOLD_IN_COMMIT;
    DWORD hold_ms = 0;
    /* Class ids. */
    std::vector<GUID> excluded_writers;
    bool bootable_state = false;
};

struct Command {
    enum class Kind { INVALID, PREPARE, QUIESCE, FREEZE, COMPLETE, PARK, RESUME, SELFTEST, STATUS, ABORT, QUIT };

    Kind kind = Kind::INVALID;
    /* PREPARE */
    PrepareRequest prepare;
    /* QUIESCE: for all scripts and plug-ins of one phase; and from then until `freeze` must have come. */
    DWORD script_ms = 0;
    DWORD life_ms = 0;
    /* COMPLETE */
    bool success = false;
    /* PARK */
    DWORD minutes = 0;
    /* RESUME: run id, UTF-8. */
    std::string set;
};

/* INVALID for whatever is no command of this protocol, a hold that is too long included. */
Command parse_command(std::string_view line);

}  // namespace snaphook

#endif
