#include "stream/spark/spark_select.h"

#include "codec/json_writer.h"
#include "stream/check.h"
#include "stream/exec/definition.h"
#include "stream/spark/spark_planning.h"
#include "stream/spark/spark_rows.h"

namespace penstock::stream {

/// A session that is nobody else's meanwhile.
class SparkSelect::Borrowed {
public:
    explicit Borrowed(SparkSelect& owner) : owner_(owner) {
        std::lock_guard lock(owner_.mutex_);
        if (!owner_.idle_.empty()) {
            session_ = std::move(owner_.idle_.back());
            owner_.idle_.pop_back();
        } else {
            session_ = owner_.shared_.server->session(
                uuid_of(fmt::format("select {} {}", owner_.shared_.clock.now_us(), ++owner_.sessions_)));
        }
    }
    ~Borrowed() {
        if (!session_) return;
        std::lock_guard lock(owner_.mutex_);
        owner_.idle_.push_back(std::move(session_));
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    SparkSession& operator*() { return *session_; }
    /// It is not there any more.
    void drop() { session_.reset(); }

private:
    SparkSelect& owner_;
    std::unique_ptr<SparkSession> session_;
};

void SparkSelect::remember(const std::vector<pipeline::TopicSpec>& topics) {
    std::lock_guard lock(mutex_);
    for (const auto& topic : topics) declared_.insert_or_assign(topic.name, topic);
}

Result<std::string> SparkSelect::version() {
    {
        std::lock_guard lock(mutex_);
        if (!version_.empty()) return version_;
    }
    Borrowed session(*this);
    auto version = TRY((*session).version());
    std::lock_guard lock(mutex_);
    version_ = version;
    return version;
}

Result<SparkText> SparkSelect::read(std::string_view sql) {
    auto text =
        read_spark_text(sql, [&](const std::string& name) { return shared_.topics.info(name).has_value(); });
    if (!text) return fail(sql_error(text.error(), sql));
    return std::move(*text);
}

Result<bool> SparkSelect::takes(std::string_view sql) {
    auto text = TRY(read(sql));
    if (!text.topics.empty() || (text.understood && text.alias.empty())) return true;
    return TRY(version()).starts_with("3.");
}

Result<std::vector<SparkInput>> SparkSelect::inputs(const SparkText& text, std::string_view sql,
                                                    const std::vector<pipeline::TopicSpec>& specs) {
    std::vector<SparkInput> out;
    for (const auto& name : text.topics) {
        auto info = TRY(shared_.topics.info(name));
        const auto* spec = find_topic(specs, name);
        auto columns = TRY(columns_of_topic(shared_.topics, info, spec, {}, shared_.options.sample_records,
                                            shared_.options.read_bytes));
        SparkInput input;
        input.relation.name = name;
        input.relation.format = spec ? spec->format : pipeline::Format::json;
        // As the embedded engine: records that are no JSON at all have one column, value.
        if (!columns.known && columns.seen > 0) {
            input.relation.format = pipeline::Format::text;
            columns.all.fields = {{"value", scalar_type(TypeId::string)}};
        }
        input.relation.columns = columns.all;
        input.relation.metadata = text.metadata;
        if (text.topics.size() == 1 && text.understood && input.relation.format == pipeline::Format::json) {
            RelationInfo relation;
            relation.kind = RelationInfo::Kind::topic;
            relation.name = name;
            relation.columns = columns.all;
            auto plan = plan_bounded(sql, relation);
            if (!plan && plan.error().text.starts_with("unknown column"))
                return fail(sql_error(plan.error(), sql));
            if (plan) input.relation.columns = spark_columns(columns.all, plan->scan, true);
        }
        input.info = std::move(info);
        out.push_back(std::move(input));
    }
    return out;
}

Result<Batch> SparkSelect::select(std::string_view sql) {
    auto text = TRY(read(sql));
    std::vector<pipeline::TopicSpec> specs;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, spec] : declared_) specs.push_back(spec);
    }
    return run(sql, TRY(inputs(text, sql, specs)), {});
}

Result<Batch> SparkSelect::preview(const pipeline::QuerySpec& query,
                                   const std::vector<pipeline::TopicSpec>& topics, std::int64_t max_records) {
    auto text = TRY(read(query.sql.text));
    auto read = TRY(inputs(text, query.sql.text, topics));
    std::map<std::string, OffsetRange> ranges;
    for (const auto& input : read) {
        const auto& partitions = input.info.partitions;
        auto share = std::max<std::int64_t>(
            1, max_records / std::max<std::int64_t>(1, std::int64_t(partitions.size())));
        std::string from, to;
        for (std::size_t i = 0; i < partitions.size(); ++i) {
            auto start = std::max(partitions[i].start_offset, partitions[i].end_offset - share);
            from += fmt::format("{}\"{}\":{}", i ? "," : "", i, start);
            to += fmt::format("{}\"{}\":{}", i ? "," : "", i, partitions[i].end_offset);
        }
        std::string name;
        codec::append_json_string(name, input.relation.name);
        ranges[input.relation.name] = {fmt::format("{{{}:{{{}}}}}", name, from),
                                       fmt::format("{{{}:{{{}}}}}", name, to)};
    }
    return run(query.sql.text, read, ranges);
}

Result<Batch> SparkSelect::run(std::string_view sql, const std::vector<SparkInput>& inputs,
                               const std::map<std::string, OffsetRange>& ranges) {
    auto place = TRY(spark_place(shared_.url, shared_.neighbours()));
    auto settings = session_settings(shared_.url, place);
    if (TRY(version()).starts_with("3.")) settings["spark.sql.defaultCatalog"] = "penstock";
    Borrowed session(*this);
    auto answer = [&]() -> Result<Batch> {
        TRY((*session).configure(settings));
        TRY(create_input_views(*session, inputs, place, "penstock-select", 0, std::nullopt, &ranges));
        auto query = sql_relation(std::string(sql));
        auto row = (*session).schema(query);
        if (!row && row.error().code == Errc::invalid)
            return fail(sql_error(spark_sql_error(row.error().text), sql));
        if (!row) return fail(std::move(row).error());
        auto columns = spark_columns_of(*row);
        // Rows that need no cast are taken as they are: two of their columns may have one name.
        connect::Relation rows = query;
        bool is_plain = true;
        Schema schema;
        for (const auto& column : columns) {
            schema.push_back({column.name, column.type()});
            is_plain = is_plain && column.kind < SparkColumn::Kind::nested;
        }
        if (!is_plain) {
            TRY((*session).create_view(rows_view, query));
            rows = sql_relation(bounded_rows_sql(columns, rows_view));
        }
        auto batch = make_batch(schema);
        TRY((*session).collect(rows, [&](std::string_view arrow) -> Result<> {
            TRY(append_arrow_rows(arrow, batch));
            if (batch.rows > shared_.options.select_max_rows)
                return fail(Errc::full, "the result has more than {} rows; add LIMIT or a condition",
                            shared_.options.select_max_rows);
            return {};
        }));
        return batch;
    };
    auto result = answer();
    if (!result && result.error().code == Errc::fenced) session.drop();
    if (!result && result.error().code == Errc::invalid && result.error().text.find("line ") != 0)
        return fail(Errc::invalid, "{}", spark_reason(result.error().text));
    return result;
}

}  // namespace penstock::stream
