#ifndef SNAPHOOK_INSTALLATION_H
#define SNAPHOOK_INSTALLATION_H

#include <string>
#include <vector>

#include "application.h"

namespace snaphook {

/* What of an application is on this machine, by the settings and by the services that run. */
struct Installation {
    /* Ports. None: there is nothing to bring to rest. */
    std::vector<std::string> instances;
    /* The full path of the client. */
    std::wstring client;
    /* Why it cannot be used, in UTF-8; empty: it can. */
    std::string problem;
};

Installation find_installation(const Settings &settings, const Product &product);

}  // namespace snaphook

#endif
