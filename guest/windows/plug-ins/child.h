/* A program with a pipe to its input, and one from its output and what it says of errors. It has nothing else of this process. */
#ifndef SNAPHOOK_CHILD_H
#define SNAPHOOK_CHILD_H

#include <windows.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../requestor/handle.h"
#include "../requestor/lock.h"
#include "line-buffer.h"

namespace snaphook {

class Child {
   public:
    /*
     * `program`: its full path. `arguments`: as in a command line, without the program. What it says, and its end, is a
     * change (waiting.h). nullptr: Windows does not start it, and `problem` says why.
     */
    static std::unique_ptr<Child> start(const std::wstring &program, const std::wstring &arguments, std::string *problem);

    /* What it does not take because it is gone is lost. */
    void tell(std::string_view text);
    void end_input() { input_ = Handle(); }
    void terminate() { TerminateProcess(process_.get(), 1); }

    std::vector<std::string> lines() const;
    /* Whether a line ends with this. What comes before may be the prompt of a shell. */
    bool has_said(std::string_view ending) const;
    /* The last lines that are not a word of ours, as one. */
    std::string last_words() const;
    /* It has ended, and everything that it said has been read. */
    bool is_over() const;
    /* Of one that is over. */
    DWORD exit_code() const;

   private:
    /* Shared with the thread that reads, which ends with the last who has the pipe. */
    struct Output {
        Handle pipe;
        Lock lock;
        LineBuffer buffer;
        std::vector<std::string> lines;
        bool is_over = false;
    };

    Child() = default;
    static DWORD WINAPI read_output(void *output);

    Handle process_;
    Handle input_;
    std::shared_ptr<Output> output_;
};

}  // namespace snaphook

#endif
