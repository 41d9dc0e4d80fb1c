// Which relations a piece of SQL reads, without parsing it: the names after FROM and JOIN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::pipeline {

struct Relation {
    std::string name;  ///< without back quotes; "keyspace.table" when qualified
    bool qualified = false;
    int line = 1;  ///< in the SQL, from 1
    int column = 1;
};

/// Common table expressions (WITH), subqueries and table functions are left out. Text that is no
/// SQL gives what looks like relations or nothing; it is the engine that judges the SQL.
std::vector<Relation> relations_of(std::string_view sql);

}  // namespace penstock::pipeline
