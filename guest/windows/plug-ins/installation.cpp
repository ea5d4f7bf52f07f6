#include "installation.h"

#include <windows.h>

#include "../requestor/applications/trusted-files.h"
#include "../requestor/words.h"
#include "services.h"

namespace snaphook {

namespace {

constexpr int HIGHEST_PORT = 65535;

bool is_port(const std::string &text) {
    if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos) return false;
    int port = atoi(text.c_str());
    return port > 0 && port <= HIGHEST_PORT;
}

/* Empty: none of them lies there. */
std::wstring client_beside(const std::wstring &server, const std::vector<std::wstring> &clients) {
    for (const std::wstring &client : clients) {
        std::wstring path = folder_of(server) + L"\\" + client;
        if (GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES) return path;
    }
    return L"";
}

/* It runs with all rights of this program, so nobody else may have made it what it is, nor put a DLL beside it. */
std::string distrust(const std::wstring &program) {
    Handle file, folder;
    Failure failure = open_trusted_file(program, &file);
    if (!failure) failure = open_trusted_folder(folder_of(program), &folder);
    if (!failure) failure = check_parents(folder_of(program));
    return failure.message;
}

}  // namespace

Installation find_installation(const Settings &settings, const Product &product) {
    Installation found;
    std::vector<std::wstring> servers = programs_of_services(product.servers);
    found.instances = settings.all("instance");
    for (const std::string &instance : found.instances)
        if (!is_port(instance)) found.problem = "instance \"" + instance + "\" is no port";
    if (found.instances.empty()) {
        if (servers.empty()) return found;
        found.instances.push_back(product.port);
        if (servers.size() > 1) found.problem = std::to_string(servers.size()) + " servers run as services: name the port of each by `instance`";
    }
    found.client = wide(settings.first("client"));
    if (found.client.empty() && !servers.empty()) found.client = client_beside(servers.front(), product.clients);
    if (!found.problem.empty()) return found;
    found.problem = found.client.empty() ? "no client of it lies beside a server that runs as a service: name it by `client`" : distrust(found.client);
    return found;
}

}  // namespace snaphook
