/* MySQL and MariaDB, by either name. */
#include <algorithm>

#include "../../requestor/applications/trusted-files.h"
#include "../application.h"
#include "../places.h"
#include "../quoting.h"

namespace snaphook {

namespace {

constexpr char VARIABLES[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('datadir', 'innodb_data_home_dir', 'innodb_log_group_home_dir', "
    "'innodb_undo_directory', 'aria_log_dir_path', 'log_bin_basename', 'relay_log_basename');\n";
/* The end of the names of those that are no directories. */
constexpr std::string_view OF_FILES = "_basename";

class MySql : public Application {
   public:
    using Application::Application;

    /* The option file decides what its client loads. */
    std::string problem() const override {
        std::string mode = settings_.first("mode", "auto");
        if (mode != "auto" && mode != "flush-tables" && mode != "backup-stage") return "\"" + mode + "\" is no mode";
        std::string defaults = settings_.first("defaults");
        Handle file;
        return defaults.empty() ? "" : open_trusted_file(wide(defaults), &file).message;
    }

    /* A lost connection must not come back: the lock is lost with it. Only the option file that is named is read. */
    std::wstring arguments(const std::string &port) const override {
        std::string defaults = settings_.first("defaults");
        return (defaults.empty() ? L"--no-defaults" : quoted("--defaults-file=" + defaults)) +
               L" --batch --raw --skip-column-names --unbuffered --skip-reconnect --default-character-set=utf8 --protocol=TCP "
               L"--host=127.0.0.1 --port=" +
               wide(port);
    }

    /* Relative ones are in the data directory. */
    std::optional<Directories> directories(const Client &client, std::string *problem) const override {
        auto variables = client.ask(VARIABLES, problem);
        if (!variables) return std::nullopt;
        std::vector<std::pair<std::string, std::string>> named;
        std::string data;
        for (const std::string &line : *variables) {
            size_t tab = line.find('\t');
            if (tab == std::string::npos || tab + 1 == line.size()) continue;
            named.emplace_back(line.substr(0, tab), line.substr(tab + 1));
            if (named.back().first == "datadir") data = named.back().second;
        }
        Directories found;
        for (const auto &[variable, value] : named) {
            std::string path = is_absolute(value) ? value : data + "\\" + value;
            if (variable.find(OF_FILES) != std::string::npos) path.erase(path.find_last_of("\\/"));
            found.needed.push_back(path);
        }
        return found;
    }

    Conversation conversation(const Client &client, unsigned long long budget_ms, unsigned long long lease_ms) const override {
        constexpr unsigned long long MORE_S = 3600;
        Conversation said;
        said.begin = "SET SESSION lock_wait_timeout = " + std::to_string(std::max(budget_ms / 1000, 1ull)) +
                     ", SESSION wait_timeout = " + std::to_string(lease_ms / 1000 + MORE_S) + ";\n";
        if (is_staged(client)) {
            for (const char *stage : {"START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"}) said.begin += std::string("BACKUP STAGE ") + stage + ";\n";
            said.end = "BACKUP STAGE END;\n";
        } else {
            said.begin += "FLUSH TABLES WITH READ LOCK;\n";
            said.end = "UNLOCK TABLES;\n";
        }
        said.begin += "SELECT 'snaphook-quiet';\n";
        said.end += "SELECT 'snaphook-held';\n";
        return said;
    }

    bool answers(const Client &client, std::string *problem) const override { return client.ask("SELECT 1;\n", problem).has_value(); }

   private:
    bool is_staged(const Client &client) const {
        std::string mode = settings_.first("mode", "auto");
        if (mode != "auto") return mode == "backup-stage";
        std::string problem;
        auto version = client.ask("SELECT VERSION();\n", &problem);
        return version && !version->empty() && version->front().find("MariaDB") != std::string::npos;
    }
};

}  // namespace

const Database MYSQL = {{{L"mysqld.exe", L"mariadbd.exe"}, {L"mariadb.exe", L"mysql.exe"}, "3306"},
    [](const Settings &settings) -> std::unique_ptr<Application> { return std::make_unique<MySql>(settings); }};

}  // namespace snaphook
