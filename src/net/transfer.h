// How much one system call moves.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>

namespace penstock::net {

/// For async_read() and async_write(): until all is done. Asio's own transfer_all moves at most 64 KiB in one
/// system call, which for responses of megabytes costs the sender twice the CPU.
inline std::size_t all_of_it(const boost::system::error_code& error, std::size_t /*done*/) {
    constexpr std::size_t most_at_once = 1 << 20;
    return error ? 0 : most_at_once;
}

}  // namespace penstock::net
