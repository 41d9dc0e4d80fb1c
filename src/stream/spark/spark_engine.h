// The engine seam on a real Apache Spark, by Spark Connect.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "broker/topics.h"
#include "store/tables.h"
#include "stream/engine.h"
#include "stream/native_engine.h"
#include "stream/spark/spark_place.h"

namespace penstock::stream {

/// url: sc://host:port/;name=value... as in docs/howto/spark.md; Errc::invalid when it is none. neighbours
/// tells, whenever a query starts, where Spark finds Kafka and Cassandra. topics, tables and clock live
/// longer than the engine; its destruction stops every query. It does not wait for Spark: queries do, each on
/// a thread of its own, and say so in their status.
///
/// What is different from the embedded engine is told in docs/sql.md, On Spark.
Result<std::unique_ptr<Engine>> make_spark_engine(broker::Topics& topics, store::Tables& tables,
                                                  const Clock& clock, const std::string& url,
                                                  std::function<SparkNeighbours()> neighbours,
                                                  const EngineOptions& options = {});

}  // namespace penstock::stream
