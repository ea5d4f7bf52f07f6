#include "vss-entry.h"

#include <vss.h>

#include <vsadmin.h>
#include <vsserror.h>

#include "../identity.h"
#include "../requestor/com-pointer.h"

namespace snaphook {

namespace {

Failure reach_vss(ComPointer<IVssAdmin> &admin) {
    /* As COM gives out every interface. */
    void **out = reinterpret_cast<void **>(admin.out());
    HRESULT result = CoCreateInstance(__uuidof(VSSCoordinator), nullptr, CLSCTX_ALL, __uuidof(IVssAdmin), out);
    return check(result, "the Volume Shadow Copy service cannot be reached: CoCreateInstance");
}

/* VSS takes its texts as writable and does not write to them. */
VSS_PWSZ text(const wchar_t *constant) { return const_cast<VSS_PWSZ>(constant); }

}  // namespace

Failure VssEntry::add() {
    ComPointer<IVssAdmin> admin;
    if (Failure failure = reach_vss(admin)) return failure;
    HRESULT result = admin->RegisterProvider(PROVIDER_ID, PROVIDER_CLASS, text(PROVIDER_NAME), VSS_PROV_SOFTWARE,
                                             text(L"" SNAPHOOK_VERSION), PROVIDER_VERSION_ID);
    return check(result, "VSS does not take the provider: IVssAdmin::RegisterProvider");
}

Failure VssEntry::remove() {
    ComPointer<IVssAdmin> admin;
    if (Failure failure = reach_vss(admin)) return failure;
    HRESULT result = admin->UnregisterProvider(PROVIDER_ID);
    if (result == VSS_E_PROVIDER_NOT_REGISTERED) return {};
    return check(result, "VSS does not let the provider go: IVssAdmin::UnregisterProvider");
}

}  // namespace snaphook
