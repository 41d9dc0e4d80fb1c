#include "store/remote/remote_scan.h"

#include <future>

#include "store/engine_value.h"
#include "store/remote/remote_schema.h"
#include "store/value.h"

namespace penstock::store {
namespace {

using wire::cql::Frame;

class RemoteScan final : public Cursor {
public:
    RemoteScan(RemoteSession& session, std::shared_ptr<const TableDefinition> table,
               std::vector<const ColumnDefinition*> columns, std::shared_ptr<const Statement> statement)
        : session_(session),
          table_(std::move(table)),
          columns_(std::move(columns)),
          statement_(std::move(statement)) {
        for (const auto* column : columns_) schema_.push_back({column->name, engine_type_of(column->type)});
        ask_for_page();
    }

    Result<Batch> next(std::size_t max_rows) override {
        auto batch = make_batch(schema_);
        auto arena = std::make_shared<Arena>();
        for (auto& column : batch.columns) column.reserve(std::min<std::size_t>(max_rows, 4096));
        std::vector<std::optional<std::string_view>> cells;
        while (batch.rows < max_rows) {
            if (!reader_ || !reader_->next(cells)) {
                if (reader_ && !reader_->ok()) return fail(Errc::corrupt, "rows end before their count does");
                if (!TRY(take_page())) break;
                continue;
            }
            for (std::size_t i = 0; i < columns_.size(); ++i) {
                const auto& type = columns_[i]->type;
                auto fixed = fixed_value_size(type.kind);
                // Cassandra has values of no bytes for types that cannot have them: they are as null.
                if (cells[i] && (fixed == 0 || cells[i]->size() == fixed))
                    append_engine_value(batch.columns[i], *arena, type, *cells[i]);
                else
                    batch.columns[i].append_null();
            }
            ++batch.rows;
        }
        batch.keep_alive.push_back(std::move(arena));
        return batch;
    }

private:
    void ask_for_page() {
        wire::cql::Execute execute;
        execute.id = statement_->prepared.id;
        execute.result_metadata_id = statement_->prepared.result_metadata_id;
        execute.parameters.consistency = std::uint16_t(session_.settings().consistency);
        execute.parameters.page_size = session_.settings().page_rows;
        if (!paging_state_.empty()) execute.parameters.paging_state = paging_state_;
        Call call;
        call.statement = statement_;
        call.is_read = true;
        wire::cql::append_request(call.body, session_.version(), wire::cql::Request(execute));
        auto promise = std::make_shared<std::promise<Result<Frame>>>();
        next_page_ = promise->get_future();
        call.done = [promise](Result<Frame> frame) { promise->set_value(std::move(frame)); };
        std::vector<Call> calls;
        calls.push_back(std::move(call));
        session_.submit(std::move(calls));
    }

    /// False: there are no more.
    Result<bool> take_page() {
        if (!next_page_.valid()) return false;
        reader_.reset();
        page_ = TRY(next_page_.get());
        auto response = TRY(wire::cql::decode_response(page_));
        auto* rows = std::get_if<wire::cql::RowsResult>(&response);
        if (rows == nullptr) return fail(Errc::corrupt, "a SELECT has an answer without rows");
        if (rows->column_count != std::int32_t(columns_.size()))
            return fail(Errc::unavailable, "table {} has changed while it was read", table_->full_name());
        reader_.emplace(*rows);
        if (rows->paging_state) {
            paging_state_ = *rows->paging_state;
            ask_for_page();
        }
        return true;
    }

    RemoteSession& session_;
    std::shared_ptr<const TableDefinition> table_;
    std::vector<const ColumnDefinition*> columns_;
    std::shared_ptr<const Statement> statement_;
    Schema schema_;
    std::future<Result<Frame>> next_page_;
    Frame page_;  ///< what reader_ reads from
    std::optional<wire::cql::RowReader> reader_;
    std::string paging_state_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> make_remote_scan(RemoteSession& session,
                                                 std::shared_ptr<const TableDefinition> table,
                                                 const std::vector<std::string>& columns) {
    std::vector<const ColumnDefinition*> wanted;
    for (const auto& name : columns) {
        const auto* column = table->find(name);
        if (column == nullptr)
            return fail(Errc::not_found, "table {} has no column {}", table->full_name(), name);
        wanted.push_back(column);
    }
    if (columns.empty())
        for (const auto& column : table->columns) wanted.push_back(&column);
    std::string names;
    for (const auto* column : wanted) names += (names.empty() ? "" : ", ") + in_double_quotes(column->name);
    auto statement = TRY(session.prepare(fmt::format(
        "SELECT {} FROM {}.{}", names, in_double_quotes(table->keyspace), in_double_quotes(table->name))));
    return std::make_unique<RemoteScan>(session, std::move(table), std::move(wanted), std::move(statement));
}

}  // namespace penstock::store
