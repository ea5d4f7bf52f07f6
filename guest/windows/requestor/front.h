#ifndef SNAPHOOK_FRONT_H
#define SNAPHOOK_FRONT_H

#include "stream.h"

namespace snaphook {

/*
 * One conversation on that stream; of `snaphook-vss serve` it is standard input and output. Ends the process; `at_end` is called before.
 */
[[noreturn]] int serve(Stream stream, void (*at_end)() = nullptr);

}  // namespace snaphook

#endif
