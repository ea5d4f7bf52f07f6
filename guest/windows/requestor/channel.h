/* One conversation's bytes: a thread that does nothing but read, and events that go out line by line. */
#ifndef SNAPHOOK_CHANNEL_H
#define SNAPHOOK_CHANNEL_H

#include <windows.h>

#include <string>
#include <string_view>

#include "handle.h"
#include "input-buffer.h"
#include "lock.h"
#include "stream.h"

namespace snaphook {

/*
 * A pipe of Windows has no end of one direction: between `serve` and the resident requestor this byte, which is in no command and
 * no event, says that nothing more will come.
 */
inline constexpr char LAST_BYTE = '\0';

class Channel {
   public:
    /* `is_relayed`: the other side is a `serve` process that passes a conversation on, not the client itself. */
    explicit Channel(Stream stream, bool is_relayed = false);
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;
    ~Channel();

    /* Set when there is something new: bytes, their end, or the end of a hold. Resets itself. */
    HANDLE news() const { return news_.get(); }

    bool take_line(std::string *line);
    /* Nothing will come any more. */
    bool is_over();
    /* Nothing but a release byte counts now. */
    bool is_held();

    /* From now on a release byte, or the end of the input, sets `thaw`. */
    void begin_hold(HANDLE thaw);
    void end_hold();

    void write(std::string_view line);

    /*
     * Passes everything on to another program, what is here already included, and its answers back, until one of both sides is
     * gone. `first`: the line that began it. True when the other program ended because it was told to.
     */
    bool relay_to(Stream *other, const std::string &first);

   private:
    static DWORD WINAPI read_thread(void *channel);
    void read();
    void accept(DWORD length);
    void end();

    Stream stream_;
    bool is_relayed_;
    Handle news_;
    Lock lock_;
    InputBuffer input_;
    char chunk_[4096];
    HANDLE thaw_ = nullptr;
    bool released_ = false;
    Stream *relay_ = nullptr;
    bool over_ = false;
    Lock output_lock_;
    Handle thread_;
};

}  // namespace snaphook

#endif
