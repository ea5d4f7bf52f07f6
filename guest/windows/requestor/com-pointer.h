#ifndef SNAPHOOK_COM_POINTER_H
#define SNAPHOOK_COM_POINTER_H

#include <windows.h>

#include <oleauto.h>

#include <string>
#include <utility>

namespace snaphook {

/* A reference to a COM object that is released at the end. */
template <class Interface>
class ComPointer {
   public:
    ComPointer() = default;
    ComPointer(ComPointer &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    ComPointer &operator=(ComPointer &&other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~ComPointer() { release(); }

    void release() {
        if (object_ != nullptr) std::exchange(object_, nullptr)->Release();
    }

    /* For a call that gives an object out; what was there is released. */
    Interface **out() {
        release();
        return &object_;
    }

    Interface *get() const { return object_; }
    Interface *operator->() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }

   private:
    Interface *object_ = nullptr;
};

/* Text that a COM call gave out. */
class ComText {
   public:
    ComText() = default;
    ComText(const ComText &) = delete;
    ComText &operator=(const ComText &) = delete;
    ~ComText() { SysFreeString(text_); }

    BSTR *out() { return &text_; }
    std::wstring copy() const { return text_ == nullptr ? L"" : std::wstring(text_, SysStringLen(text_)); }

   private:
    BSTR text_ = nullptr;
};

}  // namespace snaphook

#endif
