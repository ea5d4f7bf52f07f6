#ifndef SNAPHOOK_SERVICES_H
#define SNAPHOOK_SERVICES_H

#include <string>
#include <vector>

namespace snaphook {

/* The programs of the services that run, with their paths, whose files have one of these names. */
std::vector<std::wstring> programs_of_services(const std::vector<std::wstring> &names);

}  // namespace snaphook

#endif
