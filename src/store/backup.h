// Consistent copies of the tables, made while they are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::store {

class Database;

struct Backup {
    std::string directory;    ///< what to put in the place of <data>/tables
    std::uint64_t bytes = 0;  ///< of its files; most of them are shared with the tables by hard links
};

/// Makes <data>/backups/<name> of everything that was written before, schema, roles and checkpoints of
/// queries too. Errc::invalid: not a plain name; Errc::exists.
Result<Backup> make_backup(Database& database, std::string_view name);

}  // namespace penstock::store
