// Random bytes from the operating system.
#pragma once

#include <span>

namespace penstock::io {

/// Fit for keys and ids. Thread-safe.
void random_bytes(std::span<char> into);

}  // namespace penstock::io
