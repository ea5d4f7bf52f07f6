#include "parked-sets.h"

#include <vsserror.h>

#include <algorithm>
#include <iterator>

namespace snaphook {

Failure ParkedSets::require_room(const std::string &name) {
    Lock::Hold hold(lock_);
    auto has_name = [&](const Entry &entry) { return entry.name == name; };
    if (std::any_of(entries_.begin(), entries_.end(), has_name)) return {VSS_E_OBJECT_ALREADY_EXISTS, "a set of this name is parked"};
    if (entries_.size() < MAX_PARKED_SETS) return {};
    return {VSS_E_WRITER_STATUS_NOT_AVAILABLE, "as many sets are parked as the writers' sessions allow"};
}

void ParkedSets::park(ParkedSet parked) {
    Lock::Hold hold(lock_);
    const std::string name = parked.set->request().set;
    for (Entry &entry : entries_) {
        if (entry.name != name) continue;
        entry.parked = std::move(parked);
        return;
    }
    entries_.push_back({name, std::move(parked)});
}

ParkedSet ParkedSets::lend(const std::string &name) {
    Lock::Hold hold(lock_);
    for (Entry &entry : entries_)
        if (entry.name == name) return std::move(entry.parked);
    return {};
}

bool ParkedSets::has(const std::string &name) {
    Lock::Hold hold(lock_);
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry &entry) { return entry.name == name; });
}

void ParkedSets::forget(const std::string &name) {
    Lock::Hold hold(lock_);
    auto has_name = [&](const Entry &entry) { return entry.name == name; };
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), has_name), entries_.end());
}

void ParkedSets::end_overdue() {
    std::vector<Entry> overdue;
    {
        Lock::Hold hold(lock_);
        ULONGLONG now = GetTickCount64();
        auto lasts = [now](const Entry &entry) { return !entry.parked.set || now < entry.parked.ends_at_ms; };
        auto first = std::stable_partition(entries_.begin(), entries_.end(), lasts);
        std::move(first, entries_.end(), std::back_inserter(overdue));
        entries_.erase(first, entries_.end());
    }
    for (Entry &entry : overdue) entry.parked.set->complete(false);
}

void ParkedSets::end_all() {
    Lock::Hold hold(lock_);
    for (Entry &entry : entries_)
        if (entry.parked.set) entry.parked.set->complete(false);
    entries_.clear();
}

bool ParkedSets::is_empty() {
    Lock::Hold hold(lock_);
    return entries_.empty();
}

}  // namespace snaphook
