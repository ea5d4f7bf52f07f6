/* What is of one kind of database. An instance is a server on this machine, by the port that it listens on. */
#ifndef SNAPHOOK_APPLICATION_H
#define SNAPHOOK_APPLICATION_H

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.h"

namespace snaphook {

/* Whoever waits for a database waits at most so long for one answer of it. */
constexpr unsigned long long QUERY_MS = 20 * 1000;

/* Words that a client has to say at the end of a line. */
constexpr std::string_view QUIET = "snaphook-quiet";
constexpr std::string_view HELD = "snaphook-held";
/* Nothing was begun. */
constexpr std::string_view REFUSED = "snaphook-refused";
constexpr std::string_view FINE = "snaphook-fine";

/* Where an application is found that the settings say nothing about. */
struct Product {
    /* The files of the services that run it. */
    std::vector<std::wstring> servers;
    /* The files of its client, the first that there is, beside the server's. */
    std::vector<std::wstring> clients;
    const char *port;
};

/* How an instance is asked. */
struct Client {
    std::wstring program;
    std::wstring arguments;
    /* What the client has to be told first. */
    std::string greeting;

    /* What it says to this, line by line, when it ends well within QUERY_MS. Otherwise nothing, and `problem` says why. */
    std::optional<std::vector<std::string>> ask(std::string_view text, std::string *problem) const;
};

/* Where files of an instance lie, in UTF-8, as the application writes it. */
struct Directories {
    std::vector<std::string> needed;
    /* There in some versions alone. */
    std::vector<std::string> possible;
};

/* What a session is told. */
struct Conversation {
    /* Up to QUIET. */
    std::string begin;
    /* Up to HELD. */
    std::string end;
};

class Application {
   public:
    explicit Application(const Settings &settings) : settings_(settings) {}
    virtual ~Application() = default;

    /* Of the settings; empty: they are good. */
    virtual std::string problem() const { return {}; }
    /* How its client is called for that port. */
    virtual std::wstring arguments(const std::string &port) const = 0;
    virtual std::string greeting(const std::string &) const { return {}; }
    /* Of its data, logs and whatever else has to be of one instant. Nothing: it does not tell, and `problem` says why. */
    virtual std::optional<Directories> directories(const Client &client, std::string *problem) const = 0;
    /* `budget_ms`: after that nobody waits for it any more. */
    virtual Conversation conversation(const Client &client, unsigned long long budget_ms, unsigned long long lease_ms) const = 0;
    /* Ends what outlives its session, after a session that was lost. */
    virtual void recover(const Client &) const {}
    /* Whether it can be written to again; otherwise `problem` says why. */
    virtual bool answers(const Client &client, std::string *problem) const = 0;

   protected:
    const Settings &settings_;
};

struct Database {
    Product product;
    std::unique_ptr<Application> (*make)(const Settings &settings);
};

extern const Database POSTGRESQL;
/* MariaDB, too. */
extern const Database MYSQL;
extern const Database MONGODB;

}  // namespace snaphook

#endif
