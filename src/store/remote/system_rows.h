// Questions to one node about its system tables, and their rows by the columns' names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/task.h"
#include "store/remote/connection.h"
#include "store/remote/ring.h"
#include "wire/cql/request.h"
#include "wire/cql/response_decoding.h"

namespace penstock::store {

/// A row with its own bytes. Columns that are not there are as null.
class SystemRow {
public:
    void set(std::string name, std::optional<std::string> value) {
        cells_[std::move(name)] = std::move(value);
    }
    /// Empty when null; of inet columns the 4 or 16 bytes.
    std::string text(std::string_view column) const;
    std::int32_t integer(std::string_view column, std::int32_t otherwise = 0) const;
    std::int64_t long_integer(std::string_view column) const;
    std::map<std::string, std::string> text_map(std::string_view column) const;
    std::vector<std::string> text_set(std::string_view column) const;

private:
    std::map<std::string, std::optional<std::string>, std::less<>> cells_;
};

/// Errc::corrupt when they are not what their count announces.
Result<std::vector<SystemRow>> system_rows(const wire::cql::RowsResult& rows);
/// A row of system.local, system.peers or system.peers_v2; port is 0 where it is not told.
RingNode node_of(const SystemRow& row);

/// The answer to a request, with ERROR as the error it is.
net::Task<Result<wire::cql::Frame>> ask(std::shared_ptr<CqlConnection> of, wire::cql::Request request);
/// A SELECT with consistency ONE, which is the node itself for its own tables.
net::Task<Result<std::vector<SystemRow>>> ask_rows(std::shared_ptr<CqlConnection> of, std::string text);

}  // namespace penstock::store
