#ifndef SNAPHOOK_VSS_ENTRY_H
#define SNAPHOOK_VSS_ENTRY_H

#include "part.h"

namespace snaphook {

/* VSS knows the provider: its id, its COM class, and that it is one of software. */
class VssEntry final : public Part {
   public:
    Failure add() override;
    Failure remove() override;
};

}  // namespace snaphook

#endif
