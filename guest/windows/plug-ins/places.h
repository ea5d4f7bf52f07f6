#ifndef SNAPHOOK_PLACES_H
#define SNAPHOOK_PLACES_H

#include <set>
#include <string>

#include "application.h"

namespace snaphook {

/* Where the files of an instance lie. */
struct Places {
    /* Without links in them. */
    std::set<std::wstring> directories;
    /* `\\?\Volume{guid}\` */
    std::set<std::wstring> volumes;
};

/* False: one of them is not there, or lies on no volume of this machine, as `problem` tells. */
bool find_places(const Directories &directories, Places *places, std::string *problem);

/* Whether it leads somewhere without a directory of its own before it, as applications on Windows write it. */
bool is_absolute(const std::string &path);

}  // namespace snaphook

#endif
