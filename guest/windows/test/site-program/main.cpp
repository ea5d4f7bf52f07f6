/*
 * What a site's administrator puts beside the helper, in a test: as `plug-ins.d\NAME.exe serve` a plug-in, and with
 * `script NAME.cmd PHASE` what the script of that name does. Both note first what they were told, as lines of `calls.txt` beside the
 * helper: the name, a blank, and the word or line; `end` is the end of the input. Then they do what `deeds-NAME.txt` there says of that
 * word: lines of a word, an exit code (`-`: a plug-in goes on), `hangs` or `-`, and the output in hex digits or `-`.
 */
#include <windows.h>

#include <stdio.h>
#include <string.h>

#include <string>

namespace {

struct Deed {
    int exit_code = -1;
    bool hangs = false;
    std::string output;
};

std::wstring own_path() {
    wchar_t path[32'768];
    return std::wstring(path, GetModuleFileNameW(nullptr, path, ARRAYSIZE(path)));
}

std::wstring folder_of(const std::wstring &path) { return path.substr(0, path.rfind(L'\\')); }

std::string narrow(const std::wstring &ascii) { return std::string(ascii.begin(), ascii.end()); }

/* Others may note something at the same time. */
void note(const std::wstring &folder, const std::string &line) {
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW((folder + L"\\calls.txt").c_str(), FILE_APPEND_DATA, share, nullptr, OPEN_ALWAYS, 0, nullptr);
    DWORD written = 0;
    WriteFile(file, line.data(), static_cast<DWORD>(line.size()), &written, nullptr);
    CloseHandle(file);
}

std::string bytes_of(const char *hex) {
    std::string bytes;
    unsigned byte = 0;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) bytes += static_cast<char>(byte);
    return bytes;
}

Deed deed_of(const std::wstring &folder, const std::string &name, const std::string &word) {
    Deed deed;
    FILE *file = _wfopen((folder + L"\\deeds-" + std::wstring(name.begin(), name.end()) + L".txt").c_str(), L"r");
    static char line[65'536], known[64], exit_code[16], hangs[16], output[65'536];
    while (file != nullptr && fgets(line, sizeof(line), file) != nullptr) {
        if (sscanf(line, "%63s %15s %15s %65535s", known, exit_code, hangs, output) != 4 || word != known) continue;
        if (strcmp(exit_code, "-") != 0) sscanf(exit_code, "%d", &deed.exit_code);
        deed.hangs = strcmp(hangs, "hangs") == 0;
        deed.output = bytes_of(output);
    }
    if (file != nullptr) fclose(file);
    return deed;
}

void carry_out(const Deed &deed) {
    if (deed.hangs) Sleep(INFINITE);
    DWORD written = 0;
    HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
    if (!deed.output.empty()) WriteFile(output, deed.output.data(), static_cast<DWORD>(deed.output.size()), &written, nullptr);
    if (deed.exit_code >= 0) ExitProcess(static_cast<UINT>(deed.exit_code));
}

/* False at the end of the input. */
bool read_line(std::string *line) {
    char byte = 0;
    DWORD length = 0;
    line->clear();
    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &length, nullptr) && length == 1) {
        if (byte == '\n') return true;
        *line += byte;
    }
    return false;
}

int serve() {
    std::wstring path = own_path(), folder = folder_of(folder_of(path));
    std::string name = narrow(path.substr(path.rfind(L'\\') + 1)), line;
    name.resize(name.rfind('.'));
    while (read_line(&line)) {
        note(folder, name + " " + line + "\n");
        char command[32] = "";
        sscanf(line.c_str(), "{\"command\":\"%31[a-z]", command);
        carry_out(deed_of(folder, name, command));
    }
    note(folder, name + " end\n");
    return 0;
}

}  // namespace

int wmain(int count, wchar_t **words) {
    if (count == 2 && wcscmp(words[1], L"serve") == 0) return serve();
    if (count != 4 || wcscmp(words[1], L"script") != 0) return 2;
    std::wstring folder = folder_of(own_path());
    std::string name = narrow(words[2]), phase = narrow(words[3]);
    note(folder, name + " " + phase + "\n");
    carry_out(deed_of(folder, name, phase));
    return 0;
}
