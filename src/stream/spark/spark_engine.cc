#include "stream/spark/spark_engine.h"

#include <map>
#include <mutex>

#include "base/log.h"
#include "stream/check.h"
#include "stream/exec/definition.h"
#include "stream/spark/spark_planning.h"
#include "stream/spark/spark_query.h"
#include "stream/spark/spark_select.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

namespace {

bool same_query(const pipeline::QuerySpec& a, const pipeline::QuerySpec& b) {
    if (a.sql.text != b.sql.text || a.into != b.into || a.partition_columns != b.partition_columns ||
        a.key.size() != b.key.size() || a.watermark.has_value() != b.watermark.has_value())
        return false;
    for (std::size_t i = 0; i < a.key.size(); ++i)
        if (a.key[i].column != b.key[i].column || a.key[i].descending != b.key[i].descending) return false;
    return !a.watermark ||
           (a.watermark->column == b.watermark->column && a.watermark->delay_us == b.watermark->delay_us);
}

bool same_topics(const std::vector<pipeline::TopicSpec>& a, const std::vector<pipeline::TopicSpec>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].name != b[i].name || a[i].format != b[i].format || a[i].schema.text != b[i].schema.text)
            return false;
    return true;
}

/// A relay belongs to who has the query that it is for.
EngineOptions for_relays(EngineOptions options) {
    if (!options.ownership) return options;
    auto& of_queries = *options.ownership;
    of_queries.epoch = [epoch = of_queries.epoch](std::string_view relay) {
        return epoch(relayed_query(relay));
    };
    if (of_queries.lost)
        of_queries.lost = [lost = of_queries.lost](std::string_view relay) { lost(relayed_query(relay)); };
    return options;
}

class SparkEngine final : public Engine {
public:
    SparkEngine(broker::Topics& topics, store::Tables& tables, const Clock& clock, SparkUrl url,
                std::function<SparkNeighbours()> neighbours, const EngineOptions& options)
        : embedded_(make_native_engine(topics, tables, clock, for_relays(options))),
          shared_{topics, tables, clock, options, url, std::move(neighbours), connect_spark(url), *embedded_},
          select_(shared_) {}

    ~SparkEngine() override { queries_.clear(); }

    std::string describe() const override {
        return fmt::format("Apache Spark at {}:{}", shared_.url.host, shared_.url.port);
    }

    std::vector<SqlError> check(const pipeline::QuerySpec& query,
                                const std::vector<pipeline::TopicSpec>& topics) override {
        auto problems = embedded_->check(query, topics);
        if (problems.empty()) return problems;
        // What the embedded engine does not offer, Spark may: joins, WITH, more functions. What is certainly
        // wrong on both is told at once; the rest when Spark has seen it.
        auto text = read_spark_text(query.sql.text, [&](const std::string& name) {
            return find_topic(topics, name) || shared_.topics.info(name).has_value();
        });
        if (!text) return {text.error()};
        if (text->topics.empty()) return problems;
        if (sql::parse_select(query.sql.text) && !is_offered_by_spark(problems.front())) return problems;
        return {};
    }

    Result<> start(std::string_view pipeline, const pipeline::QuerySpec& query,
                   const std::vector<pipeline::TopicSpec>& topics) override {
        auto problems = check(query, topics);
        if (!problems.empty())
            return fail(fmt::format("query {}", query.name), sql_error(problems.front(), query.sql.text));
        std::lock_guard starting(start_mutex_);
        select_.remember(topics);
        auto running = find(query.name);
        if (running && running->alive() && same_query(running->query(), query) &&
            same_topics(running->topics(), topics))
            return {};
        if (running) running->stop();
        auto next = std::make_shared<SparkQuery>(shared_, std::string(pipeline), query, topics);
        {
            std::lock_guard lock(mutex_);
            queries_[query.name] = next;
        }
        next->start();
        return {};
    }

    Result<> stop(std::string_view query) override {
        std::lock_guard starting(start_mutex_);
        if (auto running = find(query)) running->stop();
        return {};
    }

    std::vector<QueryStatus> status() override {
        std::vector<std::shared_ptr<SparkQuery>> queries;
        {
            std::lock_guard lock(mutex_);
            for (const auto& [name, query] : queries_) queries.push_back(query);
        }
        std::vector<QueryStatus> out;
        for (const auto& query : queries) out.push_back(query->status());
        return out;
    }

    Result<> wait_caught_up(std::string_view query, std::int64_t timeout_us) override {
        auto running = find(query);
        if (!running) return fail(Errc::not_found, "query {} does not run", query);
        return running->wait_caught_up(timeout_us);
    }

    Result<Batch> select(std::string_view sql) override {
        if (shared_.url.local_select || !TRY(select_.takes(sql))) return embedded_->select(sql);
        return select_.select(sql);
    }

    Result<Batch> preview(const pipeline::QuerySpec& query, const std::vector<pipeline::TopicSpec>& topics,
                          std::int64_t max_records) override {
        auto problems = check(query, topics);
        if (!problems.empty()) return fail(sql_error(problems.front(), query.sql.text));
        if (shared_.url.local_select) return embedded_->preview(query, topics, max_records);
        return select_.preview(query, topics, max_records);
    }

private:
    /// Names that are not there are wrong everywhere; functions and forms may be known to Spark alone.
    static bool is_offered_by_spark(const SqlError& problem) {
        for (auto wrong : {"unknown column", "unknown topic", "is not among the selected",
                           "key: ", "into: ", "two columns are called", "watermark: ", "is a table"})
            if (problem.text.find(wrong) != std::string::npos) return false;
        return true;
    }

    std::shared_ptr<SparkQuery> find(std::string_view query) {
        std::lock_guard lock(mutex_);
        auto found = queries_.find(query);
        return found == queries_.end() ? nullptr : found->second;
    }

    std::unique_ptr<Engine> embedded_;
    SparkShared shared_;
    SparkSelect select_;
    std::mutex start_mutex_;  ///< one start or stop at a time
    std::mutex mutex_;        ///< guards what is below
    std::map<std::string, std::shared_ptr<SparkQuery>, std::less<>> queries_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_spark_engine(broker::Topics& topics, store::Tables& tables,
                                                  const Clock& clock, const std::string& url,
                                                  std::function<SparkNeighbours()> neighbours,
                                                  const EngineOptions& options) {
    auto parsed = parse_spark_url(url);
    if (!parsed) return fail("--engine", std::move(parsed).error());
    return std::make_unique<SparkEngine>(topics, tables, clock, *parsed, std::move(neighbours), options);
}

}  // namespace penstock::stream
