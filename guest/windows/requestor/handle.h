#ifndef SNAPHOOK_HANDLE_H
#define SNAPHOOK_HANDLE_H

#include <windows.h>

#include <utility>

namespace snaphook {

/* A kernel object that is closed at the end. */
class Handle {
   public:
    Handle() = default;
    explicit Handle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
    Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Handle() {
        if (handle_ != nullptr) CloseHandle(handle_);
    }

    /* Somebody else closes it. */
    HANDLE give_up() { return std::exchange(handle_, nullptr); }

    HANDLE get() const { return handle_; }
    explicit operator bool() const { return handle_ != nullptr; }

   private:
    HANDLE handle_ = nullptr;
};

/* Manual reset. */
inline Handle make_event() { return Handle(CreateEventW(nullptr, TRUE, FALSE, nullptr)); }

}  // namespace snaphook

#endif
