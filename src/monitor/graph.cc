// A pipeline as nodes and edges, with what is known of each now.
#include <algorithm>
#include <set>

#include "base/units.h"
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

constexpr std::string_view topic_prefix = "topic:";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/// Whether name stands in the SQL as a word. Only for queries that no engine has bound yet.
bool mentions(std::string_view sql, std::string_view name) {
    for (auto at = sql.find(name); at != std::string_view::npos; at = sql.find(name, at + 1)) {
        const auto end = at + name.size();
        if ((at == 0 || !is_name_character(sql[at - 1])) &&
            (end == sql.size() || !is_name_character(sql[end]))) {
            return true;
        }
    }
    return false;
}

struct Edge {
    std::string from;
    std::string to;
    std::optional<double> rate;  ///< none: not known for this edge alone
    bool control = false;        ///< a DAG's hold on what it runs; no records flow there
};

class GraphWriter {
public:
    GraphWriter(JsonWriter& json, const Snapshot& now, const pipeline::Pipeline& pipeline)
        : json_(json), now_(now), pipeline_(pipeline) {}

    void write() {
        json_.begin_object().key("nodes").begin_array();
        for (const auto& source : pipeline_.sources) write_source_node(source);
        for (const auto& query : pipeline_.queries) find_edges(query);
        for (const auto& topic : topics()) write_topic_node(topic);
        for (const auto& query : pipeline_.queries) write_query_node(query);
        for (const auto& table : tables_) write_table_node(table);
        for (const auto& dag : pipeline_.dags) write_dag_node(dag);
        json_.end_array().key("edges").begin_array();
        for (const auto& edge : edges_) {
            json_.begin_object().field("from", edge.from).field("to", edge.to);
            if (edge.rate)
                json_.field("rate", *edge.rate);
            else
                json_.null_field("rate");
            json_.field("control", edge.control).end_object();
        }
        json_.end_array().end_object();
    }

private:
    template <class Statuses>
    static auto find(const Statuses& all, const std::string& name) -> decltype(all.data()) {
        const auto found = std::ranges::find_if(all, [&](auto& one) { return one.name == name; });
        return found == all.end() ? nullptr : &*found;
    }
    const broker::TopicInfo* topic_info(const std::string& name) const {
        const auto found =
            std::ranges::find_if(now_.topics, [&](auto& topic) { return topic.spec.name == name; });
        return found == now_.topics.end() ? nullptr : &*found;
    }
    /// Opens the node's object.
    void begin_node(std::string_view kind, const std::string& name, std::string_view state,
                    std::string_view detail) {
        json_.begin_object().field("id", fmt::format("{}:{}", kind, name));
        json_.field("kind", kind).field("name", name).field("state", state);
        json_.field("detail", detail);
    }

    std::set<std::string> topics() const {
        std::set<std::string> names = read_topics_;
        for (const auto& topic : pipeline_.topics) names.insert(topic.name);
        for (const auto& source : pipeline_.sources) {
            if (!source.topic.empty()) names.insert(source.topic);
        }
        return names;
    }

    void find_edges(const pipeline::QuerySpec& query) {
        const auto* status = find(now_.queries, query.name);
        const auto id = "query:" + query.name;
        std::vector<std::string> reads;
        if (status != nullptr) reads = status->reads;
        if (reads.empty()) {
            for (const auto& name : topics()) {
                if (mentions(query.sql.text, name)) reads.push_back(name);
            }
        }
        for (const auto& topic : reads) {
            read_topics_.insert(topic);
            std::optional<double> rate;
            if (reads.size() == 1) rate = now_.rate("query", query.name, "processed");
            edges_.push_back({"topic:" + topic, id, rate});
        }
        for (const auto& other : pipeline_.queries) {
            if (other.name == query.name || other.into.starts_with(topic_prefix)) continue;
            if (!other.into.empty() && mentions(query.sql.text, other.into)) {
                edges_.push_back({"table:" + other.into, id, std::nullopt});
            }
        }
        if (query.into.empty()) return;
        const auto stored = now_.rate("query", query.name, "stored");
        if (query.into.starts_with(topic_prefix)) {
            read_topics_.insert(query.into.substr(topic_prefix.size()));
            edges_.push_back({id, query.into, stored});
        } else {
            tables_.insert(query.into);
            table_rates_[query.into] += stored;
            edges_.push_back({id, "table:" + query.into, stored});
        }
    }

    void write_source_node(const pipeline::SourceSpec& source) {
        const auto* status = find(now_.sources, source.name);
        begin_node("source", source.name, status ? to_string(status->state) : "stopped",
                   status ? status->detail : "");
        static const ingest::SourceCounts none;
        const auto& counts = status ? status->counts : none;
        json_.field("type", status ? status->kind : "");
        json_.field("endpoint", status ? status->endpoint : "");
        json_.field("replica", status != nullptr && status->replica);
        json_.key("rates").begin_object();
        for (const auto* name : {"fetched", "acknowledged", "rejected"}) {
            json_.field(name, now_.rate("source", source.name, name));
        }
        json_.end_object().key("counts").begin_object();
        json_.field("fetched", counts.fetched).field("acknowledged", counts.acknowledged);
        json_.field("rejected", counts.rejected).field("requests", counts.requests);
        json_.field("failures", counts.failures).end_object().end_object();
        if (!source.topic.empty()) {
            edges_.push_back({"source:" + source.name, "topic:" + source.topic,
                              now_.rate("source", source.name, "acknowledged")});
        }
    }

    void write_topic_node(const std::string& name) {
        const auto* info = topic_info(name);
        begin_node("topic", name, info ? "ready" : "missing",
                   info ? "" : "is created when something writes it");
        json_.key("rates").begin_object();
        json_.field("appended", now_.rate("topic", name, "appended")).end_object();
        std::int64_t records = 0;
        std::int64_t bytes = 0;
        std::size_t partitions = 0;
        if (info != nullptr) {
            partitions = info->partitions.size();
            for (const auto& partition : info->partitions) {
                records += partition.end_offset - partition.start_offset;
                bytes += partition.bytes;
            }
        }
        json_.key("counts").begin_object().field("records", records).field("bytes", bytes);
        json_.field("partitions", partitions).end_object().end_object();
    }

    void write_query_node(const pipeline::QuerySpec& query) {
        const auto* status = find(now_.queries, query.name);
        static const stream::QueryStatus none;
        const auto& counts = status ? *status : none;
        begin_node("query", query.name, to_string(counts.state), counts.detail);
        json_.key("rates").begin_object();
        for (const auto* name : {"processed", "stored", "rejected"}) {
            json_.field(name, now_.rate("query", query.name, name));
        }
        json_.end_object().key("counts").begin_object();
        json_.field("processed", counts.processed).field("stored", counts.stored);
        json_.field("rejected", counts.rejected).field("late", counts.late);
        json_.field("lag", counts.lag).end_object().end_object();
    }

    void write_table_node(const std::string& name) {
        const auto found = std::ranges::find_if(now_.tables, [&](auto& table) {
            return table.keyspace.size() + 1 + table.name.size() == name.size() &&
                   name.starts_with(table.keyspace) && name.ends_with(table.name);
        });
        const bool exists = found != now_.tables.end();
        begin_node("table", name, exists ? "ready" : "missing",
                   exists ? "" : "is created when its query starts");
        json_.key("rates").begin_object().field("stored", table_rates_[name]).end_object();
        json_.key("counts").begin_object();
        json_.field("rows_estimate", exists ? found->rows_estimate : 0);
        json_.field("bytes", exists ? found->bytes : 0).end_object().end_object();
    }

    void write_dag_node(const pipeline::DagSpec& dag) {
        const auto* status = find(now_.dags, dag.name);
        const auto last = now_.last_runs.find(dag.name);
        std::string_view state = "idle";
        if (status != nullptr && status->paused)
            state = "paused";
        else if (last != now_.last_runs.end())
            state = to_string(last->second.state);
        begin_node("dag", dag.name, state, dag.schedule.empty() ? "by hand" : dag.schedule);
        json_.key("rates").begin_object().end_object();
        json_.key("counts").begin_object().field("tasks", dag.tasks.size());
        json_.end_object().end_object();
        std::set<std::string> runs;
        for (const auto& task : dag.tasks) {
            if (const auto* run = std::get_if<pipeline::RunTask>(&task.action)) {
                runs.insert(run->name);
            }
        }
        for (const auto& name : runs) {
            const bool source = find(pipeline_.sources, name) != nullptr;
            edges_.push_back({"dag:" + dag.name, (source ? "source:" : "query:") + name, std::nullopt, true});
        }
    }

    JsonWriter& json_;
    const Snapshot& now_;
    const pipeline::Pipeline& pipeline_;
    std::set<std::string> read_topics_;  ///< beyond those that the file declares
    std::set<std::string> tables_;
    std::map<std::string, double> table_rates_;
    std::vector<Edge> edges_;
};

}  // namespace

void write_graph(JsonWriter& json, const Snapshot& snapshot, const pipeline::Pipeline& pipeline) {
    GraphWriter(json, snapshot, pipeline).write();
}

}  // namespace penstock::monitor
