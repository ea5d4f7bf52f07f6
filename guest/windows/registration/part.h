#ifndef SNAPHOOK_REGISTRATION_PART_H
#define SNAPHOOK_REGISTRATION_PART_H

#include <vector>

#include "../requestor/failure.h"

namespace snaphook {

/* One thing that Windows has to know. */
class Part {
   public:
    virtual ~Part() = default;
    /* Why it has to stay for now; asked of all parts before the first is touched. */
    virtual Failure refusal() { return {}; }
    virtual Failure add() = 0;
    /* A success where there is nothing to take away. */
    virtual Failure remove() = 0;
};

using Parts = std::vector<Part *>;

/*
 * Takes away what is there, last part first, and adds all. The first part that cannot be taken away ends it before anything is
 * added; one that cannot be added takes everything away again. One that refuses ends it with nothing changed.
 */
Failure install_parts(const Parts &parts);

/* Tries all parts, last one first, unless one refuses; tells the first failure. */
Failure uninstall_parts(const Parts &parts);

}  // namespace snaphook

#endif
