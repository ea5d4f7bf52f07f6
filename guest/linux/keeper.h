#ifndef SNAPHOOK_KEEPER_H
#define SNAPHOOK_KEEPER_H

/* `snaphook-freeze serve`: speaks the protocol on standard input and output until one end of it is gone; the exit code. */
int serve(const char *sysfs);

#endif
