#include "base/result.h"

namespace penstock {

std::string_view to_string(Errc code) {
    switch (code) {
        case Errc::invalid:
            return "invalid";
        case Errc::not_found:
            return "not found";
        case Errc::exists:
            return "exists";
        case Errc::out_of_range:
            return "out of range";
        case Errc::corrupt:
            return "corrupt";
        case Errc::io:
            return "I/O error";
        case Errc::full:
            return "full";
        case Errc::unavailable:
            return "unavailable";
        case Errc::timeout:
            return "timeout";
        case Errc::unauthorized:
            return "unauthorized";
        case Errc::unsupported:
            return "unsupported";
        case Errc::fenced:
            return "fenced";
        case Errc::cancelled:
            return "cancelled";
        case Errc::internal:
            return "internal";
    }
    return "unknown";
}

}  // namespace penstock
