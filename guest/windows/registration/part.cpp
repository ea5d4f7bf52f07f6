#include "part.h"

namespace snaphook {

namespace {

Failure refusal_of_any(const Parts &parts) {
    for (Part *part : parts)
        if (Failure refused = part->refusal()) return refused;
    return {};
}

}  // namespace

Failure uninstall_parts(const Parts &parts) {
    Failure first = refusal_of_any(parts);
    if (first) return first;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        Failure failure = (*part)->remove();
        if (failure && !first) first = failure;
    }
    return first;
}

Failure install_parts(const Parts &parts) {
    if (Failure refused = refusal_of_any(parts)) return refused;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        if (Failure failure = (*part)->remove()) return failure;
    for (Part *part : parts) {
        Failure failure = part->add();
        if (!failure) continue;
        if (Failure left = uninstall_parts(parts)) failure.message += "; and what was added stays: " + left.message;
        return failure;
    }
    return {};
}

}  // namespace snaphook
