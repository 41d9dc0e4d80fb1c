#include "orchestrate/ad_hoc.h"

#include <simdjson.h>

#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::orchestrate {

std::string ad_hoc_dag_name(std::string_view source_or_query) {
    return fmt::format("{}{}", ad_hoc_prefix, source_or_query);
}

bool is_ad_hoc(std::string_view dag) {
    return dag.starts_with(ad_hoc_prefix);
}

std::string ad_hoc_conf(const AdHocRun& run) {
    codec::JsonWriter json;
    json.begin_object().field("pipeline", run.pipeline).field("run", run.task.name);
    json.field("for", fmt::format("{}us", run.task.for_us)).field("allow_empty", run.task.allow_empty);
    return json.end_object().take();
}

Result<AdHocRun> ad_hoc_of(std::string_view conf) {
    simdjson::dom::parser parser;
    simdjson::dom::element value;
    std::string_view pipeline;
    std::string_view name;
    std::string_view duration;
    bool allow_empty = false;
    if (parser.parse(conf.data(), conf.size()).get(value) || value["pipeline"].get(pipeline) ||
        value["run"].get(name) || value["for"].get(duration) || value["allow_empty"].get(allow_empty)) {
        return fail(Errc::corrupt, "'{}' is not what the run of a source or query was asked with", conf);
    }
    return AdHocRun{std::string(pipeline),
                    {std::string(name), TRY(parse_duration_us(duration)), allow_empty}};
}

pipeline::DagSpec ad_hoc_dag(const AdHocRun& run) {
    pipeline::DagSpec dag;
    dag.name = ad_hoc_dag_name(run.task.name);
    auto& task = dag.tasks.emplace_back();
    task.name = ad_hoc_task;
    task.action = run.task;
    return dag;
}

}  // namespace penstock::orchestrate
