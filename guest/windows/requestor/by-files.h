/*
 * The conversation of `serve` for a client that can start programs and read files here, and do nothing else: vSphere guest operations.
 * Nothing is written to a disk while applications stand still. The name of a session is 32 hex digits by chance.
 */
#ifndef SNAPHOOK_BY_FILES_H
#define SNAPHOOK_BY_FILES_H

namespace snaphook {

/*
 * As `serve`: the input is what `tell` brings, the events are appended to the file. `frozen` gets there only after the hold, with
 * its end; meanwhile `await` ends. Without an end of its own the input ends after an hour. Exit code.
 */
int hold(const wchar_t *name, const wchar_t *file);

/* Brings bytes, in hex digits, to the session's input. */
int tell(const wchar_t *name, const wchar_t *hex);

/* Ends with 0 when everything stands still or did, with 1 when it does not within two minutes, or there is no such session. */
int await_frozen(const wchar_t *name);

}  // namespace snaphook

#endif
