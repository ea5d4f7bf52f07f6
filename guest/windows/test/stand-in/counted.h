/* IUnknown for objects of one interface. */
#pragma once

#include <windows.h>

namespace stand_in {

template <typename Interface>
class Counted : public Interface {
   public:
    STDMETHODIMP QueryInterface(REFIID interface_id, void **object) override {
        bool is_known = interface_id == __uuidof(IUnknown) || interface_id == __uuidof(Interface);
        *object = is_known ? static_cast<Interface *>(this) : nullptr;
        if (!is_known) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }

    STDMETHODIMP_(ULONG) AddRef() override { return static_cast<ULONG>(InterlockedIncrement(&references_)); }

    STDMETHODIMP_(ULONG) Release() override {
        LONG left = InterlockedDecrement(&references_);
        if (left == 0) delete this;
        return static_cast<ULONG>(left);
    }

   protected:
    Counted() = default;
    virtual ~Counted() = default;

    volatile LONG references_ = 1;
};

}  // namespace stand_in
