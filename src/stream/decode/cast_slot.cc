#include "stream/decode/cast_slot.h"

#include "stream/expr/cast.h"
#include "stream/expr/datetime.h"

namespace penstock::stream {

bool set_from_text(Slot& slot, std::size_t row, TypeId type, std::string_view text) {
    auto set = [&](auto value) {
        if (value) slot.set(row, *value);
        return value.has_value();
    };
    switch (type) {
        case TypeId::string:
        case TypeId::binary:
        case TypeId::json:
            slot.set(row, text);
            return true;
        case TypeId::boolean:
            return set(boolean_of_text(text));
        case TypeId::int32:
        case TypeId::int64:
            return set(integer_of_text(text, type));
        case TypeId::float64:
            return set(double_of_text(text));
        case TypeId::date:
            return set(parse_date(text));
        case TypeId::timestamp:
            return set(parse_timestamp(text));
    }
    return false;
}

}  // namespace penstock::stream
