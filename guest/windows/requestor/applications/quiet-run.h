/* The service's side: one session's applications, from the first script that is told `freeze` until all were told the end. */
#ifndef SNAPHOOK_QUIET_RUN_H
#define SNAPHOOK_QUIET_RUN_H

#include <windows.h>

#include <memory>
#include <vector>

#include "../channel.h"
#include "plug-in.h"
#include "program-search.h"
#include "quiet-record.h"
#include "quiet-terms.h"
#include "script-record.h"

namespace snaphook {

class QuietRun {
   public:
    /* `stop`: the service has to end. */
    QuietRun(Channel *channel, const QuietTerms &terms, HANDLE stop) : channel_(channel), terms_(terms), stop_(stop) {}
    QuietRun(const QuietRun &) = delete;
    QuietRun &operator=(const QuietRun &) = delete;

    /* Afterwards no application is at rest because of it, whatever became of the session. */
    void run();

   private:
    Failure wait_for_turn();
    Failure quiesce();
    Failure tell_scripts(ULONGLONG end_ms);
    void ask_plug_ins(ULONGLONG end_ms);
    /* How the freeze ended, as the session says. */
    ScriptPhase wait_for_ending();
    void let_go_on(ScriptPhase phase);
    ULONGLONG end_of_turn(ULONGLONG end_ms, size_t behind) const;
    bool is_given_up();

    Channel *channel_;
    QuietTerms terms_;
    HANDLE stop_;
    std::vector<Program> scripts_;
    std::vector<std::unique_ptr<PlugIn>> plug_ins_;
    QuietRecord record_;
    /* Names of the scripts that have to be told the end. */
    std::vector<std::wstring> told_;
    ScriptRecords records_;
    /* A line that came before its time. */
    std::string line_;
};

/* What dead processes left: their scripts are told `freezeFail`. Plug-ins have seen the end of their input. */
void end_left_runs();

}  // namespace snaphook

#endif
