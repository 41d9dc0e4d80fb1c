#include "store/remote_tables.h"

#include "base/metrics.h"
#include "store/remote/query_store.h"
#include "store/remote/remote_scan.h"
#include "store/remote/remote_schema.h"
#include "store/remote/row_writer.h"
#include "store/remote/session.h"
#include "store/remote/settings.h"
#include "store/table_spec.h"

namespace penstock::store {
namespace {

metrics::Counter& committed_rows =
    metrics::counter("penstock_store_committed_rows_total", "Rows that queries wrote to tables.");
metrics::Counter& commits = metrics::counter("penstock_store_commits_total", "Commits of queries.");

class RemoteTables final : public Tables {
public:
    explicit RemoteTables(std::unique_ptr<RemoteSession> session)
        : session_(std::move(session)), schema_(*session_), queries_(*session_, schema_) {}

    std::string describe() const override { return session_->describe(); }

    Result<> ensure(const TableSpec& spec) override { return schema_.ensure(spec); }

    Result<TableSpec> spec(std::string_view table) override {
        auto found = schema_.table(table);
        if (!found) return fail(std::move(found).error());
        return spec_of(**found);
    }

    Result<std::vector<TableStatus>> list() override { return schema_.list(session_->settings().keyspace); }

    Result<> commit(const Commit& commit) override {
        if (commit.query.size() > 65'535)
            return fail(Errc::invalid, "a query's name has at most 65535 bytes");
        auto rows = TRY(write_rows(commit));
        // Only now: what the checkpoint says was written is there.
        TRY(queries_.commit(commit.query, commit.state, commit.checkpoint));
        commits.add();
        committed_rows.add(std::int64_t(rows));
        return {};
    }

    /// Epochs are counted in Cassandra: whoever claims last has the highest.
    Result<std::string> claim(std::string_view query, std::int64_t) override {
        return queries_.checkpoint(query);
    }
    Result<std::string> checkpoint(std::string_view query) override { return queries_.checkpoint(query); }

    Result<std::vector<std::pair<std::string, std::string>>> state(std::string_view query,
                                                                   std::string_view prefix) override {
        return queries_.state(query, prefix);
    }

    Result<> forget(std::string_view query) override { return queries_.forget(query); }

    Result<std::unique_ptr<Cursor>> scan(std::string_view table,
                                         const std::vector<std::string>& columns) override {
        return make_remote_scan(*session_, TRY(schema_.table(table)), columns);
    }

    Result<> flush() override { return {}; }

private:
    /// All of them are acknowledged when this returns without an error.
    Result<std::size_t> write_rows(const Commit& commit) {
        // By table, so that of rows with the same key the last one stays, from whatever batch.
        std::map<std::string, std::pair<std::shared_ptr<const TableDefinition>, std::unique_ptr<RowWriter>>>
            tables;
        std::size_t rows = 0;
        for (const auto& write : commit.writes) {
            if (write.rows == nullptr || write.rows->rows == 0) continue;
            auto table = TRY(schema_.table(write.table));
            auto& [definition, writer] = tables[table->full_name()];
            if (!writer) {
                definition = table;
                writer = std::make_unique<RowWriter>(*session_, *definition);
            }
            TRY(writer->add(*write.rows, write.timestamp_us));
            rows += write.rows->rows;
        }
        CallGroup group;
        for (auto& [name, writer] : tables) TRY(writer.second->send(group));
        TRY(group.wait());
        return rows;
    }

    std::unique_ptr<RemoteSession> session_;
    RemoteSchema schema_;
    QueryStore queries_;
};

}  // namespace

Result<std::unique_ptr<Tables>> open_remote_tables(const std::string& url) {
    auto settings = TRY(parse_cassandra_url(url));
    auto session = TRY(RemoteSession::open(std::move(settings)));
    return std::make_unique<RemoteTables>(std::move(session));
}

}  // namespace penstock::store
