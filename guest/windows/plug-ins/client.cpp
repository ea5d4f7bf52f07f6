#include "application.h"
#include "child.h"
#include "waiting.h"

namespace snaphook {

std::optional<std::vector<std::string>> Client::ask(std::string_view text, std::string *problem) const {
    std::unique_ptr<Child> child = Child::start(program, arguments, problem);
    if (!child) return std::nullopt;
    child->tell(greeting);
    child->tell(text);
    child->end_input();
    if (!wait_until(now_ms() + QUERY_MS, [&] { return child->is_over(); })) {
        child->terminate();
        *problem = "its client has not answered for too long";
        return std::nullopt;
    }
    if (child->exit_code() == 0) return child->lines();
    *problem = child->last_words();
    if (problem->empty()) *problem = "its client ended with " + std::to_string(child->exit_code());
    return std::nullopt;
}

}  // namespace snaphook
