#include "selection.h"

#include <algorithm>

namespace snaphook {

namespace {

bool contains(const Component &outer, const Component &inner) {
    std::wstring path = outer.full_path();
    return inner.logical_path == path || inner.logical_path.compare(0, path.size() + 1, path + L"\\") == 0;
}

struct Coverage {
    size_t inside = 0;
    std::wstring missing;
};

/* Of the component's own files and of those in every component it contains. */
Coverage coverage_of(const Component &component, const std::vector<Component> &all, const std::vector<std::wstring> &volumes) {
    Coverage coverage;
    for (const Component &part : all) {
        if (&part != &component && !contains(component, part)) continue;
        for (const Place &place : part.places) {
            bool inside = std::find(volumes.begin(), volumes.end(), place.volume) != volumes.end();
            if (inside) coverage.inside++;
            if (!inside && coverage.missing.empty()) coverage.missing = place.mount_point;
        }
    }
    return coverage;
}

}  // namespace

Selection select_components(const std::vector<Component> &components, const std::vector<std::wstring> &volumes, bool with_system_state) {
    Selection selection;
    std::vector<bool> candidate(components.size());
    for (size_t i = 0; i < components.size(); i++) {
        Coverage coverage = coverage_of(components[i], components, volumes);
        auto holds_it = [&](const Component &other) { return contains(other, components[i]); };
        bool is_top = std::none_of(components.begin(), components.end(), holds_it);
        bool has_files = coverage.inside > 0 || !coverage.missing.empty();
        bool may_be_added = components[i].selectable || is_top;
        candidate[i] = may_be_added && coverage.missing.empty() && (has_files || with_system_state);
        if (may_be_added && !coverage.missing.empty()) selection.excluded.push_back({i, coverage.missing});
    }
    for (size_t i = 0; i < components.size(); i++) {
        bool within_another = false;
        for (size_t j = 0; j < components.size(); j++) within_another = within_another || (candidate[j] && contains(components[j], components[i]));
        if (candidate[i] && !within_another) selection.selected.push_back(i);
    }
    return selection;
}

}  // namespace snaphook
