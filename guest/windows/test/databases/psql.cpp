#include <cstdlib>

#include "client.h"

namespace databases {

namespace {

constexpr int NO_CONNECTION = 2;
constexpr int SCRIPT_ERROR = 3;

class Psql : public Client {
   public:
    explicit Psql(const std::string &port) : server_(port), start_(server_.said("start")) {}

    int obey(const std::string &line) override {
        /* A session that is not a person's is not opened again. */
        if (server_.said("start") != start_) {
            complain("server closed the connection unexpectedly");
            complain("psql:<stdin>:1: error: connection to server was lost");
            return NO_CONNECTION;
        }
        if (line == "CHECKPOINT;") {
            Sleep(static_cast<DWORD>(atoi(server_.said("checkpointMs").c_str())));
            if (server_.said("refuses").empty()) return -1;
            complain("psql:<stdin>:2: ERROR:  must be superuser to do CHECKPOINT");
            return SCRIPT_ERROR;
        }
        if (line == "SELECT 1;") return answer("1");
        if (line == "SELECT 'snaphook-quiet';") return answer("snaphook-quiet");
        if (line == "SELECT 'snaphook-held';") return answer("snaphook-held");
        if (line == "SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 140000;")
            return answer("0");
        if (line == "SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE txid_current() END;") return answer("740");
        if (line == "SHOW data_directory;") return answer(server_.said("data"));
        if (line == "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> '';")
            return server_.said("tablespace").empty() ? -1 : answer(server_.said("tablespace"));
        complain("psql:<stdin>:1: ERROR:  syntax error at or near \"" + line + "\"");
        return SCRIPT_ERROR;
    }

   private:
    int answer(const std::string &text) {
        print(text);
        return -1;
    }

    Server server_;
    std::string start_;
};

}  // namespace

std::unique_ptr<Client> start_psql(const Words &words, int *exit_code) {
    auto refuse = [&](const std::string &why) {
        complain("psql: error: " + why);
        *exit_code = NO_CONNECTION;
        return nullptr;
    };
    for (const char *needed : {"--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "ON_ERROR_STOP=1"})
        if (!has(words, needed)) return refuse(std::string("the test wants ") + needed);
    std::string port = value_of(words, "--port");
    Server server(port);
    if (value_of(words, "--host") != "127.0.0.1" || !server.is_there())
        return refuse("connection to server at \"127.0.0.1\", port " + port + " failed: Connection refused (0x0000274D/10061)");
    if (value_of(words, "--username") != server.said("user")) return refuse("FATAL:  role \"" + value_of(words, "--username") + "\" does not exist");
    if (environment(L"PGCLIENTENCODING") != "UTF8") return refuse("the test wants UTF-8");
    if (server.said("passwordFile") != environment(L"PGPASSFILE")) return refuse("fe_sendauth: no password supplied");
    return std::make_unique<Psql>(port);
}

}  // namespace databases
