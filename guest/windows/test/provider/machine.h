/* The provider DLL, loaded as COM does it, and a requestor's side of the window. */
#pragma once

#include <vss.h>

#include <vsprov.h>

#include "../../window.h"

namespace checks {

inline constexpr GUID SET = {0x11111111, 0x2222, 0x3333, {0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 0x77, 0x77}};
inline constexpr GUID OTHER_SET = {0x11111111, 0x2222, 0x3333, {0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 0x77, 0x78}};
inline constexpr GUID SNAPSHOT = {0x99999999, 0x2222, 0x3333, {0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 0x77, 0x77}};
inline constexpr DWORD LONG_HOLD_MS = 9000;
inline constexpr DWORD SHORT_HOLD_MS = 200;
/* For what has to happen: nothing is measured against it. */
inline constexpr DWORD PATIENCE_MS = 60'000;

/* The DLL in the folder of this program. */
void load_provider_dll();
HRESULT class_object(REFCLSID class_id, REFIID interface_id, void **object);
HRESULT can_unload();
HRESULT call_export(const char *name);
const wchar_t *dll_path();

/* A provider of its own for each test. */
class Machine {
   public:
    Machine();
    ~Machine();
    Machine(const Machine &) = delete;
    Machine &operator=(const Machine &) = delete;

    HRESULT begin(const GUID &set);
    bool is_supported();
    /* Up to the moment before applications freeze. */
    HRESULT prepare(const GUID &set);
    /* Lets go of this test's provider. */
    void unload();

    /* A file, as the provider opens and flushes what it is told. */
    wchar_t volume[MAX_PATH];
    snaphook::SharedWindow window;
    IVssSoftwareSnapshotProvider *software = nullptr;
    IVssProviderCreateSnapshotSet *sets = nullptr;
    IVssProviderNotifications *notifications = nullptr;
};

/* A call of VSS on a thread of its own. */
class Call {
   public:
    using Step = HRESULT (STDMETHODCALLTYPE IVssProviderCreateSnapshotSet::*)(VSS_ID);
    Call(IVssProviderCreateSnapshotSet *sets, Step step, const GUID &set);
    ~Call();
    /* What it returned; waits for it. */
    HRESULT result();
    bool is_over(DWORD after_ms);

   private:
    static DWORD WINAPI run(void *self);

    IVssProviderCreateSnapshotSet *sets_;
    Step step_;
    GUID set_;
    HRESULT result_ = S_OK;
    HANDLE thread_;
};

inline bool is_set(HANDLE event, DWORD within_ms) { return WaitForSingleObject(event, within_ms) == WAIT_OBJECT_0; }

inline LONGLONG ticks_now() {
    LARGE_INTEGER ticks;
    QueryPerformanceCounter(&ticks);
    return ticks.QuadPart;
}

void test_com();
void test_sets();
void test_hold();
void test_window();

/* As a program of its own: makes the window, says so by an event, and waits for its death. */
int be_requestor();

}  // namespace checks
