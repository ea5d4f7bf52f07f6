#ifndef SNAPHOOK_SERVICE_HANDLE_H
#define SNAPHOOK_SERVICE_HANDLE_H

#include <windows.h>

namespace snaphook {

/* Of the service manager or of a service; closed at the end. */
class ServiceHandle {
   public:
    explicit ServiceHandle(SC_HANDLE handle) : handle_(handle) {}
    ~ServiceHandle() {
        if (handle_ != nullptr) CloseServiceHandle(handle_);
    }
    ServiceHandle(const ServiceHandle &) = delete;
    ServiceHandle &operator=(const ServiceHandle &) = delete;

    SC_HANDLE get() const { return handle_; }

   private:
    SC_HANDLE handle_;
};

}  // namespace snaphook

#endif
