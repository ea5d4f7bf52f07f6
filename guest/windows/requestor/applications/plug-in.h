/*
 * An application's plug-in (docs/application-plug-ins.md): one process from before the freeze until after the thaw, spoken to in JSON
 * lines. Whatever ends this process ends its input, and it lets its application go by itself.
 */
#ifndef SNAPHOOK_PLUG_IN_H
#define SNAPHOOK_PLUG_IN_H

#include <string>

#include "child-process.h"
#include "program-search.h"
#include "script-record.h"
#include "turn.h"

namespace snaphook {

class PlugIn {
   public:
    explicit PlugIn(Program program) : program_(std::move(program)) {}

    /* Starts it and asks it to bring its application to rest, for `lease_ms` at most. One that does not is ended. */
    ScriptRecord quiesce(DWORD lease_ms, const Turn &turn);
    /* It said so, and was told nothing since. */
    bool is_quiet() const { return is_quiet_; }
    /* Lets its application go on, and ends it. */
    ScriptRecord unquiesce(ScriptPhase phase, const Turn &turn);

   private:
    int64_t ask(const std::string &command, const char *yes, const Turn &turn, std::string *output);
    int64_t ask_to_quiesce(DWORD lease_ms, const Turn &turn, std::string *output);
    int64_t ask_to_go_on(ScriptPhase phase, const Turn &turn, std::string *output);
    bool hear_line(const Turn &turn, std::string *output, std::string *line);
    bool has_spoken_unasked();
    int64_t end();

    Program program_;
    ChildProcess process_;
    bool is_quiet_ = false;
};

}  // namespace snaphook

#endif
