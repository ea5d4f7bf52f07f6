/* How a backup set is told in the events of the protocol. */
#ifndef SNAPHOOK_REPORTS_H
#define SNAPHOOK_REPORTS_H

#include <string>

#include "applications/script-record.h"
#include "backup-set.h"
#include "failure.h"
#include "json-writer.h"

namespace snaphook {

/* `set` may be nullptr: nothing is known then. */
void write_writers(JsonWriter *event, const BackupSet *set);
/* What Windows logged since the set began. */
void write_log_entries(JsonWriter *event, const BackupSet *set);

std::string prepared_event(const BackupSet &set);
std::string quiesced_event(const ScriptRecords &scripts);
std::string finished_event(const BackupSet &set, HRESULT result, const ScriptRecords &scripts);
std::string failed_event(const char *phase, const Failure &failure, const BackupSet *set, const ScriptRecords &scripts);
/* `completed` */
std::string completed_event(const BackupSet &set);
/* `resumed` */
std::string resumed_event(const BackupSet &set);

}  // namespace snaphook

#endif
