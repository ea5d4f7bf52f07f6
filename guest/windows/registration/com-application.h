#ifndef SNAPHOOK_COM_APPLICATION_H
#define SNAPHOOK_COM_APPLICATION_H

#include <string>
#include <utility>

#include "part.h"

namespace snaphook {

/*
 * The COM+ application that runs the provider DLL in a process of its own, as LocalSystem. Only Administrators and SYSTEM may call
 * it, with sealed calls.
 */
class ComApplication final : public Part {
   public:
    /* `dll`: the path of the provider. */
    explicit ComApplication(std::wstring dll) : dll_(std::move(dll)) {}

    Failure add() override;
    Failure remove() override;

   private:
    std::wstring dll_;
};

}  // namespace snaphook

#endif
