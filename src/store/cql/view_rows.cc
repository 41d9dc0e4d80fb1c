#include "store/cql/view_rows.h"

#include <algorithm>

#include "store/cql/parser.h"
#include "store/row_cursor.h"
#include "store/value.h"
#include "store/view_entries.h"

namespace penstock::store::cql {
namespace {

/// The rows of a materialised view: its keys lead to the base table's rows, which have the values, or have
/// them no longer.
class ViewRows final : public RowSource {
public:
    ViewRows(const SelectPlan& plan, Database& database, std::vector<KeyRange> ranges,
             std::vector<Filter> conditions, std::int64_t now_seconds)
        : plan_(plan),
          database_(database),
          ranges_(std::move(ranges)),
          conditions_(std::move(conditions)),
          now_seconds_(now_seconds) {
        const auto& view = plan_.table();
        const auto& base = *plan_.base.table;
        for (const auto& column : view.columns) {
            const auto* of_base = base.by_id(column.id);
            in_base_.push_back(of_base == nullptr ? -1 : int(of_base - base.columns.data()));
        }
        iterator_.reset(database_.rocks().NewIterator({}));
    }

    Result<bool> next(RowValues& out) override {
        while (TRY(next_key()))
            if (TRY(look_up(out))) return true;
        return false;
    }
    void skip_partition() override {
        ParsedKey parsed;
        if (!parse_key(key_, parsed)) return;
        std::string prefix(parsed.partition_prefix);
        if (plan_.reversed)
            ranges_[at_].to = std::min(ranges_[at_].to, prefix);
        else
            ranges_[at_].from = after_prefix(prefix);
        positioned_ = false;
    }
    std::string position() const override { return key_; }

private:
    Result<bool> next_key() {
        for (; at_ < ranges_.size(); ++at_, positioned_ = false) {
            const auto& range = ranges_[at_];
            if (range.from >= range.to) continue;
            if (!positioned_) {
                if (plan_.reversed) {
                    iterator_->SeekForPrev(range.to);
                    if (iterator_->Valid() && iterator_->key() == rocksdb::Slice(range.to)) iterator_->Prev();
                } else {
                    iterator_->Seek(range.from);
                }
                positioned_ = true;
            } else if (plan_.reversed) {
                iterator_->Prev();
            } else {
                iterator_->Next();
            }
            if (!iterator_->status().ok()) return fail(error_of(iterator_->status()));
            if (!iterator_->Valid()) continue;
            key_.assign(iterator_->key().data(), iterator_->key().size());
            if (key_ >= range.from && key_ < range.to) return true;
        }
        return false;
    }

    Result<bool> look_up(RowValues& out) {
        const auto& view = plan_.table();
        const auto& base = *plan_.base.table;
        ParsedKey parsed;
        if (!parse_key(key_, parsed) || !parse_view_key(base, view, parsed, found_)) return false;
        row_.emplace(database_, plan_.base.table,
                     std::vector<KeyRange>{row_range(base, found_.base_partition, found_.base_clustering)});
        row_->read_at(now_seconds_);
        if (!TRY(row_->next())) return false;
        const auto& row = row_->row();
        base_values_.assign(base.columns.size(), std::nullopt);
        collections_.clear();
        collections_.reserve(base.columns.size());
        for (std::size_t i = 0; i < base.columns.size(); ++i) {
            const auto& column = base.columns[i];
            if (column.type.is_multi_cell()) {
                collections_.emplace_back();
                if (collect_elements(row, column, collections_.back())) base_values_[i] = collections_.back();
                continue;
            }
            for (const auto& cell : row.cells)
                if (cell.column == column.id) base_values_[i] = cell.value;
        }
        for (std::uint32_t i = 0; i < view.key_columns(); ++i) {
            auto in_base = std::size_t(in_base_[i]);
            bool of_key = in_base < base.key_columns();
            // The one column of the view's key that is none of the base's may have changed since.
            if (!of_key && (!base_values_[in_base] ||
                            compare(view.columns[i].type, *base_values_[in_base], found_.values[i]) != 0))
                return false;
            base_values_[in_base] = found_.values[i];
        }
        for (const auto& condition : conditions_)
            if (!condition.matches(base_values_[condition.column])) return false;
        out.row = &row;
        out.partition_key = parsed.partition_key;
        for (std::size_t i = 0; i < view.columns.size(); ++i)
            out.values[i] = in_base_[i] < 0 ? std::nullopt : base_values_[std::size_t(in_base_[i])];
        return true;
    }

    const SelectPlan& plan_;
    Database& database_;
    std::vector<KeyRange> ranges_;
    std::vector<Filter> conditions_;
    std::int64_t now_seconds_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
    std::size_t at_ = 0;
    bool positioned_ = false;
    std::string key_;
    ViewKey found_;
    std::optional<RowCursor> row_;
    std::vector<int> in_base_;  ///< by column of the view
    std::vector<std::optional<std::string_view>> base_values_;
    std::vector<std::string> collections_;
};

}  // namespace

Result<std::unique_ptr<RowSource>> make_view_rows(const SelectPlan& plan, Database& database,
                                                  std::vector<KeyRange> ranges, std::int64_t now_seconds) {
    const auto& base = *plan.base.table;
    auto text = fmt::format("SELECT * FROM t WHERE {}", plan.table().view->where);
    auto parsed = TRY(parse(text));
    const auto& relations = std::get<Select>(parsed.statement).where;
    std::vector<Restriction> restrictions;
    for (const auto& relation : relations)
        if (relation.op != Operator::not_null && relation.kind == Relation::Kind::column)
            restrictions.push_back({TRY(resolve_column(base, relation.columns[0])), &relation});
    Bindings none;
    auto conditions = TRY(filters_of(base, restrictions, none));
    return std::make_unique<ViewRows>(plan, database, std::move(ranges), std::move(conditions), now_seconds);
}

}  // namespace penstock::store::cql
