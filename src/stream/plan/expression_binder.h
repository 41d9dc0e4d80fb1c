// Gives expressions names and types, and collects the columns that they need.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "stream/plan/plan.h"
#include "stream/sql/ast.h"

namespace penstock::stream {

/// Not a public face: binder.cc drives it.
class ExpressionBinder {
public:
    ExpressionBinder(const RelationInfo& relation, bool filtered)
        : relation_(relation), fuse_casts_(!filtered) {}
    virtual ~ExpressionBinder() = default;

    SqlResult<ExpressionPtr> bind(const sql::Expr& expr);
    /// The expression as a value of the type: unchanged, widened, folded, decoded as text, or cast.
    SqlResult<ExpressionPtr> coerce(ExpressionPtr expr, TypeId to);
    /// Binds a condition: WHERE, HAVING, WHEN.
    SqlResult<ExpressionPtr> condition(const sql::Expr& expr, std::string_view clause);

    std::vector<ScanColumn>& scan() { return scan_; }

protected:
    /// Set while expressions over the groups' rows are bound.
    bool over_groups_ = false;

    /// A chance to take an expression before it is bound as one over the input's rows; nullptr: not taken.
    virtual SqlResult<ExpressionPtr> intercept(const sql::Expr&) { return ExpressionPtr(); }

    struct Access {
        Path path;
        Position at;
    };
    /// a.b['c'][0] as one path, or none when it does not begin with a name.
    std::optional<Access> access_of(const sql::Expr& expr) const;
    SqlResult<ExpressionPtr> bind_access(const Access& access);
    ExpressionPtr json_access(ExpressionPtr base, const Path& path, std::size_t from, Position at);

private:
    SqlResult<ExpressionPtr> bind_kind(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_number(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_nested(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_binary(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_interval_sum(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_comparison(const std::string& op, ExpressionPtr left, ExpressionPtr right,
                                             Position at);
    SqlResult<ExpressionPtr> bind_logical(ExpressionKind kind, ExpressionPtr left, ExpressionPtr right,
                                          Position at);
    SqlResult<ExpressionPtr> bind_between(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_in(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_is_null(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_is_true(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_case(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_cast(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_call(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_coalesce(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_nullif(const sql::Expr& expr);
    SqlResult<ExpressionPtr> bind_if(const sql::Expr& expr);
    SqlResult<ExpressionPtr> make_case(std::vector<ExpressionPtr> parts, Position at);
    SqlResult<ExpressionPtr> make_call(std::string_view name, std::vector<ExpressionPtr> args, Position at);
    SqlResult<ExpressionPtr> negated(ExpressionPtr expr, bool negate);
    SqlResult<std::vector<ExpressionPtr>> bind_all(const std::vector<sql::ExprPtr>& exprs);
    /// Casts all to the type that holds them all.
    SqlResult<TypeId> unify(std::span<ExpressionPtr*> exprs, std::string_view where);
    ExpressionPtr cast_call(ExpressionPtr expr, TypeId to, bool attempt);
    ExpressionPtr scan_column(ScanColumn column, Position at);
    static ExpressionPtr is_null_call(ExpressionPtr expr, bool negate, Position at);
    /// A column of the input, and not of the groups' rows.
    bool is_scanned(const Expression& expr) const {
        return expr.kind == ExpressionKind::column && !over_groups_;
    }
    std::vector<std::string> column_names() const;

    /// Marks that what is bound may not be evaluated for every row.
    struct Conditional {
        explicit Conditional(int& depth) : depth_(depth) { ++depth_; }
        ~Conditional() { --depth_; }
        Conditional(const Conditional&) = delete;
        Conditional& operator=(const Conditional&) = delete;
        int& depth_;
    };

    const RelationInfo& relation_;
    /// A cast in the decoder fails the record, so it must not stand behind a condition.
    bool fuse_casts_;
    int conditional_ = 0;
    int depth_ = 0;
    std::vector<ScanColumn> scan_;
};

}  // namespace penstock::stream
