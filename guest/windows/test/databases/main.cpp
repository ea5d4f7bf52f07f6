/* Clients of databases for tests: by the name of this program psql, mysql, mariadb or mongosh. */
#include <windows.h>

#include <cstdio>
#include <iostream>

#include "client.h"

namespace databases {

std::string narrowed(const std::wstring &text) {
    std::string narrow(static_cast<size_t>(WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0, nullptr, nullptr)), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), narrow.data(), static_cast<int>(narrow.size()), nullptr, nullptr);
    return narrow;
}

void print(const std::string &line) {
    printf("%s\n", line.c_str());
    fflush(stdout);
}

void complain(const std::string &line) {
    fprintf(stderr, "%s\n", line.c_str());
    fflush(stderr);
}

bool begins_with(std::string_view text, std::string_view beginning) { return text.substr(0, beginning.size()) == beginning; }

bool has(const Words &words, std::string_view word) {
    for (const std::string &one : words)
        if (one == word) return true;
    return false;
}

std::string value_of(const Words &words, const std::string &word) {
    for (size_t i = 0; i < words.size(); i++) {
        if (words[i] == word && i + 1 < words.size()) return words[i + 1];
        if (begins_with(words[i], word + "=")) return words[i].substr(word.size() + 1);
    }
    return "";
}

std::string environment(const wchar_t *name) {
    wchar_t value[MAX_PATH] = L"";
    return GetEnvironmentVariableW(name, value, MAX_PATH) > 0 ? narrowed(value) : "";
}

int run(const std::string &program, const Words &words) {
    int exit_code = 1;
    std::unique_ptr<Client> client;
    if (program == "psql.exe") client = start_psql(words, &exit_code);
    if (program == "mysql.exe" || program == "mariadb.exe") client = start_mysql(words, &exit_code);
    if (program == "mongosh.exe") client = start_mongosh(words, &exit_code);
    if (!client) return exit_code;
    for (std::string line; std::getline(std::cin, line);) {
        note(std::to_string(GetCurrentProcessId()) + " " + line);
        int end = client->obey(line);
        if (end >= 0) return end;
    }
    return 0;
}

}  // namespace databases

int wmain(int count, wchar_t **words) {
    wchar_t path[MAX_PATH] = L"";
    GetModuleFileNameW(nullptr, path, MAX_PATH);
    std::string program = databases::narrowed(path);
    databases::Words arguments;
    std::string all;
    for (int i = 1; i < count; i++) {
        arguments.push_back(databases::narrowed(words[i]));
        all += " " + arguments.back();
    }
    program = program.substr(program.rfind('\\') + 1);
    databases::note("run " + program + all);
    return databases::run(program, arguments);
}
