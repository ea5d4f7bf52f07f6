#ifndef SNAPHOOK_FRONT_H
#define SNAPHOOK_FRONT_H

namespace snaphook {

/* `snaphook-vss serve`: one conversation on standard input and output. Exit code. */
int serve();

}  // namespace snaphook

#endif
