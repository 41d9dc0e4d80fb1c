#include "stream/spark/spark_progress.h"

#include <simdjson.h>

#include "base/units.h"
#include "stream/expr/datetime.h"

namespace penstock::stream {

namespace {

using simdjson::dom::element;

std::int64_t number(const element& object, const char* name, std::int64_t otherwise) {
    std::int64_t value = 0;
    if (object[name].get(value) != simdjson::SUCCESS) return otherwise;
    return value;
}

std::string text(const element& object, const char* name) {
    std::string_view value;
    if (object[name].get(value) != simdjson::SUCCESS) return {};
    return std::string(value);
}

std::int64_t time_of(const std::string& text, std::int64_t otherwise) {
    return parse_timestamp(text).value_or(otherwise);
}

void offsets(const element& topics,
             std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>>& into) {
    simdjson::dom::object object;
    if (topics.get(object) != simdjson::SUCCESS) return;
    for (auto topic : object) {
        simdjson::dom::object partitions;
        if (topic.value.get(partitions) != simdjson::SUCCESS) continue;
        for (auto partition : partitions) {
            std::int64_t offset = 0;
            auto index = parse_int(partition.key);
            if (!index || *index < 0 || *index > INT32_MAX ||
                partition.value.get(offset) != simdjson::SUCCESS)
                continue;
            into[std::string(topic.key)][std::int32_t(*index)] = offset;
        }
    }
}

}  // namespace

Result<SparkProgress> parse_spark_progress(std::string_view json) {
    simdjson::dom::parser parser;
    element document;
    if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS || !document.is_object())
        return fail(Errc::invalid, "Spark's progress report is not a JSON object");
    SparkProgress out;
    out.run_id = text(document, "runId");
    out.batch = number(document, "batchId", -1);
    out.time_us = time_of(text(document, "timestamp"), 0);
    out.duration_us = std::max<std::int64_t>(0, number(document, "batchDuration", 0));
    if (out.duration_us < INT64_MAX / 1000) out.duration_us *= 1000;
    element event_time;
    if (document["eventTime"].get(event_time) == simdjson::SUCCESS)
        out.watermark_us = time_of(text(event_time, "watermark"), INT64_MIN);
    // Until Spark has seen a time, its watermark is the epoch.
    if (out.watermark_us == 0) out.watermark_us = INT64_MIN;
    simdjson::dom::array list;
    if (document["sources"].get(list) == simdjson::SUCCESS) {
        for (auto source : list) {
            out.input_rows += std::max<std::int64_t>(0, number(source, "numInputRows", 0));
            element end;
            if (source["endOffset"].get(end) != simdjson::SUCCESS) continue;
            std::string_view as_text;
            simdjson::dom::parser inner;
            element offsets_document;
            if (end.get(as_text) != simdjson::SUCCESS)
                offsets(end, out.ends);
            else if (inner.parse(as_text.data(), as_text.size()).get(offsets_document) == simdjson::SUCCESS)
                offsets(offsets_document, out.ends);
        }
    }
    if (document["stateOperators"].get(list) == simdjson::SUCCESS)
        for (auto state : list)
            out.late_rows += std::max<std::int64_t>(0, number(state, "numRowsDroppedByWatermark", 0));
    // Spark gives it the number of the batch to come, which that one's report has again.
    element durations, adding;
    out.is_idle = out.input_rows == 0 && document["durationMs"].get(durations) == simdjson::SUCCESS &&
                  durations["addBatch"].get(adding) != simdjson::SUCCESS;
    if (out.is_idle) --out.batch;
    element sink;
    if (document["sink"].get(sink) == simdjson::SUCCESS) out.output_rows = number(sink, "numOutputRows", -1);
    return out;
}

}  // namespace penstock::stream
