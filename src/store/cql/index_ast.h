// CREATE INDEX and DROP INDEX as they were written.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/catalogue.h"
#include "store/cql/name.h"

namespace penstock::store::cql {

struct CreateIndex {
    bool custom = false;
    bool if_not_exists = false;
    Name name;  ///< empty: made of the table's and the column's
    Name table;
    std::vector<std::pair<IndexDefinition::Target, std::string>> columns;
    std::string class_name;  ///< behind USING; empty: Cassandra's legacy kind
    bool has_using = false;
    std::map<std::string, std::string> options;
    bool has_options = false;
};

struct DropIndex {
    Name name;
    bool if_exists = false;
};

}  // namespace penstock::store::cql
