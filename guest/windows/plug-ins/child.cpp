#include "child.h"

#include "../requestor/applications/child-handles.h"
#include "../requestor/words.h"
#include "waiting.h"

namespace snaphook {

namespace {

/* Between the end of its output and its own. */
constexpr DWORD END_MS = 5000;
constexpr size_t LAST_LINES = 3;
constexpr std::string_view OUR_WORD = "snaphook-";

Handle start_process(const std::wstring &program, const std::wstring &arguments, HANDLE input, HANDLE output) {
    InheritedHandles inherited({input, output});
    if (!inherited.is_made()) return {};
    STARTUPINFOEXW startup = {};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = input;
    startup.StartupInfo.hStdOutput = output;
    startup.StartupInfo.hStdError = output;
    startup.lpAttributeList = inherited.get();
    std::wstring line = L"\"" + program + L"\" " + arguments;
    PROCESS_INFORMATION process = {};
    if (!CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT, nullptr,
                        system_folder().c_str(), &startup.StartupInfo, &process))
        return {};
    CloseHandle(process.hThread);
    return Handle(process.hProcess);
}

bool ends_with(std::string_view text, std::string_view ending) {
    return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

}  // namespace

std::unique_ptr<Child> Child::start(const std::wstring &program, const std::wstring &arguments, std::string *problem) {
    auto failed = [&](const char *what) {
        *problem = "\"" + narrow(program) + "\" " + what + ": error " + std::to_string(GetLastError()) + " of Windows";
        return nullptr;
    };
    Handle input, output;
    std::unique_ptr<Child> child(new Child);
    child->output_ = std::make_shared<Output>();
    if (!make_pipe_of_child(true, &child->input_, &input) || !make_pipe_of_child(false, &child->output_->pipe, &output))
        return failed("has no pipes");
    child->process_ = start_process(program, arguments, input.get(), output.get());
    if (!child->process_) return failed("cannot be started");
    auto *shared = new std::shared_ptr<Output>(child->output_);
    Handle thread(CreateThread(nullptr, 0, read_output, shared, 0, nullptr));
    if (thread) return child;
    delete shared;
    child->terminate();
    return failed("cannot be listened to");
}

DWORD WINAPI Child::read_output(void *shared) {
    std::shared_ptr<Output> output = *static_cast<std::shared_ptr<Output> *>(shared);
    delete static_cast<std::shared_ptr<Output> *>(shared);
    char bytes[4096];
    for (bool is_over = false; !is_over; SetEvent(change())) {
        DWORD length = 0;
        is_over = !ReadFile(output->pipe.get(), bytes, sizeof bytes, &length, nullptr) || length == 0;
        Lock::Hold hold(output->lock);
        if (is_over) output->buffer.add("\n", 1);
        output->buffer.add(bytes, length);
        while (auto line = output->buffer.take_line())
            if (!line->empty()) output->lines.push_back(std::move(*line));
        output->is_over = is_over;
    }
    return 0;
}

void Child::tell(std::string_view text) {
    while (!text.empty()) {
        DWORD length = 0;
        if (!WriteFile(input_.get(), text.data(), static_cast<DWORD>(text.size()), &length, nullptr)) return;
        text.remove_prefix(length);
    }
}

std::vector<std::string> Child::lines() const {
    Lock::Hold hold(output_->lock);
    return output_->lines;
}

bool Child::has_said(std::string_view ending) const {
    for (const std::string &line : lines())
        if (ends_with(line, ending)) return true;
    return false;
}

std::string Child::last_words() const {
    std::vector<std::string> theirs;
    for (const std::string &line : lines())
        if (line.find(OUR_WORD) == std::string::npos) theirs.push_back(line);
    std::string words;
    for (size_t i = theirs.size() > LAST_LINES ? theirs.size() - LAST_LINES : 0; i < theirs.size(); i++)
        words += (words.empty() ? "" : " ") + theirs[i];
    return words;
}

bool Child::is_over() const {
    Lock::Hold hold(output_->lock);
    return output_->is_over;
}

DWORD Child::exit_code() const {
    DWORD code = 1;
    WaitForSingleObject(process_.get(), END_MS);
    GetExitCodeProcess(process_.get(), &code);
    return code;
}

}  // namespace snaphook
