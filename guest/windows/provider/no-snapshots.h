/* The answer to Query: an error would make VSS give up the whole question, an empty list only tells that we keep no snapshots. */
#ifndef SNAPHOOK_NO_SNAPSHOTS_H
#define SNAPHOOK_NO_SNAPSHOTS_H

#include <vss.h>

#include "module.h"

namespace snaphook {

class NoSnapshots final : public IVssEnumObject {
   public:
    STDMETHODIMP QueryInterface(REFIID interface_id, void **object) override;
    STDMETHODIMP_(ULONG) AddRef() override;
    STDMETHODIMP_(ULONG) Release() override;

    STDMETHODIMP Next(ULONG wanted, VSS_OBJECT_PROP *objects, ULONG *fetched) override;
    STDMETHODIMP Skip(ULONG count) override;
    STDMETHODIMP Reset() override;
    STDMETHODIMP Clone(IVssEnumObject **copy) override;

   private:
    ~NoSnapshots() = default;

    ModuleUse use_;
    volatile LONG references_ = 1;
};

}  // namespace snaphook

#endif
