#include "child-process.h"

#include <cstring>
#include <vector>

#include "../../last-error.h"
#include "child-handles.h"
#include "trusted-files.h"

namespace snaphook {

namespace {

constexpr UINT TERMINATED = 1;

struct CommandLine {
    std::wstring program;
    std::wstring line;
};

/* Never by a search: every program has its whole path. */
CommandLine command_line(const std::wstring &path, const std::wstring &argument) {
    std::wstring ending = path.substr(path.rfind(L'.'));
    std::wstring quoted = L"\"" + path + L"\" " + argument;
    if (_wcsicmp(ending.c_str(), L".exe") == 0) return {path, quoted};
    if (_wcsicmp(ending.c_str(), L".ps1") == 0) {
        std::wstring shell = system_folder() + L"\\WindowsPowerShell\\v1.0\\powershell.exe";
        return {shell, L"\"" + shell + L"\" -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File " + quoted};
    }
    std::wstring shell = system_folder() + L"\\cmd.exe";
    return {shell, L"\"" + shell + L"\" /d /s /c \"" + quoted + L"\""};
}

Handle open_nothing() {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, nullptr, TRUE};
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE;
    return Handle(CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, share, &inherited, OPEN_EXISTING, 0, nullptr));
}

/* As it was when it was found: it, its folder, and what that lies in. */
Failure open_again(const std::wstring &path, Handle *folder, Handle *file) {
    std::wstring name_of_folder = path.substr(0, path.rfind(L'\\'));
    Failure failure = open_trusted_folder(name_of_folder, folder);
    if (!failure) failure = check_parents(name_of_folder.substr(0, name_of_folder.rfind(L'\\') + 1));
    return failure ? failure : open_trusted_file(path, file);
}

Failure not_started(const Program &program, const char *why) { return {last_error(), "'" + program.name + "' " + why}; }

}  // namespace

Failure ChildProcess::start(const Program &program, const char *argument) {
    Handle folder, file;
    Failure failure = open_again(program.path, &folder, &file);
    if (failure) return failure;
    Handle nothing = open_nothing(), input, output, thread;
    if (!nothing || !make_pipe_of_child(false, &output_, &output)) return not_started(program, "gets no output");
    if (program.is_plug_in && !make_pipe_of_child(true, &input_, &input)) return not_started(program, "gets no input");
    STARTUPINFOEXW startup = {};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = program.is_plug_in ? input.get() : nothing.get();
    startup.StartupInfo.hStdOutput = output.get();
    startup.StartupInfo.hStdError = program.is_plug_in ? nothing.get() : output.get();
    /* None twice: Windows refuses that. */
    std::vector<HANDLE> handles = {nothing.get(), output.get()};
    if (program.is_plug_in) handles.push_back(input.get());
    InheritedHandles inherited(handles);
    if (!inherited.is_made()) return not_started(program, "cannot be given its handles");
    startup.lpAttributeList = inherited.get();
    CommandLine command = command_line(program.path, std::wstring(argument, argument + strlen(argument)));
    const DWORD flags = CREATE_NO_WINDOW | CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT;
    PROCESS_INFORMATION started = {};
    if (!CreateProcessW(command.program.c_str(), command.line.data(), nullptr, nullptr, TRUE, flags, nullptr, system_folder().c_str(),
                        &startup.StartupInfo, &started))
        return not_started(program, "cannot be started");
    process_ = Handle(started.hProcess);
    thread = Handle(started.hThread);
    if (!program.is_plug_in) job_ = Handle(CreateJobObjectW(nullptr, nullptr));
    if (!program.is_plug_in && (!job_ || !AssignProcessToJobObject(job_.get(), process_.get()))) {
        failure = not_started(program, "gets no job of its own");
        TerminateProcess(process_.get(), TERMINATED);
        return failure;
    }
    ResumeThread(thread.get());
    return {};
}

DWORD ChildProcess::exit_code() const {
    DWORD code = 0;
    return GetExitCodeProcess(process_.get(), &code) ? code : TERMINATED;
}

DWORD ChildProcess::read(char *bytes, DWORD capacity) {
    DWORD available = 0, length = 0;
    if (!PeekNamedPipe(output_.get(), nullptr, 0, nullptr, &available, nullptr) || available == 0) return 0;
    return ReadFile(output_.get(), bytes, available < capacity ? available : capacity, &length, nullptr) ? length : 0;
}

bool ChildProcess::is_output_over() const {
    DWORD available = 0;
    return !PeekNamedPipe(output_.get(), nullptr, 0, nullptr, &available, nullptr);
}

bool ChildProcess::write(std::string_view bytes) {
    DWORD length = 0;
    return WriteFile(input_.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &length, nullptr) && length == bytes.size();
}

void ChildProcess::terminate() {
    if (job_)
        TerminateJobObject(job_.get(), TERMINATED);
    else
        TerminateProcess(process_.get(), TERMINATED);
}

}  // namespace snaphook
