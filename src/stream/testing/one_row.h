// A record decoded into one row, for tests of decoders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stream/decode/slots.h"
#include "stream/plan/plan.h"

namespace penstock::stream::testing {

inline ScanColumn column(Path path, TypeId type, bool from_text = false) {
    ScanColumn out;
    out.path = std::move(path);
    out.type = type;
    out.from_text = from_text;
    return out;
}

/// The columns of the one row; the arena keeps what they point into.
struct OneRow {
    bool fits = false;
    std::vector<Column> columns;

    template <class Decoder>
    OneRow(const std::vector<ScanColumn>& scan, Decoder& decoder, std::string_view bytes, Arena& arena)
        : columns(scan.size()) {
        std::vector<Slot> slots;
        for (std::size_t i = 0; i < scan.size(); ++i) {
            columns[i].type = scan[i].type;
            slots.push_back(open_slot(columns[i], 1));
        }
        fits = decoder.decode(bytes, slots, 0, arena);
    }
};

/// The row's values as text, or why there is none.
template <class Decoder>
std::string text_of_row(const std::vector<ScanColumn>& scan, Decoder& decoder, std::string_view bytes) {
    Arena arena;
    const OneRow row(scan, decoder, bytes, arena);
    if (!row.fits) return "no: " + decoder.why().reason;
    std::string text;
    for (const auto& each : row.columns) text += (text.empty() ? "" : " | ") + value_text(each, 0);
    return text;
}

}  // namespace penstock::stream::testing
