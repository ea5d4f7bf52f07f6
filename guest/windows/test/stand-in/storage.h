/* The volumes and disks that the test's file names, as Windows tells of them. Wine's own have neither extents nor serials. */
#pragma once

#include <windows.h>

namespace stand_in {

/* From now on the module's calls for volumes and disks come here. */
void serve_storage(HMODULE module);

}  // namespace stand_in
