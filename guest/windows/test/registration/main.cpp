/*
 * What install and uninstall do with their parts, by parts that record it, and the real parts as far as this Windows has what they
 * register with: Wine has a service manager, but no COM+ catalogue and no VSS. Exit code 1: a promise was not kept.
 */
#include <objbase.h>

#include <string>

#include "../../identity.h"
#include "../../registration/com-application.h"
#include "../../registration/service-entry.h"
#include "../../registration/vss-entry.h"
#include "../../requestor/applications/quiet-record.h"
#include "../check.h"

namespace checks {

namespace {

using namespace snaphook;

std::string record;

class RecordingPart final : public Part {
   public:
    explicit RecordingPart(const char *name) : name_(name) {}

    Failure refusal() override { return refuses ? Failure{E_PENDING, std::string(name_) + " is at work"} : Failure{}; }

    Failure add() override {
        record += std::string("+") + name_;
        if (fails_to_add) return {E_FAIL, std::string(name_) + " cannot be added"};
        is_there = true;
        return {};
    }

    Failure remove() override {
        record += std::string("-") + name_;
        if (fails_to_remove) return {E_ACCESSDENIED, std::string(name_) + " cannot be removed"};
        is_there = false;
        return {};
    }

    bool is_there = false;
    bool fails_to_add = false;
    bool fails_to_remove = false;
    bool refuses = false;

   private:
    const char *name_;
};

struct ThreeParts {
    ThreeParts() { record = ""; }
    RecordingPart a{"a"};
    RecordingPart b{"b"};
    RecordingPart c{"c"};
    Parts all() { return {&a, &b, &c}; }
    int count() const { return a.is_there + b.is_there + c.is_there; }
};

void test_parts() {
    promise("install takes away what an older version left, last part first, and adds all parts", [] {
        ThreeParts parts;
        parts.b.is_there = true;
        CHECK(!install_parts(parts.all()));
        CHECK(record == "-c-b-a+a+b+c");
        CHECK(parts.count() == 3);
        CHECK(!install_parts(parts.all()));
        CHECK(parts.count() == 3);
    });
    promise("a part that cannot be added leaves nothing registered, and is the failure that is told", [] {
        ThreeParts parts;
        parts.b.fails_to_add = true;
        Failure failure = install_parts(parts.all());
        CHECK(failure.result == E_FAIL);
        CHECK(failure.message == "b cannot be added");
        CHECK(parts.count() == 0);
        CHECK(record == "-c-b-a+a+b-c-b-a");
    });
    promise("what stays after a failed install is told", [] {
        ThreeParts parts;
        parts.c.fails_to_add = true;
        class OnceAdded final : public Part {
           public:
            Failure add() override {
                was_added = true;
                return {};
            }
            Failure remove() override { return was_added ? Failure{E_ACCESSDENIED, "it cannot be removed"} : Failure{}; }
            bool was_added = false;
        } stuck;
        Failure failure = install_parts({&parts.a, &stuck, &parts.c});
        CHECK(failure.message == "c cannot be added; and what was added stays: it cannot be removed");
        CHECK(!parts.a.is_there);
    });
    promise("an older part that cannot be taken away ends an install before anything is added", [] {
        ThreeParts parts;
        parts.b.is_there = true;
        parts.b.fails_to_remove = true;
        CHECK(install_parts(parts.all()).message == "b cannot be removed");
        CHECK(record == "-c-b");
    });
    promise("install and uninstall touch nothing while one part refuses, whichever it is", [] {
        ThreeParts parts;
        for (RecordingPart *part : {&parts.a, &parts.b, &parts.c}) {
            part->refuses = true;
            CHECK(uninstall_parts(parts.all()).result == E_PENDING);
            CHECK(install_parts(parts.all()).result == E_PENDING);
            part->refuses = false;
        }
        CHECK(record == "");
    });
    promise("uninstall tries every part, also after one that fails, and tells the first failure", [] {
        ThreeParts parts;
        parts.a.is_there = true;
        parts.c.fails_to_remove = true;
        CHECK(uninstall_parts(parts.all()).message == "c cannot be removed");
        CHECK(record == "-c-b-a");
        CHECK(parts.count() == 0);
        parts.c.fails_to_remove = false;
        CHECK(!uninstall_parts(parts.all()));
    });
}

/* What the service manager has of the service; empty where there is none. */
std::wstring service_as_configured() {
    SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceW(manager, SERVICE_NAME, SERVICE_QUERY_CONFIG);
    std::wstring told;
    alignas(QUERY_SERVICE_CONFIGW) BYTE buffer[8192];
    auto *config = reinterpret_cast<QUERY_SERVICE_CONFIGW *>(buffer); /* as QueryServiceConfig fills it */
    DWORD needed = 0;
    if (service != nullptr && QueryServiceConfigW(service, config, sizeof(buffer), &needed))
        told = std::wstring(config->lpBinaryPathName) + L" start " + std::to_wstring(config->dwStartType) + L" " + config->lpServiceStartName;
    if (service != nullptr) CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return told;
}

void test_service() {
    promise("the service is made for LocalSystem, on demand, with its path in quotes, and taken away without a trace", [] {
        ServiceEntry entry(L"C:\\Program Files\\snaphook\\snaphook-vss.exe");
        CHECK(!entry.remove());
        CHECK(!entry.add());
        CHECK(service_as_configured() == L"\"C:\\Program Files\\snaphook\\snaphook-vss.exe\" service start 3 LocalSystem");
        CHECK(!entry.remove());
        CHECK(service_as_configured().empty());
        CHECK(!entry.remove());
    });
}

/* Of the keys in the one that the records lie in. */
LSTATUS create_lasting_key() {
    HKEY key = nullptr;
    LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\snaphook\\Quiet\\lasting", 0, nullptr, REG_OPTION_NON_VOLATILE,
                                     KEY_ALL_ACCESS | KEY_WOW64_64KEY, nullptr, &key, nullptr);
    if (status == ERROR_SUCCESS) RegCloseKey(key);
    return status;
}

void test_records() {
    promise("a record of scripts ends with the machine, is none of a dead process while its own lives, and goes with an uninstall", [] {
        QuietRecord record;
        CHECK(!record.begin(1000));
        CHECK(!record.write({L"10-a.cmd"}));
        CHECK(create_lasting_key() == ERROR_CHILD_MUST_BE_VOLATILE);
        CHECK(read_left_records().empty());
        remove_quiet_records();
        CHECK(!!record.write({L"10-a.cmd"}));
        record.remove();
    });
}

bool is_class_there(REFCLSID class_id) {
    IUnknown *object = nullptr;
    HRESULT result = CoCreateInstance(class_id, nullptr, CLSCTX_ALL, IID_PPV_ARGS(&object));
    if (SUCCEEDED(result)) object->Release();
    return SUCCEEDED(result);
}

constexpr GUID VSS_COORDINATOR = {0xe579ab5f, 0x1cc4, 0x44b4, {0xbe, 0xd9, 0xde, 0x09, 0x91, 0xff, 0x06, 0x23}};

/* Never on a real Windows: there these would register a DLL that is not there. */
void test_without_vss() {
    if (is_class_there(VSS_COORDINATOR)) return;
    promise("where VSS cannot be reached, that is what is told", [] {
        VssEntry entry;
        CHECK(entry.add().message == "the Volume Shadow Copy service cannot be reached: CoCreateInstance failed");
        CHECK(entry.remove().result == REGDB_E_CLASSNOTREG);
    });
    promise("where the COM+ catalogue does not work, that is what is told", [] {
        ComApplication application(L"C:\\no such.dll");
        Failure failure = application.add();
        CHECK(failure.result != S_OK);
        CHECK(failure.message.find("COM+") != std::string::npos);
    });
}

}  // namespace

}  // namespace checks

int wmain() {
    CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    checks::test_parts();
    checks::test_service();
    checks::test_records();
    checks::test_without_vss();
    return checks::failed_promises == 0 ? 0 : 1;
}
