#pragma once

#include <vss.h>

#include <vsprov.h>

#include <string>

namespace stand_in {

/* The provider DLL as VSS sees it. Every call is noted, and its code is turned into what VSS makes of it. */
class ProviderClient {
   public:
    ProviderClient() = default;
    ProviderClient(const ProviderClient &) = delete;
    ProviderClient &operator=(const ProviderClient &) = delete;
    ~ProviderClient() { unload(); }

    /* VSS_E_PROVIDER_NOT_REGISTERED: there is no such DLL, or it has no class of ours. */
    HRESULT load(const std::wstring &dll);
    void unload();
    bool is_loaded() const { return software_ != nullptr; }

    HRESULT supports(const std::wstring &volume, BOOL *is_supported);
    HRESULT begin(const GUID &set, const GUID &snapshot, const std::wstring &volume, LONG context);

    HRESULT end_prepare(const GUID &set);
    HRESULT pre_commit(const GUID &set);
    HRESULT commit(const GUID &set);
    HRESULT post_commit(const GUID &set, LONG count);
    HRESULT pre_final_commit(const GUID &set);
    HRESULT post_final_commit(const GUID &set);
    HRESULT abort(const GUID &set);

   private:
    HMODULE library_ = nullptr;
    IVssSoftwareSnapshotProvider *software_ = nullptr;
    IVssProviderCreateSnapshotSet *sets_ = nullptr;
    IVssProviderNotifications *notifications_ = nullptr;
};

}  // namespace stand_in
