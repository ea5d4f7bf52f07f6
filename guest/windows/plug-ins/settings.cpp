#include "settings.h"

#include <windows.h>

#include "../requestor/applications/trusted-files.h"
#include "../requestor/words.h"
#include "line-buffer.h"

namespace snaphook {

namespace {

constexpr DWORD MAX_SETTINGS_BYTES = 64 * 1024;
constexpr std::string_view BLANKS = " \t";
/* Windows' own editor may begin a file with it. */
constexpr std::string_view BYTE_ORDER_MARK = "\xef\xbb\xbf";

bool is_missing(const Failure &failure) {
    return failure.result == HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND) || failure.result == HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND);
}

std::string_view trimmed(std::string_view text) {
    size_t begin = text.find_first_not_of(BLANKS);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(BLANKS) + 1 - begin);
}

}  // namespace

std::wstring program_path() {
    std::wstring path(32 * 1024, L'\0');
    path.resize(GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
    return path;
}

std::wstring program_name() {
    std::wstring path = program_path();
    std::wstring name = path.substr(path.rfind(L'\\') + 1);
    return name.substr(0, name.rfind(L'.'));
}

std::wstring folder_of(const std::wstring &path) { return path.substr(0, path.rfind(L'\\')); }

std::wstring wide(std::string_view text) {
    int length = static_cast<int>(text.size());
    std::wstring found(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), length, nullptr, 0)), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), length, found.data(), static_cast<int>(found.size()));
    return found;
}

Settings Settings::of_this_program() {
    Settings settings;
    const std::wstring folder = folder_of(folder_of(program_path())) + L"\\applications";
    const std::wstring path = folder + L"\\" + program_name() + L".conf";
    Handle file;
    Failure failure = open_trusted_file(path, &file);
    if (!failure) failure = check_parents(folder);
    if (failure) {
        if (!is_missing(failure)) settings.problem_ = failure.message;
        return settings;
    }
    std::string bytes(MAX_SETTINGS_BYTES, '\0');
    DWORD length = 0;
    if (!ReadFile(file.get(), bytes.data(), MAX_SETTINGS_BYTES, &length, nullptr) || length == MAX_SETTINGS_BYTES) {
        settings.problem_ = "\"" + narrow(path) + "\" cannot be read, or is too long";
        return settings;
    }
    bytes.resize(length);
    if (bytes.compare(0, BYTE_ORDER_MARK.size(), BYTE_ORDER_MARK) == 0) bytes.erase(0, BYTE_ORDER_MARK.size());
    LineBuffer buffer;
    buffer.add(bytes.data(), bytes.size());
    buffer.add("\n", 1);
    while (auto line = buffer.take_line()) {
        std::string_view text = trimmed(*line);
        size_t end = text.find_first_of(BLANKS);
        if (end == std::string_view::npos || text.front() == '#') continue;
        settings.lines_.emplace_back(text.substr(0, end), trimmed(text.substr(end)));
    }
    return settings;
}

std::vector<std::string> Settings::all(std::string_view word) const {
    std::vector<std::string> values;
    for (const auto &[known, value] : lines_)
        if (known == word) values.push_back(value);
    return values;
}

std::string Settings::first(std::string_view word, std::string_view otherwise) const {
    for (const auto &[known, value] : lines_)
        if (known == word) return value;
    return std::string(otherwise);
}

}  // namespace snaphook
