#include "self-test.h"

#include <vsadmin.h>
#include <vsbackup.h>

#include "../identity.h"
#include "com-pointer.h"
#include "com-security.h"
#include "json-writer.h"
#include "machine.h"
#include "provider-rehearsal.h"
#include "volumes.h"
#include "vss-async.h"
#include "words.h"
#include "writers.h"

namespace snaphook {

namespace {

/* The class VSSCoordinator, by which VSS is administered. */
constexpr CLSID VSS_COORDINATOR = {0xe579ab5f, 0x1cc4, 0x44b4, {0xbe, 0xd9, 0xde, 0x09, 0x91, 0xff, 0x06, 0x23}};

std::wstring wide(const std::string &ascii) { return {ascii.begin(), ascii.end()}; }

Check outcome(const char *name, HRESULT result, const std::wstring &detail) {
    return {name, SUCCEEDED(result), FAILED(result) ? wide(result_text(result)) : detail};
}

Check check_system() { return {"os", true, wide(operating_system() + (sizeof(void *) == 8 ? ", 64-bit program" : ", 32-bit program"))}; }

Check check_rights() {
    bool ok = is_administrator();
    return {"rights", ok, ok ? L"Administrators" : L"the rights of Administrators are missing or filtered"};
}

Check check_registration() {
    ComPointer<IVssAdmin> admin;
    ComPointer<IVssEnumObject> providers;
    void **out = reinterpret_cast<void **>(admin.out()); /* as COM gives out every interface */
    HRESULT result = CoCreateInstance(VSS_COORDINATOR, nullptr, CLSCTX_ALL, IID_IVssAdmin, out);
    if (SUCCEEDED(result)) result = admin->QueryProviders(providers.out());
    if (FAILED(result)) return outcome("provider-registered", result, L"");
    bool found = false;
    VSS_OBJECT_PROP object;
    ULONG count = 0;
    while (providers->Next(1, &object, &count) == S_OK && count == 1) {
        if (object.Type != VSS_OBJECT_PROVIDER) continue;
        found = found || IsEqualGUID(object.Obj.Prov.m_ProviderId, PROVIDER_ID);
        CoTaskMemFree(object.Obj.Prov.m_pwszProviderName);
        CoTaskMemFree(object.Obj.Prov.m_pwszProviderVersion);
    }
    return {"provider-registered", found, found ? L"VSS knows it" : L"VSS does not know it: run 'snaphook-vss install'"};
}

Check check_security() { return outcome("com-security", end_with_faults(), L"private calls, faults are not swallowed"); }

Check check_writers(HANDLE cancel) {
    ComPointer<IVssBackupComponents> backup;
    ComPointer<IVssAsync> async;
    std::vector<WriterStatus> writers;
    HRESULT result = CreateVssBackupComponents(backup.out());
    if (SUCCEEDED(result)) result = backup->InitializeForBackup();
    if (SUCCEEDED(result)) result = backup->SetContext(VSS_CTX_BACKUP);
    if (SUCCEEDED(result)) result = backup->SetBackupState(true, false, VSS_BT_COPY, false);
    if (SUCCEEDED(result)) result = backup->GatherWriterMetadata(async.out());
    if (SUCCEEDED(result)) result = wait_for_end(async.get(), cancel);
    if (SUCCEEDED(result)) result = read_writer_status(backup.get(), cancel, &writers);
    if (FAILED(result)) return outcome("writers", result, L"");
    std::wstring failed;
    for (const WriterStatus &writer : writers)
        if (FAILED(writer.failure)) failed += L" '" + writer.name + L"' " + wide(result_text(writer.failure));
    return {"writers", failed.empty(), failed.empty() ? std::to_wstring(writers.size()) + L" writers" : L"failed:" + failed};
}

Check check_volumes() {
    std::wstring detail;
    bool ok = true, any = false;
    for (const Volume &volume : find_fixed_volumes()) {
        if (volume.file_system.empty()) continue;
        detail += (detail.empty() ? L"" : L"; ") + (volume.mount_point.empty() ? volume.name : volume.mount_point) + L" on";
        for (const Disk &disk : volume.disks) {
            bool has_name = !disk.serial.empty() || !disk.naa_name.empty();
            ok = ok && has_name;
            detail += L" " + wide(!has_name ? "a disk without a serial (disk.EnableUUID?)" : disk.serial.empty() ? disk.naa_name : disk.serial);
        }
        ok = ok && !volume.disks.empty();
        any = true;
    }
    return {"volumes", ok && any, any ? detail : L"there is no fixed volume"};
}

Check check_service() {
    SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceW(manager, SERVICE_NAME, SERVICE_QUERY_CONFIG);
    HRESULT result = service == nullptr ? HRESULT_FROM_WIN32(GetLastError()) : S_OK;
    if (service != nullptr) CloseServiceHandle(service);
    if (manager != nullptr) CloseServiceHandle(manager);
    return outcome("service", result, L"there, for full backups");
}

}  // namespace

std::vector<Check> run_self_test(HANDLE cancel) {
    std::vector<Check> checks = {check_system(), check_rights(), check_registration(), check_security(), check_volumes(), check_service()};
    ProviderRehearsal rehearsal;
    HRESULT loaded = rehearsal.load();
    checks.push_back(outcome("provider-loads", loaded, L"in process"));
    HRESULT held = SUCCEEDED(loaded) ? rehearsal.hold_and_release() : loaded;
    checks.push_back(outcome("hold", held, L"it waits, is released, and vetoes when the time is over"));
    if (!is_set(cancel)) checks.push_back(check_writers(cancel));
    return checks;
}

std::string self_test_event(const std::vector<Check> &checks) {
    JsonWriter event("selftest");
    event.begin_list("checks");
    for (const Check &check : checks) {
        event.begin_object();
        event.text("name", check.name);
        event.boolean("ok", check.ok);
        event.wide_text("detail", check.detail);
        event.end_object();
    }
    event.end_list();
    return event.finish();
}

}  // namespace snaphook
