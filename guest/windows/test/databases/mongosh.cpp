#include "client.h"

namespace databases {

namespace {

constexpr int FAILED = 1;
constexpr std::string_view BY_PORT = "db = connect('mongodb://127.0.0.1:";
constexpr std::string_view BY_FILE = "db = connect(require('fs').readFileSync('";
constexpr std::string_view AFTER_FILE = "', 'utf8').trim())";

/*
 * It does not understand JavaScript: it knows the lines that plug-ins write and what they mean. It has a prompt before each answer, goes on
 * after an error that nobody catches, and opens a lost connection again without a word.
 */
class Mongosh : public Client {
   public:
    int obey(const std::string &line) override {
        if (begins_with(line, BY_PORT)) return connect(line.substr(BY_PORT.size(), line.find('/', BY_PORT.size()) - BY_PORT.size()));
        if (begins_with(line, BY_FILE)) return connect(port_in(content_of(unescaped(line.substr(BY_FILE.size(), line.rfind(AFTER_FILE) - BY_FILE.size())))));
        if (begins_with(line, "{ const found = db.adminCommand({ getCmdLineOpts: 1 }); print('snaphook-path:'"))
            return server_ ? answer("snaphook-path:" + server_->said("data")) : not_connected("adminCommand");
        if (begins_with(line, "try { if (db.fsyncLock().ok === 1) { print('snaphook-' + 'quiet') }")) return lock();
        if (line == "if (db.fsyncUnlock().ok === 1) { print('snaphook-' + 'held') } else { quit(1) }") return unlock("snaphook-held");
        if (line == "db.fsyncUnlock()") return unlock("{ info: 'fsyncUnlock completed', ok: 1 }");
        if (begins_with(line, "if (db.currentOp().fsyncLock) { print('is locked') } else {")) {
            if (!server_) return not_connected("currentOp");
            return answer(server_->locks() > 0 ? "is locked" : "snaphook-fine");
        }
        return answer("SyntaxError: " + line);
    }

   private:
    int answer(const std::string &text) {
        print("test> " + text);
        return -1;
    }

    int not_connected(const std::string &method) { return answer("TypeError: Cannot read properties of undefined (reading '" + method + "')"); }

    std::string unescaped(const std::string &text) {
        std::string plain;
        for (size_t i = 0; i < text.size(); i++) {
            if (text[i] == '\\') i++;
            plain += text[i];
        }
        return plain;
    }

    std::string port_in(const std::string &uri) {
        size_t begin = uri.rfind(':') + 1;
        return uri.substr(begin, uri.find('/', begin) - begin);
    }

    int connect(const std::string &port) {
        server_ = std::make_unique<Server>(port);
        if (server_->is_there()) return answer("admin");
        server_.reset();
        return answer("MongoNetworkError: connect ECONNREFUSED 127.0.0.1:" + port);
    }

    /* As the line that asks for it: what goes wrong is caught, told, and the end. */
    int lock() {
        std::string problem;
        if (!server_) problem = "Cannot read properties of undefined (reading 'fsyncLock')";
        if (server_ && !server_->said("refuses").empty()) problem = "not authorized on admin to execute command { fsync: 1, lock: true }";
        if (problem.empty()) {
            server_->set_locks(server_->locks() + 1);
            return answer("snaphook-quiet");
        }
        answer(problem);
        answer("snaphook-refused");
        return FAILED;
    }

    int unlock(const std::string &word) {
        if (!server_) return not_connected("fsyncUnlock");
        if (server_->locks() == 0) return answer("MongoServerError: fsyncUnlock called when not locked");
        server_->set_locks(server_->locks() - 1);
        return answer(word);
    }

    std::unique_ptr<Server> server_;
};

}  // namespace

std::unique_ptr<Client> start_mongosh(const Words &words, int *exit_code) {
    *exit_code = FAILED;
    for (const char *needed : {"--quiet", "--norc", "--nodb"}) {
        if (has(words, needed)) continue;
        complain(std::string("Error: the test wants ") + needed);
        return nullptr;
    }
    return std::make_unique<Mongosh>();
}

}  // namespace databases
