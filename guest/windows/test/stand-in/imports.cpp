#include "imports.h"

namespace stand_in {

void replace_import(HMODULE module, void *original, void *replacement) {
    auto *base = reinterpret_cast<BYTE *>(module);
    const auto *dos = reinterpret_cast<const IMAGE_DOS_HEADER *>(base);
    const auto *headers = reinterpret_cast<const IMAGE_NT_HEADERS *>(base + dos->e_lfanew);
    const IMAGE_DATA_DIRECTORY &directory = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    if (directory.VirtualAddress == 0) return;
    const auto *library = reinterpret_cast<const IMAGE_IMPORT_DESCRIPTOR *>(base + directory.VirtualAddress);
    for (; library->FirstThunk != 0; library++) {
        for (auto *import = reinterpret_cast<void **>(base + library->FirstThunk); *import != nullptr; import++) {
            if (*import != original) continue;
            DWORD protection = 0;
            VirtualProtect(import, sizeof *import, PAGE_READWRITE, &protection);
            *import = replacement;
            VirtualProtect(import, sizeof *import, protection, &protection);
        }
    }
}

}  // namespace stand_in
