#include "server.h"

#include <cstdlib>
#include <sstream>

namespace databases {

namespace {

std::wstring widened(const std::string &text) {
    std::wstring wide(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0)), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), static_cast<int>(wide.size()));
    return wide;
}

std::wstring beside(const std::string &name) {
    wchar_t path[MAX_PATH] = L"";
    GetModuleFileNameW(nullptr, path, MAX_PATH);
    std::wstring program = path;
    return program.substr(0, program.rfind(L'\\') + 1) + widened(name);
}

std::string read(const std::wstring &path) {
    HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING, 0,
                              nullptr);
    if (file == INVALID_HANDLE_VALUE) return "";
    std::string content(GetFileSize(file, nullptr), '\0');
    DWORD length = 0;
    ReadFile(file, content.data(), static_cast<DWORD>(content.size()), &length, nullptr);
    CloseHandle(file);
    content.resize(length);
    return content;
}

void write(const std::wstring &path, DWORD access, DWORD disposition, const std::string &content) {
    HANDLE file = CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, disposition, 0, nullptr);
    DWORD length = 0;
    WriteFile(file, content.data(), static_cast<DWORD>(content.size()), &length, nullptr);
    CloseHandle(file);
}

}  // namespace

std::string content_of(const std::string &path) { return read(widened(path)); }

void note(const std::string &line) { write(beside("log.txt"), FILE_APPEND_DATA, OPEN_ALWAYS, line + "\n"); }

std::string Server::said(const std::string &word) const {
    std::istringstream lines(read(beside("server.txt")));
    std::string value, beginning = port_ + "." + word + "=";
    for (std::string line; std::getline(lines, line);)
        if (line.compare(0, beginning.size(), beginning) == 0) value = line.substr(beginning.size());
    return value;
}

bool Server::take_lock() {
    lock_ = CreateFileW(beside(port_ + ".held").c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_NEW,
                        FILE_FLAG_DELETE_ON_CLOSE, nullptr);
    return lock_ != INVALID_HANDLE_VALUE;
}

void Server::give_lock() {
    if (lock_ != INVALID_HANDLE_VALUE) CloseHandle(lock_);
    lock_ = INVALID_HANDLE_VALUE;
}

int Server::locks() const {
    std::istringstream content(read(beside(port_ + ".locks")));
    std::string start;
    int count = 0;
    content >> count >> start;
    return start == said("start") ? count : 0;
}

void Server::set_locks(int count) const { write(beside(port_ + ".locks"), GENERIC_WRITE, CREATE_ALWAYS, std::to_string(count) + " " + said("start")); }

}  // namespace databases
