#include "store/file_tables.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/row_key.h"

namespace penstock::store {
namespace {

/// The least and the greatest table's id; the least is greater when there is none.
constexpr const char* property = "penstock.tables";

class Collector final : public rocksdb::TablePropertiesCollector {
public:
    const char* Name() const override { return "penstock.tables"; }
    rocksdb::Status AddUserKey(const rocksdb::Slice& key, const rocksdb::Slice&, rocksdb::EntryType,
                               rocksdb::SequenceNumber, std::uint64_t) override {
        if (key.size() < table_prefix_size || key[0] != table_tag) return rocksdb::Status::OK();
        auto table = load_big_endian<std::uint32_t>(key.data() + 1);
        least_ = std::min(least_, table);
        greatest_ = std::max(greatest_, table);
        return rocksdb::Status::OK();
    }
    rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
        std::string range;
        append_big_endian(range, least_);
        append_big_endian(range, greatest_);
        properties->insert_or_assign(property, std::move(range));
        return rocksdb::Status::OK();
    }
    rocksdb::UserCollectedProperties GetReadableProperties() const override {
        return {{property, std::to_string(least_) + " to " + std::to_string(greatest_)}};
    }

private:
    std::uint32_t least_ = UINT32_MAX, greatest_ = 0;
};

class Factory final : public rocksdb::TablePropertiesCollectorFactory {
public:
    const char* Name() const override { return "penstock.tables"; }
    rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
        return new Collector;
    }
};

}  // namespace

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> note_tables() {
    return std::make_shared<Factory>();
}

bool may_have_table(const rocksdb::TableProperties& file, std::uint32_t table) {
    // A deletion of a range reaches beyond the key that it is noted under.
    if (file.num_range_deletions > 0) return true;
    auto found = file.user_collected_properties.find(property);
    if (found == file.user_collected_properties.end() || found->second.size() != 8) return true;
    const auto* range = found->second.data();
    return table >= load_big_endian<std::uint32_t>(range) &&
           table <= load_big_endian<std::uint32_t>(range + 4);
}

}  // namespace penstock::store
