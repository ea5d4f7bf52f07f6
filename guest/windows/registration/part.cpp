#include "part.h"

namespace snaphook {

Failure uninstall_parts(const Parts &parts) {
    Failure first;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        Failure failure = (*part)->remove();
        if (failure && !first) first = failure;
    }
    return first;
}

Failure install_parts(const Parts &parts) {
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
