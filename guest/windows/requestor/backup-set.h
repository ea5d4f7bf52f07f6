/* One backup by VSS: an IVssBackupComponents from its birth to its release. It serves one set only. */
#ifndef SNAPHOOK_BACKUP_SET_H
#define SNAPHOOK_BACKUP_SET_H

#include <windows.h>

#include <vsbackup.h>

#include <cstdint>
#include <string>
#include <vector>

#include "../window.h"
#include "com-pointer.h"
#include "commands.h"
#include "failure.h"
#include "volumes.h"
#include "writers.h"

namespace snaphook {

/* Hears of the window while it is open. Microseconds of the machine's monotonic clock. */
class WindowWatcher {
   public:
    /* Applications stand still. Setting `thaw` lets go. Nothing may be allocated here, and no file touched. */
    virtual void frozen(int64_t at_us, int64_t freeze_us, HANDLE thaw) = 0;
    /* The provider has let go, because it was told to or because the time was over. */
    virtual void ended(bool released, int64_t held_us) = 0;

   protected:
    ~WindowWatcher() = default;
};

class BackupSet {
   public:
    explicit BackupSet(const PrepareRequest &request) : request_(request) {}
    BackupSet(const BackupSet &) = delete;
    BackupSet &operator=(const BackupSet &) = delete;
    ~BackupSet() { abort(); }

    /* Up to PrepareForBackup: nothing is frozen yet, and nobody else can begin a set. Everything long ends early when `cancel` is set. */
    Failure prepare(HANDLE cancel);

    /* DoSnapshotSet; its outcome. A failed set is aborted later: its writers can still be asked. */
    HRESULT make_snapshot(HANDLE cancel, WindowWatcher *watcher);

    /* After it, when nobody sets `thaw` any more: the next requestor may begin. */
    void close_window() { window_.close(); }

    /* Tells the writers how the backup ended. Only with `success` may they drop logs that the backup holds. Once begun it is not broken off. */
    Failure complete(bool success);

    /* AbortBackup and release, if that is still owed: nothing is frozen and nothing is in progress afterwards. */
    void abort();

    /* The writers' state now; what was known before stays when they do not answer. */
    void ask_writers(HANDLE cancel);

    bool is_made() const { return stage_ == Stage::MADE; }
    const PrepareRequest &request() const { return request_; }
    const FILETIME &began_at() const { return began_at_; }
    const std::vector<Volume> &volumes() const { return volumes_; }
    /* On the captured disks, and without a file system that could be held. */
    const std::vector<Volume> &not_held() const { return not_held_; }
    const std::vector<WriterStatus> &writers() const { return writers_; }
    bool is_selected(const WriterStatus &writer) const;

    struct Selected {
        GUID writer;
        GUID instance;
        Component component;
    };
    const std::vector<Selected> &components() const { return components_; }

    struct Excluded {
        GUID writer;
        std::wstring component;
        std::wstring reason;
    };
    const std::vector<Excluded> &excluded_components() const { return excluded_; }

   private:
    enum class Stage { NEW, STARTED, MADE, FAILED, OVER };

    Failure find_volumes();
    Failure initialize();
    Failure select(HANDLE cancel);
    Failure start();
    Failure prepare_writers(HANDLE cancel);
    Failure check_exchange() const;
    bool is_excluded(const GUID &writer) const;

    PrepareRequest request_;
    Stage stage_ = Stage::NEW;
    FILETIME began_at_ = {};
    ComPointer<IVssBackupComponents> backup_;
    SharedWindow window_;
    std::vector<Volume> volumes_;
    std::vector<Volume> not_held_;
    std::vector<WriterStatus> writers_;
    std::vector<Selected> components_;
    std::vector<Excluded> excluded_;
};

}  // namespace snaphook

#endif
