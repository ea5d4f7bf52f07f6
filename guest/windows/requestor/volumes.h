/* The fixed volumes of this machine, and on which disks each of them lies. */
#ifndef SNAPHOOK_VOLUMES_H
#define SNAPHOOK_VOLUMES_H

#include <windows.h>

#include <string>
#include <vector>

#include "selection.h"

namespace snaphook {

struct Disk {
    /* As `plain_serial` gives it; empty when the disk tells none. */
    std::string serial;
    /* Lower case hex; empty when the disk tells none. */
    std::string naa_name;
};

struct Volume {
    /* `\\?\Volume{guid}\` */
    std::wstring name;
    /* Drive letter or mount folder, with a backslash at its end; empty when it has none. */
    std::wstring mount_point;
    /* Empty: none that Windows can read. There is nothing to flush then and nothing that VSS could hold, but programs may write to it. */
    std::wstring file_system;
    std::vector<Disk> disks;

    bool lies_on(const std::vector<std::string> &serials) const;
};

/* Volumes on fixed disks. A volume whose disks cannot be told has none. */
std::vector<Volume> find_fixed_volumes();

/* Of a path as a writer names it, with environment variables. */
Place find_place(const std::wstring &path);

}  // namespace snaphook

#endif
