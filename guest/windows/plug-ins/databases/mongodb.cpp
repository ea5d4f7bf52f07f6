/* MongoDB, by mongosh. */
#include "../../requestor/applications/trusted-files.h"
#include "../application.h"

namespace snaphook {

namespace {

constexpr std::string_view PATH = "snaphook-path:";

/* As text of JavaScript between single quotes. */
std::string script_text(std::string_view text) {
    std::string escaped;
    for (char c : text) {
        if (c == '\'' || c == '\\') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

class MongoDb : public Application {
   public:
    using Application::Application;

    std::string problem() const override {
        std::string file = settings_.first("uriFile");
        if (file.empty()) return {};
        if (settings_.all("instance").size() > 1) return "`uriFile` leads to one instance alone";
        Handle opened;
        return open_trusted_file(wide(file), &opened).message;
    }

    std::wstring arguments(const std::string &) const override { return L"--quiet --norc --nodb"; }

    /* The connection string may hold a password, which nobody may see in a list of processes. */
    std::string greeting(const std::string &port) const override {
        std::string file = settings_.first("uriFile");
        if (file.empty()) return "db = connect('mongodb://127.0.0.1:" + port + "/admin')\n";
        return "db = connect(require('fs').readFileSync('" + script_text(file) + "', 'utf8').trim())\n";
    }

    std::optional<Directories> directories(const Client &client, std::string *problem) const override {
        auto lines = client.ask("{ const found = db.adminCommand({ getCmdLineOpts: 1 }); print('snaphook-path:' + found.parsed.storage.dbPath) }\n",
                                problem);
        if (!lines) return std::nullopt;
        for (const std::string &line : *lines) {
            size_t at = line.find(PATH);
            if (at == std::string::npos) continue;
            std::string data = line.substr(at + PATH.size());
            return Directories{{data}, {data + "\\journal"}};
        }
        *problem = lines->empty() ? "its client says nothing" : lines->back();
        return std::nullopt;
    }

    /* Lines are executed one by one, also after one that failed: then the shell has to end, or it would unlock what others have locked. */
    Conversation conversation(const Client &, unsigned long long, unsigned long long) const override {
        return {"try { if (db.fsyncLock().ok === 1) { print('snaphook-' + 'quiet') } else { print('snaphook-' + 'refused'); quit(1) } } "
                "catch (problem) { print(problem.message); print('snaphook-' + 'refused'); quit(1) }\n",
                "if (db.fsyncUnlock().ok === 1) { print('snaphook-' + 'held') } else { quit(1) }\n"};
    }

    /* The lock outlives its session. */
    void recover(const Client &client) const override {
        std::string problem;
        client.ask("db.fsyncUnlock()\n", &problem);
    }

    bool answers(const Client &client, std::string *problem) const override {
        auto lines = client.ask("if (db.currentOp().fsyncLock) { print('is locked') } else { print('snaphook-' + 'fine') }\n", problem);
        if (!lines) return false;
        for (const std::string &line : *lines)
            if (line.find(FINE) != std::string::npos) return true;
        *problem = lines->empty() ? "its client says nothing" : lines->back();
        return false;
    }
};

}  // namespace

/* Its client is a product of its own, that lies in a folder of its own. */
const Database MONGODB = {{{L"mongod.exe"}, {L"mongosh.exe"}, "27017"},
    [](const Settings &settings) -> std::unique_ptr<Application> { return std::make_unique<MongoDb>(settings); }};

}  // namespace snaphook
