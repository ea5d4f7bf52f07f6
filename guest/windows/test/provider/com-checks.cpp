#include <objbase.h>

#include <oleauto.h>

#include "../../identity.h"
#include "../check.h"
#include "machine.h"

namespace checks {

using namespace snaphook;

namespace {

HRESULT find_in_type_library(const wchar_t *path) {
    ITypeLib *library = nullptr;
    HRESULT result = LoadTypeLibEx(path, REGKIND_NONE, &library);
    if (FAILED(result)) return result;
    ITypeInfo *info = nullptr;
    result = library->GetTypeInfoOfGuid(PROVIDER_CLASS, &info);
    TYPEATTR *attributes = nullptr;
    if (SUCCEEDED(result)) result = info->GetTypeAttr(&attributes);
    if (SUCCEEDED(result)) {
        if (attributes->typekind != TKIND_COCLASS) result = E_FAIL;
        info->ReleaseTypeAttr(attributes);
    }
    if (info != nullptr) info->Release();
    library->Release();
    return result;
}

}  // namespace

void test_com() {
    promise("the DLL may go when nobody has one of its objects, and not before", [] {
        CHECK(can_unload() == S_OK);
        IClassFactory *factory = nullptr;
        CHECK(class_object(PROVIDER_CLASS, IID_PPV_ARGS(&factory)) == S_OK);
        CHECK(can_unload() == S_FALSE);
        CHECK(factory->LockServer(TRUE) == S_OK);
        factory->Release();
        CHECK(can_unload() == S_FALSE);
        CHECK(class_object(PROVIDER_CLASS, IID_PPV_ARGS(&factory)) == S_OK);
        factory->LockServer(FALSE);
        factory->Release();
        CHECK(can_unload() == S_OK);
        {
            Machine machine;
            CHECK(can_unload() == S_FALSE);
            IVssEnumObject *objects = nullptr;
            CHECK(machine.software->Query(GUID_NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &objects) == S_OK);
            machine.unload();
            CHECK(can_unload() == S_FALSE);
            objects->Release();
        }
        CHECK(can_unload() == S_OK);
    });
    promise("its one class makes providers with the three interfaces of VSS and one identity", [] {
        void *object = nullptr;
        CHECK(class_object(PROVIDER_ID, IID_IUnknown, &object) == CLASS_E_CLASSNOTAVAILABLE);
        IClassFactory *factory = nullptr;
        CHECK(class_object(PROVIDER_CLASS, IID_PPV_ARGS(&factory)) == S_OK);
        CHECK(factory->CreateInstance(factory, IID_IUnknown, &object) == CLASS_E_NOAGGREGATION);
        CHECK(factory->CreateInstance(nullptr, IID_IDispatch, &object) == E_NOINTERFACE);
        factory->Release();
        CHECK(can_unload() == S_OK);
        Machine machine;
        IUnknown *one = nullptr;
        IUnknown *other = nullptr;
        CHECK(machine.sets->QueryInterface(IID_PPV_ARGS(&one)) == S_OK);
        CHECK(machine.notifications->QueryInterface(IID_PPV_ARGS(&other)) == S_OK);
        CHECK(one == other);
        one->Release();
        other->Release();
        CHECK(machine.notifications->OnLoad(nullptr) == S_OK);
    });
    promise("its type library, which COM+ reads, names the class", [] { CHECK(find_in_type_library(dll_path()) == S_OK); });
    promise("registered, it is what COM makes of the class; unregistered, nothing is left", [] {
        CHECK(call_export("DllRegisterServer") == S_OK);
        CHECK(call_export("DllRegisterServer") == S_OK);
        IVssSoftwareSnapshotProvider *provider = nullptr;
        CHECK(CoCreateInstance(PROVIDER_CLASS, nullptr, CLSCTX_INPROC_SERVER, IID_PPV_ARGS(&provider)) == S_OK);
        if (provider != nullptr) provider->Release();
        CHECK(call_export("DllUnregisterServer") == S_OK);
        CHECK(call_export("DllUnregisterServer") == S_OK);
        CoFreeUnusedLibrariesEx(0, 0);
        CHECK(CoCreateInstance(PROVIDER_CLASS, nullptr, CLSCTX_INPROC_SERVER, IID_PPV_ARGS(&provider)) == REGDB_E_CLASSNOTREG);
    });
}

}  // namespace checks
