#pragma once

#include <vss.h>
#include <vswriter.h>

#include <memory>
#include <string>
#include <vector>

#include "held-mutex.h"
#include "knobs.h"

namespace stand_in {

struct Component {
    bool is_database = true;
    bool is_selectable = true;
    std::wstring logical_path;
    std::wstring name;
    std::vector<std::wstring> files; /* folder|files */

    bool is_selected = false;
    bool is_successful = false;
};

/* A phase by its word in knobs, and the states a writer is in after it. */
struct WriterPhase {
    const wchar_t *word;
    VSS_WRITER_STATE done;
    VSS_WRITER_STATE failed;
};

extern const WriterPhase IDENTIFY, PREPARE_BACKUP, PREPARE_SNAPSHOT, FREEZE, THAW, POST_SNAPSHOT, BACKUP_COMPLETE;

/* One writer's session in one backup. A writer that failed takes no more events. */
class Writer {
   public:
    Writer(const Knobs &knobs, int index);

    void take(const WriterPhase &phase);
    void freeze();
    void thaw();
    /* The set failed while the writer was frozen. */
    void abort();
    void backup_complete(VSS_BACKUP_TYPE type);

    Component *find(VSS_COMPONENT_TYPE type, const std::wstring &logical_path, const std::wstring &name);
    bool has_selected() const;

    const std::wstring &key() const { return key_; }

    GUID class_id;
    GUID instance;
    std::wstring name;
    VSS_WRITER_STATE state = VSS_WS_STABLE;
    HRESULT failure = S_OK;
    std::vector<Component> components;

   private:
    void fail(VSS_WRITER_STATE failed, HRESULT result);

    std::wstring key_;
    HeldMutex window_;
};

using Writers = std::vector<std::unique_ptr<Writer>>;

}  // namespace stand_in
