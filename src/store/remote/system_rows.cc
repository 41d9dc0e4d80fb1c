#include "store/remote/system_rows.h"

#include <arpa/inet.h>

#include "base/units.h"
#include "store/bytes.h"
#include "store/remote/retry.h"
#include "store/value.h"

namespace penstock::store {
namespace {

std::string address_text(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN] = {};
    if (bytes.size() == 4) ::inet_ntop(AF_INET, bytes.data(), text, sizeof text);
    if (bytes.size() == 16) ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

bool is_unspecified(const std::string& address) {
    return address.empty() || address == "0.0.0.0" || address == "::";
}

}  // namespace

std::string SystemRow::text(std::string_view column) const {
    auto cell = cells_.find(column);
    return cell == cells_.end() ? std::string() : cell->second.value_or("");
}

std::int32_t SystemRow::integer(std::string_view column, std::int32_t otherwise) const {
    auto bytes = text(column);
    return bytes.size() == 4 ? load_big_endian<std::int32_t>(bytes.data()) : otherwise;
}

std::int64_t SystemRow::long_integer(std::string_view column) const {
    auto bytes = text(column);
    return bytes.size() == 8 ? load_big_endian<std::int64_t>(bytes.data()) : 0;
}

std::map<std::string, std::string> SystemRow::text_map(std::string_view column) const {
    std::map<std::string, std::string> out;
    std::vector<std::string_view> elements;
    auto bytes = text(column);
    if (split_collection(bytes, true, elements))
        for (std::size_t i = 0; i + 1 < elements.size(); i += 2)
            out[std::string(elements[i])] = elements[i + 1];
    return out;
}

std::vector<std::string> SystemRow::text_set(std::string_view column) const {
    std::vector<std::string_view> elements;
    auto bytes = text(column);
    if (!split_collection(bytes, false, elements)) return {};
    return {elements.begin(), elements.end()};
}

Result<std::vector<SystemRow>> system_rows(const wire::cql::RowsResult& rows) {
    std::vector<SystemRow> out;
    wire::cql::RowReader reader(rows);
    std::vector<std::optional<std::string_view>> cells;
    while (reader.next(cells)) {
        SystemRow row;
        for (std::size_t i = 0; i < cells.size() && i < rows.columns.size(); ++i)
            row.set(rows.columns[i].name, cells[i] ? std::optional(std::string(*cells[i])) : std::nullopt);
        out.push_back(std::move(row));
    }
    if (!reader.ok()) return fail(Errc::corrupt, "rows end before their count does");
    return out;
}

RingNode node_of(const SystemRow& row) {
    RingNode out;
    out.id = row.text("host_id");
    for (const char* column : {"native_address", "rpc_address", "peer"}) {
        out.address = address_text(row.text(column));
        if (!is_unspecified(out.address)) break;
    }
    out.port = std::uint16_t(row.integer("native_port"));
    out.data_center = row.text("data_center");
    out.rack = row.text("rack");
    for (const auto& text : row.text_set("tokens"))
        if (auto token = parse_int(text)) out.tokens.push_back(*token);
    return out;
}

net::Task<Result<wire::cql::Frame>> ask(std::shared_ptr<CqlConnection> of, wire::cql::Request request) {
    std::string body;
    wire::cql::append_request(body, of->version(), request);
    net::Completion<Result<wire::cql::Frame>> done(co_await net::this_executor());
    of->send(wire::cql::opcode_of(request), body,
             [done](Result<wire::cql::Frame> answer) { done.set(std::move(answer)); });
    auto answer = co_await done.wait();
    if (!answer) co_return answer;
    if (answer->opcode == wire::cql::Opcode::error) {
        auto response = wire::cql::decode_response(*answer);
        if (!response) co_return fail(std::move(response).error());
        co_return fail(error_of(std::get<wire::cql::ErrorResponse>(*response)));
    }
    co_return answer;
}

net::Task<Result<std::vector<SystemRow>>> ask_rows(std::shared_ptr<CqlConnection> of, std::string text) {
    wire::cql::Query query;
    query.text = text;
    query.parameters.consistency = std::uint16_t(Consistency::one);
    auto answer = co_await ask(of, wire::cql::Request(query));
    if (!answer) co_return fail(std::move(answer).error());
    auto response = wire::cql::decode_response(*answer);
    if (!response) co_return fail(std::move(response).error());
    const auto* rows = std::get_if<wire::cql::RowsResult>(&*response);
    if (rows == nullptr) co_return fail(Errc::corrupt, "a SELECT has an answer without rows");
    co_return system_rows(*rows);
}

}  // namespace penstock::store
