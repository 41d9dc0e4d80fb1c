#include "stream/spark/spark_memory.h"

#include "stream/exec/state_codec.h"

namespace penstock::stream {

namespace {

constexpr std::string_view magic = "PSSM1";

/// Apart from the checkpoint that the embedded engine keeps for a query of that name.
std::string key_of(std::string_view query) {
    return fmt::format("{}@spark", query);
}

}  // namespace

std::string encode(const SparkMemory& memory) {
    StateEncoder out;
    out.text(magic);
    out.text(memory.place);
    out.integer(memory.first_us);
    out.integer(std::int64_t(memory.topics.size()));
    for (const auto& [name, topic] : memory.topics) {
        out.text(name);
        out.text(topic.id);
        out.text(topic.schema);
    }
    return out.take();
}

Result<SparkMemory> decode_spark_memory(std::string_view bytes) {
    StateDecoder in(bytes);
    SparkMemory memory;
    if (in.text() != magic)
        return fail(Errc::corrupt, "what was kept of a query on Spark is of another form");
    memory.place = in.text();
    memory.first_us = in.integer();
    auto count = in.integer();
    for (std::int64_t i = 0; i < count && in.ok(); ++i) {
        std::string name(in.text());
        auto& topic = memory.topics[name];
        topic.id = in.text();
        topic.schema = in.text();
    }
    if (!in.ok()) return fail(Errc::corrupt, "what was kept of a query on Spark ends early");
    return memory;
}

Result<SparkMemory> load_spark_memory(store::Tables& tables, std::string_view query) {
    auto bytes = TRY(tables.checkpoint(key_of(query)));
    if (bytes.empty()) return SparkMemory();
    return decode_spark_memory(bytes);
}

Result<> save_spark_memory(store::Tables& tables, std::string_view query, const SparkMemory& memory) {
    auto key = key_of(query);
    store::Commit commit;
    commit.query = key;
    commit.checkpoint = encode(memory);
    TRY(tables.commit(commit));
    // Not with the next flush: what Spark does from now on rests on it.
    return tables.flush();
}

}  // namespace penstock::stream
