#include "stream/spark/spark_rows.h"

#include <cstring>
#include <optional>
#include <span>

namespace penstock::stream {

namespace {

constexpr std::int64_t max_rows = 1 << 28;

/// A table of the FlatBuffers format; every access is checked.
class Table {
public:
    /// bytes: the whole buffer; at: where the table begins.
    static std::optional<Table> at(std::string_view bytes, std::size_t at) {
        Table table(bytes, at);
        auto distance = table.read<std::int32_t>(at);
        if (!distance) return std::nullopt;
        auto vtable = std::int64_t(at) - *distance;
        if (vtable < 0) return std::nullopt;
        table.vtable_ = std::size_t(vtable);
        auto size = table.read<std::uint16_t>(table.vtable_);
        if (!size || *size < 4) return std::nullopt;
        table.vtable_size_ = *size;
        return table;
    }

    static std::optional<Table> root(std::string_view bytes) {
        auto offset = Table(bytes, 0).read<std::uint32_t>(0);
        return offset ? at(bytes, *offset) : std::nullopt;
    }

    template <class T>
    T scalar(int field, T otherwise) const {
        auto position = position_of(field);
        return position ? read<T>(*position).value_or(otherwise) : otherwise;
    }

    std::optional<Table> table(int field) const {
        auto position = target_of(field);
        return position ? at(bytes_, *position) : std::nullopt;
    }

    /// A vector of structs of size bytes: the bytes of all.
    std::optional<std::string_view> structs(int field, std::size_t size) const {
        auto position = target_of(field);
        if (!position) return std::nullopt;
        auto count = read<std::uint32_t>(*position);
        if (!count || *count > (bytes_.size() - *position - 4) / size) return std::nullopt;
        return bytes_.substr(*position + 4, *count * size);
    }

private:
    Table(std::string_view bytes, std::size_t position) : bytes_(bytes), position_(position) {}

    template <class T>
    std::optional<T> read(std::size_t at) const {
        if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) return std::nullopt;
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof(T));
        return value;
    }

    std::optional<std::size_t> position_of(int field) const {
        auto slot = std::size_t(4 + 2 * field);
        if (slot + 2 > vtable_size_) return std::nullopt;
        auto offset = read<std::uint16_t>(vtable_ + slot);
        if (!offset || *offset == 0) return std::nullopt;
        return position_ + *offset;
    }

    std::optional<std::size_t> target_of(int field) const {
        auto position = position_of(field);
        if (!position) return std::nullopt;
        auto distance = read<std::uint32_t>(*position);
        if (!distance) return std::nullopt;
        return *position + *distance;
    }

    std::string_view bytes_;
    std::size_t position_ = 0;
    std::size_t vtable_ = 0;
    std::size_t vtable_size_ = 0;
};

struct Message {
    Table table;
    std::string_view body;
};

std::unexpected<Error> malformed(std::string_view what) {
    return fail(Errc::corrupt, "the rows that Spark sent are malformed: {}", what);
}

/// The next message, or none at the end of the stream.
Result<std::optional<Message>> next_message(std::string_view& stream) {
    auto number = [&]() -> std::optional<std::uint32_t> {
        if (stream.size() < 4) return std::nullopt;
        std::uint32_t value = 0;
        std::memcpy(&value, stream.data(), 4);
        stream.remove_prefix(4);
        return value;
    };
    auto size = number();
    // Since Arrow 0.15 a mark stands before the size.
    if (size && *size == 0xFFFFFFFF) size = number();
    if (!size || *size == 0) return std::optional<Message>();
    if (*size > stream.size()) return malformed("a message ends early");
    auto table = Table::root(stream.substr(0, *size));
    if (!table) return malformed("a message has no head");
    stream.remove_prefix(*size);
    auto body = table->scalar<std::int64_t>(3, 0);
    if (body < 0 || std::size_t(body) > stream.size()) return malformed("a message's body ends early");
    Message message{*table, stream.substr(0, std::size_t(body))};
    stream.remove_prefix(std::size_t(body));
    return std::optional(message);
}

template <class T>
T value_at(std::string_view bytes, std::size_t index) {
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

bool bit_at(std::string_view bits, std::size_t index) {
    return (static_cast<unsigned char>(bits[index / 8]) >> (index % 8)) & 1;
}

/// The columns of one record batch, in order.
class RecordBatch {
public:
    RecordBatch(const Message& message, std::string_view buffers, std::size_t rows)
        : body_(message.body), buffers_(buffers), rows_(rows) {}

    Result<> read(Column& column, Arena& arena) {
        auto validity = TRY(buffer());
        // None at all: no value is null.
        if (!validity.empty() && validity.size() * 8 < rows_)
            return malformed("a column has too few null bits");
        auto is_null = [&](std::size_t row) { return !validity.empty() && !bit_at(validity, row); };
        switch (column.type) {
            case TypeId::boolean: {
                auto bits = TRY(data(rows_ / 8 + (rows_ % 8 ? 1 : 0)));
                return append(column, is_null,
                              [&](std::size_t row) { column.append_integer(bit_at(bits, row)); });
            }
            case TypeId::int32:
            case TypeId::date: {
                auto values = TRY(data(rows_ * 4));
                return append(column, is_null, [&](std::size_t row) {
                    column.append_integer(value_at<std::int32_t>(values, row));
                });
            }
            case TypeId::int64:
            case TypeId::timestamp: {
                auto values = TRY(data(rows_ * 8));
                return append(column, is_null, [&](std::size_t row) {
                    column.append_integer(value_at<std::int64_t>(values, row));
                });
            }
            case TypeId::float64: {
                auto values = TRY(data(rows_ * 8));
                return append(column, is_null,
                              [&](std::size_t row) { column.append_float(value_at<double>(values, row)); });
            }
            case TypeId::string:
            case TypeId::binary:
            case TypeId::json:
                return read_strings(column, arena, is_null);
        }
        return {};
    }

private:
    Result<std::string_view> buffer() {
        if (next_ * 16 + 16 > buffers_.size()) return malformed("a column has no buffer");
        auto offset = value_at<std::int64_t>(buffers_, next_ * 2);
        auto length = value_at<std::int64_t>(buffers_, next_ * 2 + 1);
        ++next_;
        if (offset < 0 || length < 0 || std::size_t(offset) > body_.size() ||
            std::size_t(length) > body_.size() - std::size_t(offset))
            return malformed("a buffer lies outside of its message");
        return body_.substr(std::size_t(offset), std::size_t(length));
    }

    Result<std::string_view> data(std::size_t least) {
        auto out = TRY(buffer());
        if (out.size() < least) return malformed("a column has too few values");
        return out;
    }

    template <class IsNull, class Append>
    Result<> append(Column& column, IsNull is_null, Append append_value) {
        for (std::size_t row = 0; row < rows_; ++row) {
            if (is_null(row))
                column.append_null();
            else
                append_value(row);
        }
        return {};
    }

    template <class IsNull>
    Result<> read_strings(Column& column, Arena& arena, IsNull is_null) {
        auto offsets = TRY(data(rows_ == 0 ? 0 : (rows_ + 1) * 4));
        auto text = TRY(buffer());
        for (std::size_t row = 0; row < rows_; ++row) {
            if (is_null(row)) {
                column.append_null();
                continue;
            }
            auto begin = value_at<std::int32_t>(offsets, row);
            auto end = value_at<std::int32_t>(offsets, row + 1);
            if (begin < 0 || end < begin || std::size_t(end) > text.size())
                return malformed("a text lies outside of its column");
            column.append_string(arena.copy(text.substr(std::size_t(begin), std::size_t(end - begin))));
        }
        return {};
    }

    std::string_view body_;
    std::string_view buffers_;
    std::size_t rows_ = 0;
    std::size_t next_ = 0;
};

}  // namespace

Result<> append_arrow_rows(std::string_view stream, Batch& batch) {
    constexpr std::uint8_t record_batch = 3;
    auto arena = std::make_shared<Arena>();
    batch.keep_alive.push_back(arena);
    while (true) {
        auto message = TRY(next_message(stream));
        if (!message) return {};
        if (message->table.scalar<std::uint8_t>(1, 0) != record_batch) continue;
        auto head = message->table.table(2);
        if (!head) return malformed("a record batch has no head");
        if (head->table(3)) return malformed("they are compressed");
        auto rows = head->scalar<std::int64_t>(0, 0);
        auto buffers = head->structs(2, 16);
        if (rows < 0 || rows > max_rows || !buffers) return malformed("a record batch has no buffers");
        RecordBatch reader(*message, *buffers, std::size_t(rows));
        for (auto& column : batch.columns) TRY(reader.read(column, *arena));
        batch.rows += std::size_t(rows);
    }
}

}  // namespace penstock::stream
