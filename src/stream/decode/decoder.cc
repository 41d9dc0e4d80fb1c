#include "stream/decode/decoder.h"

#include "stream/decode/json_columns.h"

namespace penstock::stream {

namespace {

class RecordDecoder final : public Decoder {
public:
    RecordDecoder(const QueryPlan& plan, bool strict)
        : scan_(plan.scan),
          json_(plan.scan, plan.relation.columns, strict),
          reads_json_(plan.relation.format == pipeline::Format::json && !json_.empty()) {}

    void decode(std::span<const broker::Record> records, std::int32_t partition, Arena& arena, Batch& batch,
                std::vector<std::uint32_t>& origins, std::vector<Misfit>& misfits) override {
        slots_.clear();
        for (auto& column : batch.columns) slots_.push_back(open_slot(column, records.size()));
        std::size_t row = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            const auto& record = records[i];
            if (reads_json_ && !decode_json(record, row, arena)) {
                misfits.push_back({i, why_.reason, why_.other_type, why_.path});
                for (auto& slot : slots_) slot.clear(row);
                continue;
            }
            set_meta(record, partition, row, arena);
            origins.push_back(std::uint32_t(i));
            ++row;
        }
        for (auto& column : batch.columns) close_slot(column, row);
        batch.rows = row;
    }

private:
    bool decode_json(const broker::Record& record, std::size_t row, Arena& arena) {
        if (!record.value) {
            why_ = {"the record has no value", false, {}};
            return false;
        }
        if (json_.decode(*record.value, slots_, row, arena)) return true;
        why_ = json_.why();
        return false;
    }

    void set_meta(const broker::Record& record, std::int32_t partition, std::size_t row, Arena& arena) {
        for (std::size_t i = 0; i < scan_.size(); ++i) {
            switch (scan_[i].source) {
                case ColumnSource::payload:
                case ColumnSource::table:
                    break;
                case ColumnSource::whole_value:
                    if (record.value) slots_[i].set(row, *record.value);
                    break;
                case ColumnSource::key:
                    if (record.key) slots_[i].set(row, *record.key);
                    break;
                case ColumnSource::partition:
                    slots_[i].set(row, std::int64_t(partition));
                    break;
                case ColumnSource::offset:
                    slots_[i].set(row, record.offset);
                    break;
                case ColumnSource::timestamp:
                    slots_[i].set(row, record.timestamp_ms * 1000);
                    break;
                case ColumnSource::headers:
                    slots_[i].set(row, headers_json(record, arena));
                    break;
            }
        }
    }

    static std::string_view headers_json(const broker::Record& record, Arena& arena) {
        std::string json = "[";
        for (const auto& header : broker::decode_headers(record.headers)) {
            json += json.size() > 1 ? ",{\"key\":" : "{\"key\":";
            append_json_string(json, header.name);
            json += ",\"value\":";
            append_json_string(json, header.value);
            json += '}';
        }
        return arena.copy(json + "]");
    }

    std::vector<ScanColumn> scan_;
    JsonColumns json_;
    bool reads_json_;
    std::vector<Slot> slots_;
    JsonColumns::Failure why_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const QueryPlan& plan, bool strict) {
    return std::make_unique<RecordDecoder>(plan, strict);
}

}  // namespace penstock::stream
