/* snaphook-freeze: freezes file systems of this guest while an array takes a snapshot, and thaws them whatever happens. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keeper.h"
#include "release.h"

static const char usage[] =
    "Examples:\n"
    "  snaphook-freeze serve                    speak the freeze protocol on standard input and output\n"
    "  snaphook-freeze release <boot id> <token>   thaw what that session has frozen\n"
    "  snaphook-freeze serve --scripts /opt/quiet   the same; scripts may lie there too, not only below /etc/snaphook\n"
    "  printf 'facts\\nquit\\n' | snaphook-freeze serve   what this machine has mounted\n"
    "\n"
    "  --version     print the version\n"
    "  --help        print this\n"
    "\n"
    "It must run as root. It thaws by itself when the lease is over, when the client is gone, and when it is killed.\n";

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "serve") == 0) return serve((struct serve_options){.sysfs = "/sys"});
    /* For whoever writes the command line, root or the line in sudoers: the client cannot say this over the protocol. */
    if (count == 4 && strcmp(words[1], "serve") == 0 && strcmp(words[2], "--scripts") == 0 && words[3][0] == '/')
        return serve((struct serve_options){.sysfs = "/sys", .scripts = words[3]});
#ifdef SNAPHOOK_OTHER_SYSFS
    /* For tests alone: whoever may run this by sudo could read files as root with it. */
    if (count == 4 && strcmp(words[1], "serve") == 0 && strcmp(words[2], "--sysfs") == 0) return serve((struct serve_options){.sysfs = words[3]});
#endif
    if (count == 4 && strcmp(words[1], "release") == 0) return release_session(words[2], words[3]);
    if (count == 2 && strcmp(words[1], "--version") == 0) return puts("snaphook-freeze " SNAPHOOK_VERSION) < 0;
    bool asked = count == 2 && strcmp(words[1], "--help") == 0;
    fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : 2;
}
