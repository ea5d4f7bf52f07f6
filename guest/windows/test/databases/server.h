/*
 * A database server for the clients that stand in for real ones: not a process, but files beside the client. `server.txt` says how it
 * is, in lines `PORT.word=value`, and a test may change it at any time.
 */
#pragma once

#include <windows.h>

#include <string>

namespace databases {

class Server {
   public:
    explicit Server(const std::string &port) : port_(port) {}

    /* As the file is now; empty where it says nothing. */
    std::string said(const std::string &word) const;
    bool is_there() const { return !said("data").empty(); }

    /* As long as the process that took it lives; others see the file `PORT.held`. False: somebody else has it. */
    bool take_lock();
    void give_lock();

    /* Outlives whoever changed it, but no start of the server. */
    int locks() const;
    void set_locks(int count) const;

   private:
    std::string port_;
    HANDLE lock_ = INVALID_HANDLE_VALUE;
};

/* A line that the test finds in `log.txt`. */
void note(const std::string &line);

/* Of UTF-8; empty when it cannot be read. */
std::string content_of(const std::string &path);

}  // namespace databases
