#include "store/cql/select_run.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/cql/functions.h"
#include "store/cql/system_tables.h"
#include "store/row_cursor.h"
#include "store/token.h"
#include "store/value.h"
#include "wire/cql/primitives.h"

namespace penstock::store::cql {
namespace {

/// A page ends early when it gets this large, so that huge rows cannot exhaust memory.
constexpr std::size_t most_page_bytes = 8u << 20;
/// Rows of a page when the client sets no limit.
constexpr std::int64_t default_page_rows = 100'000;

/// One row's columns as they are needed, wherever it comes from.
struct RowValues {
    std::vector<std::optional<std::string_view>> values;  ///< by column index
    const Row* row = nullptr;                             ///< of a stored table, for writetime and ttl
    const Row* static_row = nullptr;                      ///< the same of its partition
    std::string_view partition_key;
    std::vector<std::string_view> partition;
    std::vector<std::string> clustering;
    std::vector<std::string> collections;
};

class RowSource {
public:
    virtual ~RowSource() = default;
    virtual Result<bool> next(RowValues& out) = 0;
    virtual void skip_partition() {}
    /// Where a following page continues, behind the row that came last.
    virtual std::string position() const = 0;
};

class StoredRows final : public RowSource {
public:
    StoredRows(const SelectPlan& plan, Database& database, std::vector<KeyRange> ranges)
        : plan_(plan),
          cursor_(database, plan.ref.table, std::move(ranges), plan.reversed,
                  plan.where.whole_partition_key) {
        const auto& needed = plan.needed;
        needs_keys_ = std::any_of(needed.begin(), needed.begin() + plan.table().key_columns(),
                                  [](bool b) { return b; });
        auto first_static = needed.begin() + plan.table().first_static();
        needs_cells_ =
            std::any_of(needed.begin() + plan.table().key_columns(), first_static, [](bool b) { return b; });
        needs_static_ = std::any_of(first_static, needed.end(), [](bool b) { return b; });
        if (plan.static_partitions) cursor_.show_static_partitions();
    }

    Result<bool> next(RowValues& out) override {
        if (!TRY(cursor_.next())) return false;
        const auto& table = plan_.table();
        const auto& parsed = cursor_.parsed();
        out.partition_key = parsed.partition_key;
        out.row = nullptr;
        if (needs_keys_) {
            bool clustering = !cursor_.is_static_only();
            if (!split_partition_key(table, parsed.partition_key, out.partition) ||
                (clustering && !split_clustering(table, parsed.rest, out.clustering)))
                return fail(Errc::corrupt, "table {} holds a key that is not one", table.full_name());
            for (std::uint32_t i = 0; i < table.partition_columns; ++i) out.values[i] = out.partition[i];
            for (std::uint32_t i = 0; i < table.clustering_columns; ++i) {
                out.values[table.partition_columns + i].reset();
                if (clustering) out.values[table.partition_columns + i] = out.clustering[i];
            }
        }
        out.collections.clear();
        out.collections.reserve(table.columns.size());
        if (needs_cells_) {
            out.row = &cursor_.row();
            read_cells(out, *out.row, table.key_columns(), table.first_static());
        }
        if (needs_static_) {
            out.static_row = &cursor_.static_row();
            read_cells(out, *out.static_row, table.first_static(), std::uint32_t(table.columns.size()));
        }
        return true;
    }

    void skip_partition() override { cursor_.skip_partition(); }
    std::string position() const override { return std::string(cursor_.key()); }

private:
    void read_cells(RowValues& out, const Row& row, std::uint32_t from, std::uint32_t to) {
        const auto& table = plan_.table();
        // Both are in the order of column ids.
        auto cell = row.cells.begin();
        for (auto i = from; i < to; ++i) {
            const auto& column = table.columns[i];
            out.values[i].reset();
            while (cell != row.cells.end() && cell->column < column.id) ++cell;
            if (!plan_.needed[i] || cell == row.cells.end() || cell->column != column.id) continue;
            if (column.type.is_multi_cell()) {
                out.collections.emplace_back();
                if (collect_elements(row, column, out.collections.back()))
                    out.values[i] = out.collections.back();
            } else {
                out.values[i] = cell->value;
            }
        }
    }

    const SelectPlan& plan_;
    RowCursor cursor_;
    bool needs_keys_ = false;
    bool needs_cells_ = false;
    bool needs_static_ = false;
};

/// Cuts away what earlier pages have shown.
Result<> continue_from(std::vector<KeyRange>& ranges, const std::string& position, bool reversed,
                       bool skip_partition) {
    ParsedKey parsed;
    if (!parse_key(position, parsed)) return fail(Errc::invalid, "Invalid value for the paging state");
    auto next = skip_partition ? after_prefix(std::string(parsed.partition_prefix)) : position + '\0';
    std::erase_if(
        ranges, [&](const KeyRange& range) { return reversed ? range.from >= position : range.to <= next; });
    for (auto& range : ranges) {
        if (reversed) {
            range.to = std::min(range.to, position);
            // The partition has had rows: its static values are not a row of their own.
            auto rows = std::string(parsed.partition_prefix) + row_tag;
            if (range.to.starts_with(parsed.partition_prefix)) range.from = std::max(range.from, rows);
        }
        // A range that is one row must stay one, or become nothing.
        else if (range.from < next)
            range.from = next;
    }
    std::erase_if(ranges, [](const KeyRange& range) { return range.from >= range.to; });
    return {};
}

/// The rows that an index leads to. They may not match any more: the filters say.
class IndexedRows final : public RowSource {
public:
    IndexedRows(const SelectPlan& plan, Database& database, std::unique_ptr<IndexScan> scan,
                std::vector<KeyRange> first)
        : plan_(plan), database_(database), scan_(std::move(scan)), ranges_(std::move(first)) {}

    Result<bool> next(RowValues& out) override {
        while (true) {
            if (rows_ && TRY(rows_->next(out))) return true;
            rows_.reset();
            if (ranges_.empty() && !TRY(scan_->next(ranges_))) return false;
            if (skipped_) TRY(leave_out_skipped());
            if (!ranges_.empty()) rows_ = std::make_unique<StoredRows>(plan_, database_, std::move(ranges_));
            ranges_.clear();
        }
    }
    void skip_partition() override {
        skipped_ = position();
        rows_->skip_partition();
    }
    std::string position() const override { return rows_->position(); }

private:
    Result<> leave_out_skipped() { return continue_from(ranges_, *skipped_, false, true); }

    const SelectPlan& plan_;
    Database& database_;
    std::unique_ptr<IndexScan> scan_;
    std::vector<KeyRange> ranges_;
    std::unique_ptr<StoredRows> rows_;
    std::optional<std::string> skipped_;
};

Result<std::unique_ptr<RowSource>> make_indexed_rows(const SelectPlan& plan, Database& database,
                                                     std::vector<KeyRange> within, const Bindings& bindings) {
    IndexedColumn column;
    if (!describe_index(plan.table(), *plan.index.index, column))
        return std::make_unique<StoredRows>(plan, database, std::move(within));
    auto range = TRY(index_range(plan, column, bindings));
    auto scan = std::make_unique<IndexScan>(database, column, std::move(range), within);
    std::vector<KeyRange> first;
    auto found = scan->next(first);
    // Too many to be put in order: then the table is as good as the index.
    if (!found && found.error().code == Errc::out_of_range)
        return std::make_unique<StoredRows>(plan, database, std::move(within));
    if (!found) return fail(found.error());
    return std::make_unique<IndexedRows>(plan, database, std::move(scan), std::move(first));
}

class SystemRows final : public RowSource {
public:
    SystemRows(std::vector<SystemRow> rows, std::size_t from) : rows_(std::move(rows)), at_(from) {}
    Result<bool> next(RowValues& out) override {
        if (at_ >= rows_.size()) return false;
        const auto& row = rows_[at_++];
        for (std::size_t i = 0; i < row.size(); ++i) {
            out.values[i].reset();
            if (row[i]) out.values[i] = *row[i];
        }
        out.partition_key = row[0] ? std::string_view(*row[0]) : std::string_view();
        return true;
    }
    std::string position() const override {
        std::string out;
        append_big_endian(out, std::uint32_t(at_));
        return out;
    }

private:
    std::vector<SystemRow> rows_;
    std::size_t at_;
};

struct Accumulator {
    std::int64_t count = 0;
    std::int64_t integer = 0;
    double number = 0;
    std::optional<std::string> extreme;
};

using OptionalBytes = std::optional<std::string>;

class Evaluator {
public:
    Evaluator(const SelectPlan& plan, const Bindings& bindings, std::int64_t now)
        : plan_(plan), bindings_(bindings), now_(now), accumulators_(plan.aggregates) {}

    Result<OptionalBytes> value(const Expression& of, const RowValues* row) {
        switch (of.kind) {
            case Expression::Kind::column:
                if (row == nullptr || !row->values[of.column]) return OptionalBytes{};
                return OptionalBytes(std::in_place, *row->values[of.column]);
            case Expression::Kind::literal: {
                auto value = TRY(evaluate(of.literal, of.type, "[selection]", bindings_));
                return value.is_set() ? OptionalBytes(std::move(value.bytes)) : OptionalBytes{};
            }
            case Expression::Kind::function: {
                std::vector<TypedValue> arguments;
                for (const auto& argument : of.arguments) {
                    auto bytes = TRY(value(argument, row));
                    arguments.push_back({argument.type, std::move(bytes)});
                }
                auto result = TRY(call_function(of.function, arguments, bindings_.now_us));
                return std::move(result.bytes);
            }
            case Expression::Kind::cast: {
                auto bytes = TRY(value(of.arguments[0], row));
                if (!bytes) return OptionalBytes{};
                return cast_value(of.arguments[0].type, of.type, *bytes);
            }
            case Expression::Kind::writetime:
            case Expression::Kind::ttl:
                return written_when(of, row);
            case Expression::Kind::token:
                if (row == nullptr) return OptionalBytes{};
                return number_bytes(Kind::bigint, token_of(row->partition_key));
            case Expression::Kind::field: {
                auto bytes = TRY(value(of.arguments[0], row));
                std::vector<std::optional<std::string_view>> fields;
                if (!bytes || !split_tuple(*bytes, fields) || of.column >= fields.size() ||
                    !fields[of.column])
                    return OptionalBytes{};
                return OptionalBytes(std::in_place, *fields[of.column]);
            }
            case Expression::Kind::count_rows:
                return number_bytes(Kind::bigint, accumulators_[of.slot].count);
            case Expression::Kind::aggregate:
                return aggregate(of);
        }
        return OptionalBytes{};
    }

    Result<> add(const Expression& of, const RowValues& row) {
        if (of.kind == Expression::Kind::count_rows) {
            ++accumulators_[of.slot].count;
            return {};
        }
        if (of.kind != Expression::Kind::aggregate) {
            for (const auto& argument : of.arguments) TRY(add(argument, row));
            return {};
        }
        auto bytes = TRY(value(of.arguments[0], &row));
        if (!bytes) return {};
        auto& to = accumulators_[of.slot];
        ++to.count;
        const auto& type = of.arguments[0].type;
        if (of.function == "sum" || of.function == "avg") {
            // Unsigned, so that an overflow wraps as Java's does.
            to.integer = std::int64_t(std::uint64_t(to.integer) + std::uint64_t(integer_value(type, *bytes)));
            to.number += float_value(type, *bytes);
        } else if (of.function != "count") {
            bool better = !to.extreme || (of.function == "min") == (compare(type, *bytes, *to.extreme) < 0);
            if (better) to.extreme = std::move(bytes);
        }
        return {};
    }

private:
    Result<OptionalBytes> aggregate(const Expression& of) const {
        const auto& from = accumulators_[of.slot];
        if (of.function == "count") return number_bytes(Kind::bigint, from.count);
        if (of.function == "min" || of.function == "max") return from.extreme;
        bool floating = of.type.kind == Kind::float_ || of.type.kind == Kind::double_;
        auto divisor = of.function == "avg" ? std::max<std::int64_t>(from.count, 1) : 1;
        if (floating) return number_bytes(of.type, from.number / double(divisor));
        return number_bytes(of.type, from.integer / divisor);
    }

    OptionalBytes written_when(const Expression& of, const RowValues* row) const {
        if (row == nullptr) return std::nullopt;
        const auto& column = plan_.table().columns[of.column];
        const auto* stored = column.role == ColumnRole::static_ ? row->static_row : row->row;
        if (stored == nullptr) return std::nullopt;
        auto id = column.id;
        for (const auto& cell : stored->cells) {
            if (cell.column != id) continue;
            if (of.kind == Expression::Kind::writetime) return number_bytes(Kind::bigint, cell.timestamp);
            if (cell.ttl == 0) return std::nullopt;
            return number_bytes(Kind::int_, std::int64_t(cell.expires_at) - now_);
        }
        return std::nullopt;
    }

    const SelectPlan& plan_;
    const Bindings& bindings_;
    std::int64_t now_;
    std::vector<Accumulator> accumulators_;
};

/// How far a page came; opaque to clients.
struct PagingState {
    std::string position;
    std::int64_t remaining = INT64_MAX;  ///< rows that LIMIT still allows
    std::int64_t remaining_in_partition = INT64_MAX;

    std::string encode(const TableDefinition& table) const {
        std::string out(1, '\x01');
        append_big_endian(out, table.id);
        append_big_endian(out, remaining);
        append_big_endian(out, remaining_in_partition);
        return out + position;
    }
    static Result<PagingState> decode(const TableDefinition& table, std::string_view bytes) {
        ByteReader reader{bytes};
        auto version = reader.fixed<std::uint8_t>();
        auto id = reader.fixed<std::uint32_t>();
        PagingState out;
        out.remaining = reader.fixed<std::int64_t>();
        out.remaining_in_partition = reader.fixed<std::int64_t>();
        out.position = reader.rest;
        if (!reader.ok || version != 1 || id != table.id || out.remaining < 0)
            return fail(Errc::invalid, "Invalid value for the paging state");
        return out;
    }
};

Result<std::int64_t> limit_of(const std::optional<Term>& term, std::string_view name,
                              const Bindings& bindings) {
    if (!term) return INT64_MAX;
    auto value = TRY(evaluate(*term, Kind::int_, name, bindings));
    if (value.state == Value::State::unset) return INT64_MAX;
    if (!value.is_set() || value.bytes.size() != 4)
        return fail(Errc::invalid, "Invalid null value of {}", name);
    auto limit = load_big_endian<std::int32_t>(value.bytes.data());
    if (limit <= 0)
        return fail(Errc::invalid, "{} must be strictly positive",
                    name == "[limit]" ? "LIMIT" : "PER PARTITION LIMIT");
    return limit;
}

void append_cell(std::string& out, const OptionalBytes& value) {
    if (value)
        wire::cql::append_bytes(out, *value);
    else
        wire::cql::append_null_bytes(out);
}

Result<> append_row(std::string& out, const SelectPlan& plan, Evaluator& evaluator, const RowValues* row) {
    if (!plan.select->json) {
        for (const auto& output : plan.outputs) {
            // Plain columns, by far the most, are copied once.
            if (output.kind == Expression::Kind::column && row != nullptr) {
                const auto& value = row->values[output.column];
                if (value)
                    wire::cql::append_bytes(out, *value);
                else
                    wire::cql::append_null_bytes(out);
                continue;
            }
            auto value = TRY(evaluator.value(output, row));
            append_cell(out, value);
        }
        return {};
    }
    std::string json = "{";
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
        if (i > 0) json += ", ";
        // Names that need quotes in CQL have them inside JSON's, too.
        append_json_name(json, plan.names[i]);
        json += ": ";
        auto value = TRY(evaluator.value(plan.outputs[i], row));
        if (value)
            append_value_as_json(json, plan.outputs[i].type, *value);
        else
            json += "null";
    }
    wire::cql::append_bytes(out, json + "}");
    return {};
}

struct Run {
    const SelectPlan& plan;
    const Bindings& bindings;
    const PageRequest& page;
    std::unique_ptr<RowSource> source;
    std::vector<Filter> filters;
    PagingState state;
    std::int64_t per_partition = INT64_MAX;
    std::int64_t now = 0;

    bool passes(const RowValues& row) const {
        return std::ranges::all_of(
            filters, [&](const Filter& filter) { return filter.matches(row.values[filter.column]); });
    }

    Result<std::string> aggregate() {
        Evaluator evaluator(plan, bindings, now);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        std::optional<std::vector<OptionalBytes>> first;
        while (TRY(source->next(row))) {
            if (!passes(row)) continue;
            for (const auto& output : plan.outputs) TRY(evaluator.add(output, row));
            if (first) continue;
            // Columns beside aggregates show the first row's values.
            first.emplace();
            for (const auto& output : plan.outputs) first->push_back(TRY(evaluator.value(output, &row)));
        }
        std::string cells;
        std::int32_t rows = 1;
        if (plan.select->json) {
            TRY(append_row(cells, plan, evaluator, nullptr));
        } else {
            for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
                bool plain = plan.outputs[i].kind == Expression::Kind::column;
                append_cell(cells,
                            plain && first ? (*first)[i] : TRY(evaluator.value(plan.outputs[i], nullptr)));
            }
        }
        return finish(std::move(cells), rows, std::nullopt);
    }

    /// ORDER BY ... ANN OF: all rows that pass are looked at, and the nearest kept.
    Result<std::string> nearest() {
        constexpr std::int64_t most_nearest = 1000;
        if (state.remaining > most_nearest)
            return fail(
                Errc::invalid,
                "Use of ANN OF in an ORDER BY clause requires a LIMIT that is not greater than {}. LIMIT "
                "was {}",
                most_nearest, state.remaining);
        const auto& column = plan.table().columns[plan.ann->column];
        auto target = TRY(evaluate(plan.select->ann->second, column.type, column.name, bindings));
        if (!target.is_set()) return fail(Errc::invalid, "Unsupported null value for column {}", column.name);
        Evaluator evaluator(plan, bindings, now);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        Nearest found(std::size_t(state.remaining));
        while (TRY(source->next(row))) {
            const auto& value = row.values[plan.ann->column];
            if (!value || !passes(row)) continue;
            auto score = similarity(plan.ann->by, *value, target.bytes);
            if (!score || !found.wants(*score)) continue;
            std::string cells;
            TRY(append_row(cells, plan, evaluator, &row));
            found.add(*score, std::move(cells));
        }
        std::string cells;
        auto rows = found.take();
        for (const auto& one : rows) cells += one;
        return finish(std::move(cells), std::int32_t(rows.size()), std::nullopt);
    }

    Result<std::string> rows() {
        Evaluator evaluator(plan, bindings, now);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        auto wanted =
            page.page_size && *page.page_size > 0 ? std::int64_t(*page.page_size) : default_page_rows;
        std::string cells, partition;
        std::int64_t count = 0;
        bool counts_partitions = plan.select->distinct || per_partition != INT64_MAX;
        bool in_partition = false;
        auto left_in_partition = state.remaining_in_partition;
        bool more = false;
        std::string position;
        while (state.remaining > 0) {
            if (count >= wanted || cells.size() > most_page_bytes) {
                more = true;
                break;
            }
            if (!TRY(source->next(row))) break;
            if (!passes(row)) continue;
            if (counts_partitions) {
                bool same = in_partition && partition == row.partition_key;
                if (!same) {
                    // The first row of a page may belong to the partition that the last page ended in.
                    bool continued = !in_partition && !state.position.empty() && continues(row);
                    partition = row.partition_key;
                    if (!continued) left_in_partition = plan.select->distinct ? 1 : per_partition;
                }
                in_partition = true;
                if (left_in_partition <= 0) {
                    source->skip_partition();
                    continue;
                }
                --left_in_partition;
            }
            TRY(append_row(cells, plan, evaluator, &row));
            ++count;
            --state.remaining;
            position = source->position();
            if (counts_partitions && left_in_partition == 0) source->skip_partition();
        }
        if (!more || state.remaining == 0) return finish(std::move(cells), std::int32_t(count), std::nullopt);
        state.position = std::move(position);
        state.remaining_in_partition = counts_partitions ? left_in_partition : INT64_MAX;
        return finish(std::move(cells), std::int32_t(count), state.encode(plan.table()));
    }

    bool continues(const RowValues& row) const {
        ParsedKey parsed;
        return parse_key(state.position, parsed) && parsed.partition_key == row.partition_key;
    }

    std::string finish(std::string cells, std::int32_t count, std::optional<std::string> paging_state) const {
        std::string out;
        wire::cql::RowsMetadata metadata{&plan.result, page.skip_metadata, std::move(paging_state),
                                         page.new_metadata_id};
        wire::cql::append_rows_head(out, page.version, metadata);
        wire::cql::append_int(out, count);
        return out + cells;
    }
};

}  // namespace

Result<std::string> run_select(const SelectPlan& plan, Database& database, const SystemTables& system,
                               const Bindings& bindings, const PageRequest& page) {
    Run run{plan, bindings, page, nullptr, {}, {}, INT64_MAX, database.now_seconds()};
    run.state.remaining = TRY(limit_of(plan.select->limit, "[limit]", bindings));
    run.per_partition = TRY(limit_of(plan.select->per_partition_limit, "[per_partition_limit]", bindings));
    run.filters = TRY(filters_of(plan.table(), plan.where.filters, bindings));
    for (const auto& [place, index] : plan.index.folded)
        run.filters[place].fold = text_fold_of(index->options);
    if (page.paging_state) run.state = TRY(PagingState::decode(plan.table(), *page.paging_state));
    if (plan.ref.is_virtual) {
        // System tables are small: all conditions are tests on their rows.
        for (const auto* keys : {&plan.where.partition_key, &plan.where.clustering})
            for (const auto& on : *keys)
                for (auto& filter : TRY(filters_of(plan.table(), on, bindings)))
                    run.filters.push_back(std::move(filter));
        std::size_t from = 0;
        if (run.state.position.size() == 4) from = load_big_endian<std::uint32_t>(run.state.position.data());
        run.source = std::make_unique<SystemRows>(system.rows(plan.table()), from);
    } else {
        auto ranges = TRY(key_ranges(plan.table(), plan.where, bindings));
        // From the static values on, which lie in front of the rows.
        if (plan.static_partitions && plan.where.whole_partition_key)
            for (auto& range : ranges) range.from.back() = static_tag;
        if (!run.state.position.empty()) {
            bool skip = run.state.remaining_in_partition == 0;
            TRY(continue_from(ranges, run.state.position, plan.reversed, skip));
        }
        if (plan.index.index != nullptr)
            run.source = TRY(make_indexed_rows(plan, database, std::move(ranges), bindings));
        else
            run.source = std::make_unique<StoredRows>(plan, database, std::move(ranges));
    }
    if (plan.ann) return run.nearest();
    return plan.aggregates > 0 ? run.aggregate() : run.rows();
}

}  // namespace penstock::store::cql
