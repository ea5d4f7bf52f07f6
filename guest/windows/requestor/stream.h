/* Bytes to and from the other side: standard input and output, or a named pipe. */
#ifndef SNAPHOOK_STREAM_H
#define SNAPHOOK_STREAM_H

#include <windows.h>

#include <string_view>

#include "handle.h"

namespace snaphook {

class Stream {
   public:
    /* Of this process. */
    static Stream standard();
    /* Of anonymous pipes, which somebody else closes. */
    static Stream of_pipes(HANDLE input, HANDLE output);
    /* Opened with FILE_FLAG_OVERLAPPED: on another pipe a waiting read would keep a write from beginning. */
    static Stream of_pipe(Handle pipe);

    /* Waits for bytes; 0: the other side is gone. */
    DWORD read(char *bytes, DWORD capacity);
    /* False: the other side is gone. */
    bool write(std::string_view bytes);
    /* A read that waits, in another thread, returns 0. */
    void cancel_read();

   private:
    Stream() = default;

    Handle pipe_;
    HANDLE input_ = nullptr;
    HANDLE output_ = nullptr;
    /* Of a pipe; without them the calls wait by themselves. */
    Handle read_event_;
    Handle write_event_;
};

}  // namespace snaphook

#endif
