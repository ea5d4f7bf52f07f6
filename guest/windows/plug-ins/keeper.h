/*
 * One session with one instance, in a process of its own: it outlives a plug-in that is killed, and brings to an end what the
 * session has begun. The end of its input is the word to let go. How things stand it says in these words, a line each.
 */
#ifndef SNAPHOOK_KEEPER_H
#define SNAPHOOK_KEEPER_H

#include <string_view>

#include "application.h"

namespace snaphook {

/* The instance is at rest. */
constexpr std::string_view IS_QUIET = "quiet";
/* It was at rest until the word came. */
constexpr std::string_view WAS_HELD = "held";
/* It is not at rest, was not until the word came, or nobody knows. Behind it stands what the client said. */
constexpr std::string_view IS_LOST = "lost";

/* After `budget_ms` nobody waits for rest any more; after `lease_ms` from now the instance goes on by itself. The exit code. */
int keep_session(const Application &application, const Client &client, unsigned long long budget_ms, unsigned long long lease_ms);

}  // namespace snaphook

#endif
