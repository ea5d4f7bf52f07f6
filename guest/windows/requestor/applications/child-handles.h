#ifndef SNAPHOOK_CHILD_HANDLES_H
#define SNAPHOOK_CHILD_HANDLES_H

#include <windows.h>

#include <string>
#include <vector>

#include "../handle.h"

namespace snaphook {

/* More than all commands of a plug-in, and than all that is told a client. */
constexpr DWORD PIPE_BYTES_OF_CHILD = 64 * 1024;

/* `ours` stays here, `theirs` is inherited. */
inline bool make_pipe_of_child(bool child_reads, Handle *ours, Handle *theirs) {
    HANDLE read = nullptr, write = nullptr;
    if (!CreatePipe(&read, &write, nullptr, PIPE_BYTES_OF_CHILD)) return false;
    *ours = Handle(child_reads ? write : read);
    *theirs = Handle(child_reads ? read : write);
    return SetHandleInformation(theirs->get(), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

/* The list of what a new process inherits. */
class InheritedHandles {
   public:
    explicit InheritedHandles(std::vector<HANDLE> handles) : handles_(std::move(handles)) {
        SIZE_T size = 0;
        InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        bytes_.resize(size);
        is_made_ = InitializeProcThreadAttributeList(get(), 1, 0, &size) &&
                   UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(), handles_.size() * sizeof(HANDLE),
                                             nullptr, nullptr);
    }
    InheritedHandles(const InheritedHandles &) = delete;
    InheritedHandles &operator=(const InheritedHandles &) = delete;
    ~InheritedHandles() { DeleteProcThreadAttributeList(get()); }

    bool is_made() const { return is_made_; }
    LPPROC_THREAD_ATTRIBUTE_LIST get() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes_.data()); /* as Windows has it */ }

   private:
    std::vector<HANDLE> handles_;
    std::vector<BYTE> bytes_;
    bool is_made_ = false;
};

/* Where a process is started, so that it keeps no folder of somebody else open. */
inline std::wstring system_folder() {
    wchar_t path[MAX_PATH];
    return std::wstring(path, GetSystemDirectoryW(path, MAX_PATH));
}

}  // namespace snaphook

#endif
