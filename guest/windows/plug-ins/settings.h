/* What an administrator says of an application: lines of a word and a value. */
#ifndef SNAPHOOK_SETTINGS_H
#define SNAPHOOK_SETTINGS_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snaphook {

class Settings {
   public:
    /* `applications\NAME.conf` beside the folder that a program of this name lies in. One that is not there says nothing. */
    static Settings of_this_program();

    /* UTF-8; empty: it could be read. */
    const std::string &problem() const { return problem_; }
    /* All values of a word, in their order. */
    std::vector<std::string> all(std::string_view word) const;
    /* The first one, or `otherwise`. */
    std::string first(std::string_view word, std::string_view otherwise = {}) const;

   private:
    std::vector<std::pair<std::string, std::string>> lines_;
    std::string problem_;
};

/* Of UTF-8. */
std::wstring wide(std::string_view text);
std::wstring program_path();
/* Of this program's file, without its ending: `postgresql`. */
std::wstring program_name();
/* Of a path. */
std::wstring folder_of(const std::wstring &path);

}  // namespace snaphook

#endif
