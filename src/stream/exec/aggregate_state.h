// What one aggregate knows of one group.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "record/batch.h"
#include "stream/exec/state_codec.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

/// count(DISTINCT x) remembers its values; a group with more than this many fails its row.
constexpr std::size_t max_distinct = 100'000;

struct AggregateState {
    std::int64_t count = 0;
    std::int64_t integer = 0;
    double real = 0;
    double spread = 0;  ///< the sum of squared distances from the mean, which real is then
    std::string text;
    bool any = false;   ///< a value has been seen (min, max, first, last)
    bool null = false;  ///< first, last: it is null
    std::unique_ptr<std::set<std::string, std::less<>>> distinct;

    /// Takes in one value. Empty, or why it cannot.
    std::string add(const AggregateCall& call, const Vector& argument, std::size_t row);
    /// Appends the result; texts are copied into arena.
    void result(const AggregateCall& call, Column& to, Arena& arena) const;

    void add_to_spread(double value);
    void append_spread(AggregateKind kind, Column& to) const;

    void encode(StateEncoder& to) const;
    void decode(StateDecoder& from);
};

}  // namespace penstock::stream
