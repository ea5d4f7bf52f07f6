#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server.h"

namespace databases {

/* One client program from its start to its end. */
class Client {
   public:
    virtual ~Client() = default;
    /* Obeys one line. A number ends it with that exit code; -1: it goes on. */
    virtual int obey(const std::string &line) = 0;
};

using Words = std::vector<std::string>;

/* They refuse to start, with an exit code and words on standard error, when they are called in another way than they have to be. */
std::unique_ptr<Client> start_psql(const Words &words, int *exit_code);
std::unique_ptr<Client> start_mysql(const Words &words, int *exit_code);
std::unique_ptr<Client> start_mongosh(const Words &words, int *exit_code);

/* To standard output, at once. */
void print(const std::string &line);
/* To standard error. */
void complain(const std::string &line);

bool begins_with(std::string_view text, std::string_view beginning);
bool has(const Words &words, std::string_view word);
/* What follows that word, in the next one or behind an equals sign. */
std::string value_of(const Words &words, const std::string &word);
std::string environment(const wchar_t *name);

}  // namespace databases
