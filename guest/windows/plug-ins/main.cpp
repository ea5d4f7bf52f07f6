/* A snaphook plug-in for an application on Windows. docs/application-plug-ins.md */
#include <windows.h>

#include <cstdlib>
#include <cwchar>

#include "../requestor/words.h"
#include "frame.h"
#include "keeper.h"

namespace {

/* Not here, or not running: nothing to do. */
constexpr int NOTHING_TO_DO = 99;
constexpr int WRONG_CALL = 2;

/* One program, that is what its name says. */
const snaphook::Database *database_of(const std::wstring &name) {
    static constexpr struct {
        const wchar_t *name;
        const snaphook::Database *database;
    } known[] = {{L"postgresql", &snaphook::POSTGRESQL},
                 {L"mysql", &snaphook::MYSQL},
                 {L"mariadb", &snaphook::MYSQL},
                 {L"mongodb", &snaphook::MONGODB}};
    for (const auto &one : known)
        if (_wcsicmp(one.name, name.c_str()) == 0) return one.database;
    return nullptr;
}

}  // namespace

int wmain(int count, wchar_t **words) {
    using namespace snaphook;
    const bool is_session = count == 5 && wcscmp(words[1], L"session") == 0;
    const Database *database = database_of(program_name());
    if (database == nullptr || (!is_session && !(count == 2 && wcscmp(words[1], L"serve") == 0))) return WRONG_CALL;
    const Settings settings = Settings::of_this_program();
    const auto application = database->make(settings);
    const Installation installation = find_installation(settings, database->product);
    std::string problem = settings.problem();
    if (problem.empty() && installation.instances.empty()) return NOTHING_TO_DO;
    if (problem.empty()) problem = installation.problem.empty() ? application->problem() : installation.problem;
    if (is_session) {
        if (!problem.empty()) return 1;
        const Client client = client_of(*application, installation, narrow(words[2]));
        return keep_session(*application, client, wcstoull(words[3], nullptr, 10), wcstoull(words[4], nullptr, 10));
    }
    Frame frame(*application, installation);
    return problem.empty() ? frame.serve() : frame.refuse(problem);
}
