/*
 * What a session asks of the service, and its answers, over a connection of its own: JSON lines, between programs of one version. The
 * first line, the terms, is answered by `quiesced` or `failed`; `freeze` by `leased`; `unquiesce` by `unquiesced`, which comes
 * unasked when the service let the applications go on by itself. Any line, or the end of the connection, breaks off what is under way.
 */
#ifndef SNAPHOOK_QUIET_TERMS_H
#define SNAPHOOK_QUIET_TERMS_H

#include <windows.h>

#include <optional>
#include <string>
#include <string_view>

namespace snaphook {

struct QuietTerms {
    /* For all scripts and plug-ins of one phase. */
    DWORD script_ms = 0;
    /* From `quiesced` until `freeze` has come. */
    DWORD life_ms = 0;
    DWORD hold_ms = 0;

    /* From `freeze` on: before the hold writers may stand still for that much. */
    DWORD freeze_lease_ms() const { return hold_ms + 60000; }
};

inline constexpr char FREEZE_LINE[] = "{\"command\":\"freeze\"}\n";
inline constexpr char GO_ON_AFTER_SUCCESS[] = "{\"command\":\"unquiesce\",\"outcome\":\"success\"}\n";
inline constexpr char GO_ON_AFTER_FAILURE[] = "{\"command\":\"unquiesce\",\"outcome\":\"failed\"}\n";

/* A line. */
std::string terms_line(const QuietTerms &terms);
/* Nothing for a line that is something else. */
std::optional<QuietTerms> parse_terms(std::string_view line);

}  // namespace snaphook

#endif
