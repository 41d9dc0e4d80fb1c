// A text into a column of any type.
#pragma once

#include <string_view>

#include "stream/decode/slots.h"

namespace penstock::stream {

/// Sets the text cast to the type, as CAST does. False: it is not one of the type's, and nothing was set.
bool set_from_text(Slot& slot, std::size_t row, TypeId type, std::string_view text);

}  // namespace penstock::stream
