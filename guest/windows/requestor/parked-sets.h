/* Full backups that wait for the word of the backup product. They outlive the conversation that made them, not the process. */
#ifndef SNAPHOOK_PARKED_SETS_H
#define SNAPHOOK_PARKED_SETS_H

#include <windows.h>

#include <memory>
#include <string>
#include <vector>

#include "backup-set.h"
#include "failure.h"
#include "lock.h"

namespace snaphook {

/* Writers' sessions are limited. */
inline constexpr size_t MAX_PARKED_SETS = 8;

struct ParkedSet {
    std::unique_ptr<BackupSet> set;
    /* GetTickCount64 */
    ULONGLONG ends_at_ms = 0;
};

class ParkedSets {
   public:
    /* Refuses a set that could not be parked later. */
    Failure require_room(const std::string &name);

    void park(ParkedSet parked);
    /* Lent until it is parked again or forgotten; no set when there is none, or somebody else has it. */
    ParkedSet lend(const std::string &name);
    /* Parked, or lent. */
    bool has(const std::string &name);
    /* One that was lent has come to its end. */
    void forget(const std::string &name);

    /* Sets whose time is over have failed. */
    void end_overdue();
    /* The process ends: all have failed. */
    void end_all();
    bool is_empty();

   private:
    struct Entry {
        std::string name;
        /* Without a set: it is lent. */
        ParkedSet parked;
    };

    Lock lock_;
    std::vector<Entry> entries_;
};

}  // namespace snaphook

#endif
