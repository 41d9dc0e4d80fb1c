// SELECT ... ORDER BY v ANN OF [...] LIMIT k, and the functions similarity_cosine(), similarity_euclidean()
// and similarity_dot_product().
//
// The nearest rows are found by looking at all that pass the other conditions: exact, with memory for k rows,
// in time that grows with the table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/functions.h"
#include "store/cql/resolve.h"
#include "store/vector_value.h"

namespace penstock::store::cql {

struct SelectPlan;
struct Expression;

struct AnnOrder {
    std::uint32_t column = 0;  ///< index in the table's columns
    Similarity by = Similarity::cosine;
};

/// What ORDER BY ... ANN OF may not say, whatever else the statement does.
Result<> check_ann(const Select& select, const TableDefinition& table);
/// Fills plan.ann. Errc::invalid in Cassandra's words.
Result<> plan_ann(SelectPlan& plan, std::vector<MarkerSpec>& markers);

/// The k entries of the greatest scores; of equal scores those that came first.
class Nearest {
public:
    explicit Nearest(std::size_t k) : k_(k) {}
    /// Whether an entry of this score would stay.
    bool wants(float score) const { return heap_.size() < k_ || score > heap_.front().score; }
    void add(float score, std::string cells);
    /// In the order of their scores.
    std::vector<std::string> take();

private:
    struct Entry {
        float score;
        std::uint64_t sequence;
        std::string cells;
    };
    /// The heap's front is the one that goes first.
    static bool stays_longer(const Entry& a, const Entry& b) {
        return a.score != b.score ? a.score > b.score : a.sequence < b.sequence;
    }
    std::size_t k_;
    std::uint64_t next_ = 0;
    std::vector<Entry> heap_;
};

bool is_similarity_function(std::string_view name);
Result<DataType> similarity_type(std::string_view name, const std::vector<DataType>& arguments);
Result<TypedValue> call_similarity(std::string_view name, const std::vector<TypedValue>& arguments);
/// Literals and markers among the arguments become vectors like the others. written: the arguments as the
/// statement has them. Errc::invalid, in Cassandra's words, when they are no vectors of floats.
Result<> adapt_vectors(std::string_view name, const std::vector<Selector>& written,
                       std::vector<Expression>& arguments, std::vector<MarkerSpec>& markers);

}  // namespace penstock::store::cql
