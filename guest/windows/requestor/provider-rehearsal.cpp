#include "provider-rehearsal.h"

#include <vsserror.h>

#include "../identity.h"
#include "../last-error.h"
#include "handle.h"
#include "machine.h"

namespace snaphook {

namespace {

constexpr DWORD LONG_HOLD_MS = 5000;
constexpr DWORD SHORT_HOLD_MS = 100;
/* Long enough to see that it waits at all. */
constexpr DWORD BEFORE_RELEASE_MS = 50;
constexpr wchar_t NO_VOLUME[] = L"\\\\?\\Volume{00000000-0000-0000-0000-000000000000}\\";

}  // namespace

struct ProviderRehearsal::Commit {
    IVssProviderCreateSnapshotSet *provider;
    GUID set;
    HRESULT answer = E_FAIL;
};

HRESULT ProviderRehearsal::load() {
    std::wstring path = program_folder() + PROVIDER_DLL;
    /* Stays loaded: the process ends soon, and an unload while a thread returns would be a fault. */
    HMODULE module = LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (module == nullptr) return last_error();
    using GetClassObject = HRESULT(WINAPI *)(REFCLSID, REFIID, void **);
    FARPROC found = GetProcAddress(module, "DllGetClassObject");
    if (found == nullptr) return last_error();
    auto get_class_object = reinterpret_cast<GetClassObject>(reinterpret_cast<void *>(found));
    ComPointer<IClassFactory> factory;
    HRESULT result = get_class_object(PROVIDER_CLASS, IID_IClassFactory, reinterpret_cast<void **>(factory.out()));
    if (FAILED(result)) return result;
    return factory->CreateInstance(nullptr, IID_IVssProviderCreateSnapshotSet, reinterpret_cast<void **>(provider_.out()));
}

DWORD WINAPI ProviderRehearsal::commit_thread(void *parameter) {
    auto *commit = static_cast<Commit *>(parameter);
    commit->answer = commit->provider->CommitSnapshots(commit->set);
    return 0;
}

HRESULT ProviderRehearsal::hold_once(DWORD hold_ms, bool release, HRESULT *answer, LONG *state) {
    GUID set, snapshot;
    ComPointer<IVssSoftwareSnapshotProvider> software;
    SharedWindow window;
    HRESULT result = CoCreateGuid(&set);
    if (SUCCEEDED(result)) result = CoCreateGuid(&snapshot);
    if (SUCCEEDED(result)) result = provider_->QueryInterface(IID_IVssSoftwareSnapshotProvider, reinterpret_cast<void **>(software.out()));
    if (SUCCEEDED(result)) result = software->SetContext(VSS_CTX_BACKUP);
    if (SUCCEEDED(result)) result = window.create(HOLD_IN_REHEARSAL, hold_ms);
    if (FAILED(result)) return result;
    window.arm(set);
    wchar_t volume[MAX_PATH];
    lstrcpyW(volume, NO_VOLUME);
    result = software->BeginPrepareSnapshot(set, snapshot, volume, VSS_CTX_BACKUP);
    if (SUCCEEDED(result)) result = provider_->EndPrepareSnapshots(set);
    if (SUCCEEDED(result)) result = provider_->PreCommitSnapshots(set);
    if (FAILED(result)) return result;
    Commit commit = {provider_.get(), set};
    Handle thread(CreateThread(nullptr, 0, commit_thread, &commit, 0, nullptr));
    if (!thread) return last_error();
    if (release && WaitForSingleObject(window.frozen(), LONG_HOLD_MS) == WAIT_OBJECT_0) {
        if (WaitForSingleObject(thread.get(), BEFORE_RELEASE_MS) == WAIT_OBJECT_0) result = E_UNEXPECTED;
        SetEvent(window.thaw());
    }
    WaitForSingleObject(thread.get(), INFINITE);
    *answer = commit.answer;
    *state = window->state;
    provider_->AbortSnapshots(set);
    return result;
}

HRESULT ProviderRehearsal::hold_and_release() {
    HRESULT answer = E_FAIL;
    LONG state = HOLD_IDLE;
    HRESULT result = hold_once(LONG_HOLD_MS, true, &answer, &state);
    if (FAILED(result)) return result;
    if (answer != S_OK || state != HOLD_RELEASED) return FAILED(answer) ? answer : E_UNEXPECTED;
    result = hold_once(SHORT_HOLD_MS, false, &answer, &state);
    if (FAILED(result)) return result;
    return answer == VSS_E_PROVIDER_VETO && state == HOLD_EXPIRED ? S_OK : E_UNEXPECTED;
}

}  // namespace snaphook
