#include "keeper.h"

#include <windows.h>

#include "child.h"
#include "waiting.h"

namespace snaphook {

namespace {

volatile LONG is_told;

DWORD WINAPI listen(void *) {
    char bytes[64];
    DWORD length = 0;
    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), bytes, sizeof bytes, &length, nullptr) && length > 0) {
    }
    InterlockedExchange(&is_told, 1);
    SetEvent(change());
    return 0;
}

/* The plug-in may be gone. */
void say(std::string_view word, const std::string &more = {}) {
    std::string line = std::string(word) + (more.empty() ? "" : " " + more) + "\n";
    DWORD length = 0;
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), line.data(), static_cast<DWORD>(line.size()), &length, nullptr);
}

/* One that came to rest has to go on: a client that does not say so is ended, and its session with it. One that did not ends what it begins. */
void let_go(Child *session, const Conversation &conversation, bool is_quiet) {
    session->tell(conversation.end);
    session->end_input();
    auto is_over = [&] { return session->is_over(); };
    if (wait_until(is_quiet ? now_ms() + QUERY_MS : NEVER_MS, is_over)) return;
    session->terminate();
    wait_until(NEVER_MS, is_over);
}

}  // namespace

int keep_session(const Application &application, const Client &client, unsigned long long budget_ms, unsigned long long lease_ms) {
    const ULONGLONG lease_end_ms = now_ms() + lease_ms;
    Handle listener(CreateThread(nullptr, 0, listen, nullptr, 0, nullptr));
    if (!listener) return 1;
    const Conversation conversation = application.conversation(client, budget_ms, lease_ms);
    std::string problem;
    std::unique_ptr<Child> session = is_told ? nullptr : Child::start(client.program, client.arguments, &problem);
    if (!session) {
        say(IS_LOST, problem);
        return 1;
    }
    session->tell(client.greeting);
    session->tell(conversation.begin);
    wait_until(lease_end_ms, [&] { return is_told || session->is_over() || session->has_said(QUIET); });
    const bool is_quiet = session->has_said(QUIET);
    if (is_quiet) say(IS_QUIET);
    wait_until(lease_end_ms, [&] { return is_told || session->is_over(); });
    const bool was_there = is_told && !session->is_over();
    let_go(session.get(), conversation, is_quiet);
    const bool has_said_so = session->has_said(HELD);
    if (is_quiet && was_there && has_said_so)
        say(WAS_HELD);
    else
        say(IS_LOST, session->last_words());
    if (!has_said_so && !session->has_said(REFUSED)) application.recover(client);
    return 0;
}

}  // namespace snaphook
