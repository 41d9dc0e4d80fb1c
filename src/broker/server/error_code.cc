#include "broker/server/error_code.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

ErrorCode error_code(const Error& error, Doing doing) {
    switch (error.code) {
        case Errc::invalid:
            switch (doing) {
                case Doing::produce:
                    return ErrorCode::invalid_record;
                case Doing::name_topic:
                    return ErrorCode::invalid_topic_exception;
                case Doing::change_topic:
                    return ErrorCode::invalid_config;
                case Doing::fetch:
                case Doing::other:
                    return ErrorCode::invalid_request;
            }
            break;
        case Errc::not_found:
            return ErrorCode::unknown_topic_or_partition;
        case Errc::exists:
            return doing == Doing::produce ? ErrorCode::invalid_txn_state : ErrorCode::topic_already_exists;
        case Errc::out_of_range:
            return doing == Doing::produce ? ErrorCode::out_of_order_sequence_number
                                           : ErrorCode::offset_out_of_range;
        case Errc::corrupt:
            return doing == Doing::produce ? ErrorCode::corrupt_message : ErrorCode::kafka_storage_error;
        case Errc::io:
            return ErrorCode::kafka_storage_error;
        case Errc::full:
            return ErrorCode::kafka_storage_error;
        case Errc::unavailable:
            return ErrorCode::leader_not_available;
        case Errc::timeout:
            return ErrorCode::request_timed_out;
        case Errc::unauthorized:
            return ErrorCode::topic_authorization_failed;
        case Errc::unsupported:
            return doing == Doing::produce ? ErrorCode::unsupported_for_message_format
                                           : ErrorCode::unsupported_version;
        case Errc::fenced:
            return doing == Doing::produce ? ErrorCode::invalid_producer_epoch
                                           : ErrorCode::fenced_leader_epoch;
        case Errc::cancelled:
            return ErrorCode::leader_not_available;
        case Errc::internal:
            return ErrorCode::unknown_server_error;
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace penstock::broker
