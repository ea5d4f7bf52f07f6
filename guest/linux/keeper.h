#ifndef SNAPHOOK_KEEPER_H
#define SNAPHOOK_KEEPER_H

struct serve_options {
    const char *sysfs;
    /* Beside /etc/snaphook the only folder that may hold scripts, an absolute path; NULL: none. */
    const char *scripts;
};

/* `snaphook-freeze serve`: speaks the protocol on standard input and output until one end of it is gone; the exit code. */
int serve(struct serve_options options);

#endif
