// What the tasks of a DAG do: run a source or a query, SQL, an HTTP call. Success is what the log
// acknowledged.
#pragma once

#include "app/deployment.h"
#include "ingest/sources.h"
#include "orchestrate/scheduler.h"
#include "stream/engine.h"

namespace penstock::app {

/// Thread-safe; blocks the worker that calls it.
class PipelineTaskActions final : public orchestrate::TaskActions {
public:
    PipelineTaskActions(ingest::Sources& sources, stream::Engine& engine)
        : sources_(sources), engine_(engine) {}

    /// The deployment needs the scheduler, and the scheduler these actions: given after both are made.
    void use(const Deployment* deployment) { deployment_ = deployment; }

    Result<orchestrate::TaskOutcome> run(const pipeline::RunTask& task,
                                         const orchestrate::TaskContext& context) override;
    Result<orchestrate::TaskOutcome> sql(const pipeline::SqlTask& task,
                                         const orchestrate::TaskContext& context) override;
    Result<orchestrate::TaskOutcome> http(const pipeline::HttpTask& task,
                                          const orchestrate::TaskContext& context) override;
    Result<bool> condition(const pipeline::WaitTask& task, const orchestrate::TaskContext& context) override;

private:
    Result<orchestrate::TaskOutcome> run_source(const Deployment::FoundSource& source,
                                                const pipeline::RunTask& task,
                                                const orchestrate::TaskContext& context);
    Result<orchestrate::TaskOutcome> run_query(const Deployment::FoundQuery& query,
                                               const pipeline::RunTask& task,
                                               const orchestrate::TaskContext& context);

    ingest::Sources& sources_;
    stream::Engine& engine_;
    std::atomic<const Deployment*> deployment_ = nullptr;
};

}  // namespace penstock::app
