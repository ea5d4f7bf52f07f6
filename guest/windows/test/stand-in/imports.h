/* Puts functions of the stand-in into the import table of a module: its code stays what is shipped. */
#pragma once

#include <windows.h>

namespace stand_in {

/* Every import of `original` by this module becomes `replacement`. */
void replace_import(HMODULE module, void *original, void *replacement);

}  // namespace stand_in
