#include "store/cql/select_run.h"

#include <algorithm>
#include <utility>

#include "store/bytes.h"
#include "store/cql/arithmetic.h"
#include "store/cql/evaluator.h"
#include "store/cql/functions.h"
#include "store/cql/row_source.h"
#include "store/cql/system_tables.h"
#include "store/cql/token_stream.h"
#include "store/cql/view_rows.h"
#include "store/row_cursor.h"
#include "store/token.h"
#include "store/value.h"
#include "wire/cql/primitives.h"

namespace penstock::store::cql {
namespace {

/// A page ends early when it gets this large, so that huge rows cannot exhaust memory.
constexpr std::size_t most_page_bytes = 8u << 20;
/// Rows that must be sorted are held in memory.
constexpr std::size_t most_sorted_bytes = 64u << 20;
/// Rows of a page when the client sets no limit.
constexpr std::int64_t default_page_rows = 100'000;

class StoredRows final : public RowSource {
public:
    StoredRows(const SelectPlan& plan, Database& database, std::vector<KeyRange> ranges,
               const PageRequest& page)
        : plan_(plan),
          cursor_(database, plan.ref.table, std::move(ranges), plan.reversed,
                  reading_of(plan, page.at_once)) {
        cursor_.read_at(page.now_seconds);
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
    static Reading reading_of(const SelectPlan& plan, bool at_once) {
        if (at_once) return Reading::at_once;
        return plan.where.whole_partition_key ? Reading::normal : Reading::scan;
    }

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

std::unexpected<Error> foreign_paging_state() {
    return fail(Errc::invalid, "{}Invalid value for the paging state", protocol_prefix);
}

/// What earlier pages have shown of a table's keys.
struct Shown {
    std::string position;   ///< the last key
    std::string partition;  ///< what its partition's keys begin with
    std::string next;       ///< the first key that may come, when they come in order
    bool reversed = false;

    static Result<Shown> up_to(const std::string& position, bool reversed, bool skip_partition) {
        ParsedKey parsed;
        if (!parse_key(position, parsed)) return foreign_paging_state();
        std::string partition(parsed.partition_prefix);
        auto next = skip_partition ? after_prefix(partition) : position + '\0';
        return Shown{position, std::move(partition), std::move(next), reversed};
    }

    void cut_from(KeyRange& range) const {
        if (reversed) {
            range.to = std::min(range.to, position);
            // The partition has had rows: its static values are not a row of their own.
            if (range.to.starts_with(partition)) range.from = std::max(range.from, partition + row_tag);
        }
        // A range that is one row must stay one, or become nothing.
        else if (range.from < next)
            range.from = next;
    }
};

/// Cuts away what earlier pages have shown.
Result<> leave_out_until(std::vector<KeyRange>& ranges, const std::string& position, bool reversed,
                         bool skip_partition) {
    auto shown = TRY(Shown::up_to(position, reversed, skip_partition));
    std::erase_if(ranges, [&](const KeyRange& range) {
        return reversed ? range.from >= position : range.to <= shown.next;
    });
    for (auto& range : ranges) {
        shown.cut_from(range);
    }
    std::erase_if(ranges, [](const KeyRange& range) { return range.from >= range.to; });
    return {};
}

/// The rows that an index leads to. They may not match any more: the filters say.
class IndexedRows final : public RowSource {
public:
    IndexedRows(const SelectPlan& plan, Database& database, std::unique_ptr<IndexScan> scan,
                std::vector<KeyRange> first, const PageRequest& page)
        : plan_(plan), database_(database), page_(page), scan_(std::move(scan)), ranges_(std::move(first)) {}

    Result<bool> next(RowValues& out) override {
        while (true) {
            if (rows_ && TRY(rows_->next(out))) return true;
            rows_.reset();
            if (ranges_.empty() && !TRY(scan_->next(ranges_))) return false;
            if (skipped_) TRY(leave_out_skipped());
            if (!ranges_.empty())
                rows_ = std::make_unique<StoredRows>(plan_, database_, std::move(ranges_), page_);
            ranges_.clear();
        }
    }
    void skip_partition() override {
        skipped_ = position();
        rows_->skip_partition();
    }
    std::string position() const override { return rows_->position(); }

private:
    Result<> leave_out_skipped() { return leave_out_until(ranges_, *skipped_, false, true); }

    const SelectPlan& plan_;
    Database& database_;
    const PageRequest& page_;
    std::unique_ptr<IndexScan> scan_;
    std::vector<KeyRange> ranges_;
    std::unique_ptr<StoredRows> rows_;
    std::optional<std::string> skipped_;
};

Result<std::unique_ptr<RowSource>> make_indexed_rows(const SelectPlan& plan, Database& database,
                                                     std::vector<KeyRange> within, const Bindings& bindings,
                                                     const PageRequest& page) {
    const auto* index = TRY(index_to_read(plan, bindings));
    IndexedColumn column;
    if (index == nullptr || !describe_index(plan.table(), *index, column))
        return std::make_unique<StoredRows>(plan, database, std::move(within), page);
    auto range = TRY(index_range(plan, column, bindings));
    auto scan = std::make_unique<IndexScan>(database, column, std::move(range), within);
    std::vector<KeyRange> first;
    auto found = scan->next(first);
    // Too many to be put in order: then the table is as good as the index.
    if (!found && found.error().code == Errc::out_of_range)
        return std::make_unique<StoredRows>(plan, database, std::move(within), page);
    if (!found) return fail(found.error());
    return std::make_unique<IndexedRows>(plan, database, std::move(scan), std::move(first), page);
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
        if (!reader.ok || version != 1 || id != table.id || out.remaining < 0) return foreign_paging_state();
        return out;
    }
};

/// Cuts away what earlier pages have shown. Ranges are in the order in which they are read, which with IN on
/// the partition key is not that of their keys.
Result<> continue_from(std::vector<KeyRange>& ranges, const std::string& position, bool reversed,
                       bool skip_partition) {
    auto shown = TRY(Shown::up_to(position, reversed, skip_partition));
    auto at = std::ranges::find_if(
        ranges, [&](const KeyRange& range) { return position >= range.from && position <= range.to; });
    if (at == ranges.end()) return foreign_paging_state();
    ranges.erase(ranges.begin(), at);
    for (auto& range : ranges) {
        bool whole_table = !range.from.starts_with(shown.partition) && &range != &ranges.front();
        if (whole_table) break;
        shown.cut_from(range);
    }
    std::erase_if(ranges, [](const KeyRange& range) { return range.from >= range.to; });
    return {};
}

/// To be read backwards; where partitions are put in order later, each by itself.
void reverse_ranges(std::vector<KeyRange>& ranges, bool within_partitions) {
    if (!within_partitions) {
        std::ranges::reverse(ranges);
        return;
    }
    auto partition_of = [](const KeyRange& range) {
        ParsedKey parsed;
        return parse_key(range.from, parsed) ? parsed.partition_prefix : std::string_view();
    };
    for (auto at = ranges.begin(); at != ranges.end();) {
        auto end = std::find_if(at, ranges.end(), [&](const KeyRange& range) {
            return partition_of(range) != partition_of(*at);
        });
        std::reverse(at, end);
        at = end;
    }
}

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

Result<> append_values(std::string& out, const SelectPlan& plan, const std::vector<OptionalBytes>& values) {
    if (!plan.select->json) {
        for (const auto& value : values) append_cell(out, value);
        return {};
    }
    std::string json = "{";
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) json += ", ";
        append_json_name(json, plan.names[i]);
        json += ": ";
        if (values[i])
            append_value_as_json(json, plan.outputs[i].type, *values[i]);
        else
            json += "null";
    }
    wire::cql::append_bytes(out, json + "}");
    return {};
}

bool shows_columns(const SelectPlan& plan) {
    return !plan.select->json && std::ranges::all_of(plan.outputs, [](const Expression& output) {
        return output.kind == Expression::Kind::column;
    });
}

/// By far the most rows are columns as they are stored: written in one go.
void append_columns(std::string& out, const SelectPlan& plan, const RowValues& row) {
    std::size_t size = 0;
    for (const auto& output : plan.outputs) {
        const auto& value = row.values[output.column];
        size += sizeof(std::int32_t) + (value ? value->size() : 0);
    }
    const auto begin = out.size(), end = begin + size;
    auto write = [&](char* bytes, std::size_t) {
        auto* at = bytes + begin;
        for (const auto& output : plan.outputs) {
            const auto& value = row.values[output.column];
            at = store_big_endian(at, value ? std::int32_t(value->size()) : -1);
            if (value && !value->empty()) at = std::copy_n(value->data(), value->size(), at);
        }
        return end;  // libstdc++ 12 hands over more room than was asked for
    };
    out.resize_and_overwrite(end, write);
}

/// The rows of one SELECT into its answer.
class RowWriter {
public:
    RowWriter(const SelectPlan& plan, Evaluator& evaluator)
        : plan_(plan), evaluator_(evaluator), plain_(shows_columns(plan)) {}
    Result<> append(std::string& out, const RowValues& row) {
        if (plain_) {
            append_columns(out, plan_, row);
            return {};
        }
        std::vector<OptionalBytes> values;
        for (const auto& output : plan_.outputs) values.push_back(TRY(evaluator_.value(output, &row)));
        return append_values(out, plan_, values);
    }

private:
    const SelectPlan& plan_;
    Evaluator& evaluator_;
    const bool plain_;
};

bool has_aggregate(const Expression& of) {
    return of.kind == Expression::Kind::aggregate || of.kind == Expression::Kind::count_rows ||
           std::ranges::any_of(of.arguments, has_aggregate);
}

/// Columns beside aggregates show the values of their group's first row.
class FirstRow {
public:
    explicit FirstRow(const SelectPlan& plan) : plan_(plan) {
        for (const auto& output : plan.outputs) aggregates_.push_back(has_aggregate(output));
    }
    void clear() {
        values_.assign(plan_.outputs.size(), {});
        row_.reset();
        kept_.clear();
    }
    Result<> take(Evaluator& evaluator, const RowValues& row) {
        values_.clear();
        for (std::size_t i = 0; i < plan_.outputs.size(); ++i)
            values_.push_back(aggregates_[i] ? OptionalBytes()
                                             : TRY(evaluator.value(plan_.outputs[i], &row)));
        // For what is calculated of aggregates and columns together.
        kept_.clear();
        for (const auto& value : row.values)
            kept_.push_back(value ? OptionalBytes(std::in_place, *value) : std::nullopt);
        key_ = row.partition_key;
        row_.emplace();
        row_->partition_key = key_;
        for (const auto& value : kept_)
            row_->values.push_back(value ? std::optional<std::string_view>(*value) : std::nullopt);
        return {};
    }
    Result<std::vector<OptionalBytes>> outputs(Evaluator& evaluator) {
        values_.resize(plan_.outputs.size());
        auto out = values_;
        for (std::size_t i = 0; i < out.size(); ++i)
            if (aggregates_[i]) out[i] = TRY(evaluator.value(plan_.outputs[i], row_ ? &*row_ : nullptr));
        return out;
    }

private:
    const SelectPlan& plan_;
    std::vector<bool> aggregates_;
    std::vector<OptionalBytes> values_;
    std::vector<OptionalBytes> kept_;
    std::string key_;
    std::optional<RowValues> row_;
};

/// Rows, or groups of them, that ORDER BY puts in order after they have been read.
class SortedRows {
public:
    using Key = std::vector<OptionalBytes>;
    struct Entry {
        Key key;
        std::size_t partition = 0;
        std::size_t number = 0;
        std::string cells;
    };
    explicit SortedRows(const SelectPlan& plan) : plan_(plan) {
        for (const auto& [name, descending] : plan.select->order)
            columns_.push_back(std::size_t(plan.table().find(name) - plan.table().columns.data()));
    }
    Key key_of(const RowValues& row) const {
        Key out;
        for (auto column : columns_) {
            const auto& value = row.values[column];
            out.push_back(value ? OptionalBytes(std::in_place, *value) : std::nullopt);
        }
        return out;
    }
    Result<> add(Key key, std::size_t partition, std::string cells) {
        bytes_ += cells.size();
        if (bytes_ > most_sorted_bytes)
            return fail(Errc::invalid, "more than {} bytes of rows would have to be sorted",
                        most_sorted_bytes);
        rows_.push_back({std::move(key), partition, rows_.size(), std::move(cells)});
        return {};
    }
    std::vector<Entry> take() {
        std::ranges::sort(rows_, [this](const Entry& a, const Entry& b) { return comes_first(a, b); });
        return std::move(rows_);
    }

private:
    /// Null is the least value.
    bool comes_first(const Entry& a, const Entry& b) const {
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            int by = int(a.key[i].has_value()) - int(b.key[i].has_value());
            if (a.key[i] && b.key[i])
                by = compare(plan_.table().columns[columns_[i]].type, *a.key[i], *b.key[i]);
            if (by != 0) return plan_.select->order[i].second ? by > 0 : by < 0;
        }
        return a.number < b.number;
    }

    const SelectPlan& plan_;
    std::vector<std::size_t> columns_;
    std::vector<Entry> rows_;
    std::size_t bytes_ = 0;
};

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
        return std::ranges::all_of(filters,
                                   [&](const Filter& filter) { return filter.matches_row(row.values); });
    }

    /// What tells groups apart: the partition and the values of GROUP BY.
    Result<std::string> group_key(Evaluator& evaluator, const RowValues& row) const {
        std::string out;
        append_element(out, row.partition_key);
        for (const auto& one : plan.group) {
            auto value = TRY(evaluator.value(one, &row));
            append_component(out, value);
        }
        return out;
    }

    Result<std::string> groups() {
        Evaluator evaluator(plan, bindings, now);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        auto wanted =
            page.page_size && *page.page_size > 0 ? std::int64_t(*page.page_size) : default_page_rows;
        bool grouped = !plan.group.empty();
        std::string cells, key, partition, position;
        std::int64_t count = 0;
        FirstRow first(plan);
        SortedRows in_order(plan);
        SortedRows::Key order_key;
        bool sorts = plan.sorts && grouped;
        bool open = false, more = false, in_partition = false;
        auto left_in_partition = state.remaining_in_partition;
        auto close = [&]() -> Result<> {
            auto values = TRY(first.outputs(evaluator));
            TRY(append_values(cells, plan, values));
            evaluator.reset();
            first.clear();
            open = false;
            if (sorts) return in_order.add(std::exchange(order_key, {}), 0, std::exchange(cells, {}));
            ++count;
            --state.remaining;
            return {};
        };
        while (state.remaining > 0) {
            if (!TRY(source->next(row))) break;
            if (!passes(row)) continue;
            auto row_key = grouped ? TRY(group_key(evaluator, row)) : std::string();
            if (open && row_key != key) {
                TRY(close());
                if (state.remaining == 0) break;
                more = count >= wanted || cells.size() > most_page_bytes;
                if (more) break;
            }
            if (!open) {
                if (!in_partition || partition != row.partition_key) {
                    bool continued = !in_partition && !state.position.empty() && continues(row);
                    if (!continued) left_in_partition = per_partition;
                }
                partition = row.partition_key;
                in_partition = true;
                if (left_in_partition <= 0) {
                    source->skip_partition();
                    continue;
                }
                --left_in_partition;
                key = std::move(row_key);
                open = true;
                TRY(first.take(evaluator, row));
                if (sorts) order_key = in_order.key_of(row);
            }
            for (const auto& output : plan.outputs) TRY(evaluator.add(output, row));
            position = source->position();
            if (plan.select->distinct) source->skip_partition();
        }
        if (!more && state.remaining > 0 && (open || !grouped)) TRY(close());
        if (sorts) {
            for (auto& one : in_order.take()) {
                if (count == state.remaining) break;
                cells += one.cells;
                ++count;
            }
            return finish(std::move(cells), std::int32_t(count), std::nullopt);
        }
        // Whether there is more is not looked for behind a full page, as with rows.
        more = more || (grouped && count >= wanted && state.remaining > 0);
        if (!more) return finish(std::move(cells), std::int32_t(count), std::nullopt);
        state.position = std::move(position);
        state.remaining_in_partition = plan.select->distinct        ? 0
                                       : per_partition == INT64_MAX ? INT64_MAX
                                                                    : left_in_partition;
        return finish(std::move(cells), std::int32_t(count), state.encode(plan.table()));
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
        RowWriter writer(plan, evaluator);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        Nearest found(std::size_t(state.remaining));
        while (TRY(source->next(row))) {
            const auto& value = row.values[plan.ann->column];
            if (!value || !passes(row)) continue;
            auto score = similarity(plan.ann->by, *value, target.bytes);
            if (!score || !found.wants(*score)) continue;
            std::string cells;
            TRY(writer.append(cells, row));
            found.add(*score, std::move(cells));
        }
        std::string cells;
        auto rows = found.take();
        for (const auto& one : rows) cells += one;
        return finish(std::move(cells), std::int32_t(rows.size()), std::nullopt);
    }

    Result<std::string> rows() {
        Evaluator evaluator(plan, bindings, now);
        RowWriter writer(plan, evaluator);
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
            if (more) break;
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
            TRY(writer.append(cells, row));
            ++count;
            --state.remaining;
            if (count == 1) make_room(cells, std::min(wanted, state.remaining + 1));
            more = count >= wanted || cells.size() > most_page_bytes;
            if (more) position = source->position();
            if (counts_partitions && left_in_partition == 0) source->skip_partition();
        }
        if (!more || state.remaining == 0) return finish(std::move(cells), std::int32_t(count), std::nullopt);
        state.position = std::move(position);
        state.remaining_in_partition = counts_partitions ? left_in_partition : INT64_MAX;
        return finish(std::move(cells), std::int32_t(count), state.encode(plan.table()));
    }

    /// ORDER BY over several partitions: everything is read, then sorted.
    Result<std::string> sorted() {
        Evaluator evaluator(plan, bindings, now);
        RowWriter writer(plan, evaluator);
        RowValues row;
        row.values.resize(plan.table().columns.size());
        SortedRows rows(plan);
        std::vector<std::int64_t> left;  // of PER PARTITION LIMIT, for each partition
        std::string partition;
        while (TRY(source->next(row))) {
            if (!passes(row)) continue;
            if (left.empty() || partition != row.partition_key) left.push_back(per_partition);
            partition = row.partition_key;
            std::string cells;
            TRY(writer.append(cells, row));
            TRY(rows.add(rows.key_of(row), left.size() - 1, std::move(cells)));
        }
        std::int64_t count = 0;
        std::string cells;
        for (const auto& one : rows.take()) {
            if (count == state.remaining) break;
            if (left[one.partition]-- <= 0) continue;
            cells += one.cells;
            ++count;
        }
        return finish(std::move(cells), std::int32_t(count), std::nullopt);
    }

    /// As many rows like the first one as a short page has.
    static void make_room(std::string& cells, std::int64_t rows) {
        constexpr std::int64_t short_page = 100;
        auto guess = cells.size() * std::size_t(std::min(rows, short_page));
        cells.reserve(std::min(guess, most_page_bytes));
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
        out += cells;
        return out;
    }
};

/// Later pages are those of long reads.
bool may_be_short(const SelectPlan& plan, const PageRequest& page) {
    bool straight = !plan.ref.is_virtual && !plan.table().view && plan.index.index == nullptr && !plan.ann;
    return straight && plan.where.whole_partition_key && !page.paging_state;
}

}  // namespace

Result<std::string> run_select(const SelectPlan& plan, Database& database, const SystemTables& system,
                               const Bindings& bindings, const PageRequest& page) {
    if (page.at_once && !may_be_short(plan, page)) return fail(Errc::unavailable, "not a short read");
    Run run{plan, bindings, page, nullptr, {}, {}, INT64_MAX, page.now_seconds};
    run.state.remaining = TRY(limit_of(plan.select->limit, "[limit]", bindings));
    run.per_partition = TRY(limit_of(plan.select->per_partition_limit, "[per_partition_limit]", bindings));
    run.filters = TRY(filters_of(plan.table(), plan.where.filters, bindings));
    TRY(check_value_sizes(plan.index, run.filters));
    for (const auto& [place, fold] : plan.index.folded) run.filters[place].fold = fold;
    for (auto place : plan.index.by_sasi) run.filters[place].by_sasi = true;
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
        // Groups and aggregates are read in pages in any case, so even where there is nothing to read.
        bool pages = !ranges.empty() || plan.aggregates > 0 || !plan.group.empty();
        if (plan.sorts && pages && page.page_size && *page.page_size > 0)
            return fail(
                Errc::invalid,
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you "
                "must either remove the ORDER BY or the IN and sort client side, or disable paging for "
                "this query");
        if (plan.reversed) reverse_ranges(ranges, plan.sorts);
        // From the static values on, which lie in front of the rows.
        if (plan.static_partitions && plan.where.whole_partition_key)
            for (auto& range : ranges) range.from.back() = static_tag;
        if (!run.state.position.empty()) {
            bool skip = run.state.remaining_in_partition == 0;
            TRY(continue_from(ranges, run.state.position, plan.reversed, skip));
        }
        if (plan.table().view)
            run.source = TRY(make_view_rows(plan, database, std::move(ranges), page.now_seconds));
        else if (plan.index.index != nullptr)
            run.source = TRY(make_indexed_rows(plan, database, std::move(ranges), bindings, page));
        else
            run.source = std::make_unique<StoredRows>(plan, database, std::move(ranges), page);
    }
    if (plan.ann) return run.nearest();
    if (plan.sorts && plan.aggregates == 0 && plan.group.empty()) return run.sorted();
    return plan.aggregates > 0 || !plan.group.empty() ? run.groups() : run.rows();
}

}  // namespace penstock::store::cql
