// Ids that nobody can guess: of topics, members and the journal.
#pragma once

#include "codec/uuid.h"

namespace penstock::broker {

/// Thread-safe.
codec::Uuid random_uuid();

}  // namespace penstock::broker
