/* Makes whoever takes the named mutex stand still, for a time at most: a frozen application, or volumes whose writes are held. */
#pragma once

#include <windows.h>

namespace stand_in {

inline constexpr wchar_t APPLICATION[] = L"Global\\snaphook-stand-in-application";
inline constexpr wchar_t VOLUMES[] = L"Global\\snaphook-stand-in-volumes";

class HeldMutex {
   public:
    HeldMutex() = default;
    HeldMutex(const HeldMutex &) = delete;
    HeldMutex &operator=(const HeldMutex &) = delete;
    ~HeldMutex() { release(); }

    /* Returns when it stands still. `name` may be null: then only the time is watched. */
    void hold(const wchar_t *name, DWORD limit_ms);
    /* True when it was held until now, false when the time was over before. */
    bool release();
    bool is_held() const { return thread_ != nullptr; }

   private:
    static DWORD WINAPI run(void *self);

    const wchar_t *name_ = nullptr;
    DWORD limit_ms_ = 0;
    HANDLE thread_ = nullptr;
    HANDLE held_ = nullptr;
    HANDLE end_ = nullptr;
    bool expired_ = false;
};

}  // namespace stand_in
