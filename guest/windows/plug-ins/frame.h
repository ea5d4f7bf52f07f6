/* How every plug-in speaks with whoever runs it: lines of JSON on standard input and output. */
#ifndef SNAPHOOK_FRAME_H
#define SNAPHOOK_FRAME_H

#include <memory>
#include <string>
#include <vector>

#include "../requestor/json-reader.h"
#include "../requestor/json-writer.h"
#include "application.h"
#include "child.h"
#include "installation.h"

namespace snaphook {

Client client_of(const Application &application, const Installation &installation, const std::string &instance);

class Frame {
   public:
    Frame(const Application &application, const Installation &installation) : application_(application), installation_(installation) {}

    /* Until the end of the input. The exit code. */
    int serve();
    /* To the first command, and the end: it cannot serve. */
    int refuse(const std::string &problem);

   private:
    void obey(const std::string &line);
    void discover();
    bool describe(const std::string &instance, JsonWriter *answer, std::string *problem) const;
    void quiesce(const JsonValue &command);
    /* Whether it came to rest. Otherwise `problem` says why. */
    bool start_sessions(unsigned long long budget_ms, unsigned long long lease_ms, std::string *problem);
    void unquiesce();
    /* Lets all instances go on, and waits until they say so. Whether all were at rest until now. */
    bool release(unsigned long long wait_ms);
    void verify();
    Client client(const std::string &instance) const { return client_of(application_, installation_, instance); }

    const Application &application_;
    const Installation &installation_;
    /* One an instance, in their order; empty: nothing is at rest. */
    std::vector<std::unique_ptr<Child>> keepers_;
};

}  // namespace snaphook

#endif
