#ifndef SNAPHOOK_SERVICE_ENTRY_H
#define SNAPHOOK_SERVICE_ENTRY_H

#include <string>
#include <utility>

#include "part.h"

namespace snaphook {

/* The service in which the requestor of a full backup lives: LocalSystem, started on demand, and by nothing else. */
class ServiceEntry final : public Part {
   public:
    /* `program`: the path of snaphook-vss.exe. */
    explicit ServiceEntry(std::wstring program) : program_(std::move(program)) {}

    /* ERROR_BUSY while it runs: then it keeps the set of a full backup, which would fail, or kept one a moment ago. */
    Failure refusal() override;
    Failure add() override;
    Failure remove() override;

   private:
    std::wstring program_;
};

}  // namespace snaphook

#endif
