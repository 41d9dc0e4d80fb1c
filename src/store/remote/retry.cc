#include "store/remote/retry.h"

#include <algorithm>
#include <random>

namespace penstock::store {

using wire::cql::ErrorCode;

Remedy remedy_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::unprepared:
            return Remedy::prepare;
        case ErrorCode::overloaded:
        case ErrorCode::is_bootstrapping:
        case ErrorCode::server:
            return Remedy::other_node;
        case ErrorCode::unavailable:
        case ErrorCode::truncate:
        case ErrorCode::write_timeout:
        case ErrorCode::read_timeout:
        case ErrorCode::read_failure:
        case ErrorCode::write_failure:
        case ErrorCode::cdc_write_failure:
        case ErrorCode::cas_write_unknown:
            return Remedy::wait;
        case ErrorCode::protocol:
        case ErrorCode::bad_credentials:
        case ErrorCode::function_failure:
        case ErrorCode::syntax:
        case ErrorCode::unauthorized:
        case ErrorCode::invalid:
        case ErrorCode::config:
        case ErrorCode::already_exists:
            return Remedy::none;
    }
    return Remedy::none;
}

Error error_of(const wire::cql::ErrorResponse& error) {
    auto code = Errc::invalid;
    switch (error.code) {
        case ErrorCode::server:
        case ErrorCode::overloaded:
        case ErrorCode::is_bootstrapping:
        case ErrorCode::unavailable:
        case ErrorCode::truncate:
        case ErrorCode::read_failure:
        case ErrorCode::write_failure:
        case ErrorCode::cdc_write_failure:
        case ErrorCode::cas_write_unknown:
        case ErrorCode::unprepared:
            code = Errc::unavailable;
            break;
        case ErrorCode::write_timeout:
        case ErrorCode::read_timeout:
            code = Errc::timeout;
            break;
        case ErrorCode::bad_credentials:
        case ErrorCode::unauthorized:
            code = Errc::unauthorized;
            break;
        case ErrorCode::already_exists:
            code = Errc::exists;
            break;
        case ErrorCode::invalid:
            // A table or keyspace that somebody dropped, in the words of releases 4 and 5, and of 3.
            if (error.text.ends_with("does not exist") || error.text.starts_with("unconfigured table"))
                code = Errc::not_found;
            break;
        case ErrorCode::protocol:
            code = Errc::internal;
            break;
        case ErrorCode::syntax:
        case ErrorCode::config:
        case ErrorCode::function_failure:
            break;
    }
    return {code, error.text.empty() ? fmt::format("error {:#06x}", int(error.code)) : error.text};
}

std::chrono::milliseconds Backoff::next() {
    thread_local std::minstd_rand random{std::random_device{}()};
    auto ms = std::min(50 << std::min(step_++, 6), 2'000);
    return std::chrono::milliseconds(ms * 3 / 4 + int(random() % unsigned(ms / 2)));
}

}  // namespace penstock::store
