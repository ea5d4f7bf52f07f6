/* Which components of a writer are part of a backup, as vshadow of the Windows SDK decides it. */
#ifndef SNAPHOOK_SELECTION_H
#define SNAPHOOK_SELECTION_H

#include <cstddef>
#include <string>
#include <vector>

namespace snaphook {

/* Where a file of a component lies. */
struct Place {
    /* `\\?\Volume{guid}\`; empty when the path leads to no volume of this machine. */
    std::wstring volume;
    /* Where that volume is mounted, for people; the path itself when there is none. */
    std::wstring mount_point;
};

struct Component {
    /* VSS_COMPONENT_TYPE */
    int type = 0;
    std::wstring logical_path;
    std::wstring name;
    bool selectable = false;
    /* Of its files. */
    std::vector<Place> places;

    /* Logical path and name, by which one component lies in another. */
    std::wstring full_path() const { return logical_path.empty() ? name : logical_path + L"\\" + name; }
};

struct Selection {
    struct Exclusion {
        size_t component;
        std::wstring reason;
    };
    /* To be added; whatever lies in one of them is part of it. */
    std::vector<size_t> selected;
    /* Could be added, but has files outside the volumes, itself or in a component it contains. */
    std::vector<Exclusion> excluded;
};

/*
 * `volumes`: the names of the set's volumes. A component is part of the set when all its files, and those of every component in it,
 * lie on them. Without any file it belongs to the state of the system, and is part only of a backup `with_system_state`.
 */
Selection select_components(const std::vector<Component> &components, const std::vector<std::wstring> &volumes, bool with_system_state);

}  // namespace snaphook

#endif
