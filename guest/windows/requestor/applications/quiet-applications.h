/* The session's side: applications that the service keeps at rest for it. */
#ifndef SNAPHOOK_QUIET_APPLICATIONS_H
#define SNAPHOOK_QUIET_APPLICATIONS_H

#include <windows.h>

#include <memory>
#include <optional>

#include "../channel.h"
#include "../failure.h"
#include "quiet-terms.h"
#include "script-record.h"

namespace snaphook {

class QuietApplications {
   public:
    QuietApplications() = default;
    QuietApplications(const QuietApplications &) = delete;
    QuietApplications &operator=(const QuietApplications &) = delete;
    ~QuietApplications();

    /*
     * Runs scripts and plug-ins; without any the service is not needed. After a failure all that were told `freeze` were told
     * `freezeFail`. It is broken off when `cancel` is set. What was told is added to `records`, as below.
     */
    Failure quiesce(const QuietTerms &terms, HANDLE cancel, ScriptRecords *records);

    /* The freeze begins, and they stay at rest for it. Failed: they went on. */
    Failure keep_for_freeze(ScriptRecords *records);

    /* Lets them go on, after a freeze that succeeded or did not. Those that went on before are in the records as told then, if that is known. */
    void release(bool success, ScriptRecords *records);

    /* nullptr: nothing has to be heard. */
    HANDLE news() const { return connection_ ? connection_->news() : nullptr; }
    /* Hears it. When the service is gone, one that starts anew tells the scripts: it is started for that. */
    void notice_news();

   private:
    bool hear(JsonValue *event, HANDLE cancel);
    Failure lost();

    std::unique_ptr<Channel> connection_;
    /* What the service said unasked: it let them go on. */
    std::optional<JsonValue> early_;
    bool is_lost_ = false;
};

}  // namespace snaphook

#endif
