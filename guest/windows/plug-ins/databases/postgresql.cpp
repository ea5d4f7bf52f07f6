/* PostgreSQL 9.6 and later: its files at one instant are what it recovers from by itself. */
#include <windows.h>

#include "../application.h"
#include "../quoting.h"

namespace snaphook {

namespace {

class PostgreSql : public Application {
   public:
    explicit PostgreSql(const Settings &settings) : Application(settings) {
        /* For its client: paths of others than English names, and where the password is. */
        SetEnvironmentVariableW(L"PGCLIENTENCODING", L"UTF8");
        std::string file = settings.first("passwordFile");
        if (!file.empty()) SetEnvironmentVariableW(L"PGPASSFILE", wide(file).c_str());
    }

    std::wstring arguments(const std::string &port) const override {
        return L"--no-psqlrc --quiet --no-align --tuples-only --no-password --set ON_ERROR_STOP=1 --host 127.0.0.1 --port " + wide(port) +
               L" --username " + quoted(settings_.first("user", "postgres")) + L" --dbname " + quoted(settings_.first("database", "postgres"));
    }

    std::optional<Directories> directories(const Client &client, std::string *problem) const override {
        auto lines = client.ask(
            "SHOW data_directory;\n"
            "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> '';\n",
            problem);
        if (!lines) return std::nullopt;
        const std::string data = lines->empty() ? "" : lines->front();
        return Directories{*lines, {data + "/pg_wal", data + "/pg_xlog"}};
    }

    Conversation conversation(const Client &, unsigned long long, unsigned long long) const override {
        return {"SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 140000;\n"
                "CHECKPOINT;\n"
                "SELECT 'snaphook-quiet';\n",
                "SELECT 1;\n"
                "SELECT 'snaphook-held';\n"};
    }

    /* A transaction id goes to the WAL. */
    bool answers(const Client &client, std::string *problem) const override {
        return client.ask("SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE txid_current() END;\n", problem).has_value();
    }
};

}  // namespace

const Database POSTGRESQL = {{{L"pg_ctl.exe", L"postgres.exe"}, {L"psql.exe"}, "5432"},
    [](const Settings &settings) -> std::unique_ptr<Application> { return std::make_unique<PostgreSql>(settings); }};

}  // namespace snaphook
