/* A script or a plug-in that runs. */
#ifndef SNAPHOOK_CHILD_PROCESS_H
#define SNAPHOOK_CHILD_PROCESS_H

#include <windows.h>

#include <string>
#include <string_view>

#include "../failure.h"
#include "../handle.h"
#include "program-search.h"

namespace snaphook {

class ChildProcess {
   public:
    /*
     * Starts it with that argument, without a window and with none of our handles but its standard ones. It is checked once more, and
     * what is started is what was checked. A script has no input, and its output is what it says on both; it runs in a job, with all
     * that it starts. A plug-in has an input, and what it says on standard error goes nowhere.
     */
    Failure start(const Program &program, const char *argument);

    bool has_ended(DWORD wait_ms) const { return WaitForSingleObject(process_.get(), wait_ms) == WAIT_OBJECT_0; }
    DWORD exit_code() const;

    /* What it has said, without waiting; 0: nothing is there. */
    DWORD read(char *bytes, DWORD capacity);
    /* Nothing can come any more. */
    bool is_output_over() const;
    /* No more than fits into the pipe. False: it does not listen any more. */
    bool write(std::string_view bytes);
    void end_input() { input_ = Handle(); }

    /* Of a script with all that it started; of a plug-in alone, as what it started may be what lets its application go. */
    void terminate();

   private:
    Handle process_;
    /* A script's; what it left running may go on when this is closed. */
    Handle job_;
    Handle input_;
    Handle output_;
};

}  // namespace snaphook

#endif
