/* The administrators' scripts and plug-ins: what lies in `scripts.d` and `plug-ins.d` beside this program. */
#ifndef SNAPHOOK_PROGRAM_SEARCH_H
#define SNAPHOOK_PROGRAM_SEARCH_H

#include <string>
#include <vector>

#include "../failure.h"

namespace snaphook {

/* In one folder. */
inline constexpr size_t MAX_PROGRAMS = 64;

struct Program {
    bool is_plug_in = false;
    /* ASCII: of a script the file's name, of a plug-in without its ending. */
    std::string name;
    std::wstring path;
};

/* Is there anything in one of the folders, or could that not be found out? */
bool has_programs();

/* In the order in which they are told `freeze`. A folder that is missing has none. A failure names what must not lie there. */
Failure find_programs(std::vector<Program> *scripts, std::vector<Program> *plug_ins);

/* A script that was told `freeze`, maybe by another process. */
Program script_of_name(const std::wstring &name);

}  // namespace snaphook

#endif
