/* What the registry says of the provider's COM class. COM+ makes such an entry too, and may leave it behind. */
#ifndef SNAPHOOK_CLASS_ENTRY_H
#define SNAPHOOK_CLASS_ENTRY_H

#include <windows.h>

namespace snaphook {

HRESULT write_class_entry(const wchar_t *dll);

/* S_OK where there is none. */
HRESULT delete_class_entry();

}  // namespace snaphook

#endif
