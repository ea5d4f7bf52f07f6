#include <cstdlib>
#include <map>

#include "client.h"

namespace databases {

namespace {

constexpr int SQL_FAILED = 1;
constexpr const char *STAGES[] = {"START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"};
constexpr int LAST_STAGE = 4;

/* It ends at the first error, as it does without `--force`. */
class MySql : public Client {
   public:
    MySql(const std::string &port, bool is_raw) : server_(port), start_(server_.said("start")), is_raw_(is_raw) {}

    int obey(const std::string &line) override {
        if (server_.said("start") != start_) return error("2013 (HY000)", "Lost connection to server during query");
        if (line == "SELECT 1;") return answer("1");
        if (line == "SELECT 'snaphook-quiet';") return answer("snaphook-quiet");
        if (line == "SELECT 'snaphook-held';") return answer("snaphook-held");
        if (line == "SELECT VERSION();") return answer(server_.said("version"));
        if (begins_with(line, "SET SESSION lock_wait_timeout = ")) return set_limits(line);
        if (begins_with(line, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('datadir', ")) return tell_variables(line);
        if (line == "FLUSH TABLES WITH READ LOCK;") return lock();
        if (line == "UNLOCK TABLES;") return unlock();
        if (begins_with(line, "BACKUP STAGE ")) return go_to_stage(line.substr(13, line.size() - 14));
        return error("1064 (42000)", "You have an error in your SQL syntax near '" + line + "'");
    }

   private:
    int answer(const std::string &text) {
        print(text);
        return -1;
    }

    int error(const std::string &number, const std::string &words) {
        complain("ERROR " + number + " at line 1: " + words);
        return SQL_FAILED;
    }

    int set_limits(const std::string &line) {
        if (line.find(", SESSION wait_timeout = ") == std::string::npos) return error("1064 (42000)", line);
        lock_wait_s_ = atoi(line.c_str() + 32);
        return -1;
    }

    /* Without `--raw` backslashes are doubled. */
    int tell_variables(const std::string &line) {
        for (const char *name : {"datadir", "innodb_data_home_dir", "innodb_log_group_home_dir", "log_bin_basename"}) {
            if (line.find(std::string("'") + name + "'") == std::string::npos) continue;
            std::string value = std::string(name) == "datadir" ? server_.said("data") : server_.said(name), told;
            for (char c : value) told.append(c == '\\' && !is_raw_ ? 2 : 1, c);
            print(std::string(name) + "\t" + told);
        }
        return -1;
    }

    bool is_mariadb() const { return server_.said("version").find("MariaDB") != std::string::npos; }

    int lock() {
        if (!server_.said("refuses").empty()) return error("1227 (42000)", "Access denied; you need the RELOAD privilege for this operation");
        if (!server_.said("isLocked").empty()) {
            Sleep(static_cast<DWORD>(lock_wait_s_) * 1000);
            return error("1205 (HY000)", "Lock wait timeout exceeded; try restarting transaction");
        }
        return server_.take_lock() ? -1 : error("1205 (HY000)", "Lock wait timeout exceeded; try restarting transaction");
    }

    int unlock() {
        server_.give_lock();
        return -1;
    }

    int go_to_stage(const std::string &name) {
        if (!is_mariadb()) return error("1064 (42000)", "You have an error in your SQL syntax near 'BACKUP STAGE'");
        if (name == "END") {
            if (stage_ == 0) return error("4145 (HY000)", "You must start backup with \"BACKUP STAGE START\"");
            stage_ = 0;
            return unlock();
        }
        if (stage_ == LAST_STAGE || name != STAGES[stage_]) return error("4146 (HY000)", "Backup stage '" + name + "' is not the next one");
        stage_++;
        return stage_ == LAST_STAGE ? lock() : -1;
    }

    Server server_;
    std::string start_;
    bool is_raw_;
    int stage_ = 0;
    int lock_wait_s_ = 86400;
};

}  // namespace

std::unique_ptr<Client> start_mysql(const Words &words, int *exit_code) {
    *exit_code = SQL_FAILED;
    auto refuse = [](const std::string &why) {
        complain("ERROR " + why);
        return nullptr;
    };
    for (const char *needed : {"--batch", "--skip-column-names", "--unbuffered", "--skip-reconnect", "--protocol=TCP"})
        if (!has(words, needed)) return refuse(std::string("of the test: it wants ") + needed);
    std::string port = value_of(words, "--port"), defaults = value_of(words, "--defaults-file");
    Server server(port);
    if (value_of(words, "--host") != "127.0.0.1" || !server.is_there())
        return refuse("2003 (HY000): Can't connect to server on '127.0.0.1' (10061)");
    /* Of option files it takes this one in the first place of all words only. */
    bool is_named = !defaults.empty() && words.front() == "--defaults-file=" + defaults;
    if (!is_named && words.front() != "--no-defaults") return refuse("of the test: other option files would be read");
    if (server.said("defaults") != (is_named ? defaults : "")) return refuse("1045 (28000): Access denied for user (using password: NO)");
    return std::make_unique<MySql>(port, has(words, "--raw"));
}

}  // namespace databases
