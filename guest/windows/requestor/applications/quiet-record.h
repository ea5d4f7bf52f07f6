/*
 * Which scripts were told `freeze` and not yet the end, for whoever finds that this process is dead: volatile keys of the registry,
 * which end with a restart of the machine, as what the scripts brought to rest does, and are in no image of a disk.
 */
#ifndef SNAPHOOK_QUIET_RECORD_H
#define SNAPHOOK_QUIET_RECORD_H

#include <windows.h>

#include <string>
#include <vector>

#include "../failure.h"

namespace snaphook {

class QuietRecord {
   public:
    QuietRecord() = default;
    QuietRecord(const QuietRecord &) = delete;
    QuietRecord &operator=(const QuietRecord &) = delete;
    ~QuietRecord();

    /* `script_ms`: how long all of them have to go on. */
    Failure begin(DWORD script_ms);
    /* The scripts that have to be told the end, in the order in which they were told `freeze`. */
    Failure write(const std::vector<std::wstring> &scripts);
    /* All were told the end. */
    void remove();

   private:
    std::wstring name_;
    HKEY key_ = nullptr;
};

struct LeftRecord {
    /* Of its key. */
    std::wstring name;
    DWORD script_ms = 0;
    std::vector<std::wstring> scripts;
};

/* Of processes that do not live any more. */
std::vector<LeftRecord> read_left_records();
void remove_left_record(const LeftRecord &record);

/* All of them, with the key they lie in. */
void remove_quiet_records();

}  // namespace snaphook

#endif
