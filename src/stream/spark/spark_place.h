// Where Spark finds what stands around it: Kafka, Cassandra, a folder for checkpoints.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "stream/spark/spark_url.h"

namespace penstock::stream {

/// The addresses in Penstock's own settings: a seam's URL, or that of our own server.
struct SparkNeighbours {
    std::string kafka;        ///< kafka://host:port...
    std::string tables;       ///< cassandra://host:port...
    std::string checkpoints;  ///< a folder on this machine, for a Spark on this machine
};

struct SparkPlace {
    std::map<std::string, std::string> kafka;      ///< options of Kafka sources and sinks
    std::map<std::string, std::string> cassandra;  ///< spark.cassandra.*
    std::string checkpoints;
};

/// Errc::invalid when a folder for checkpoints must be named and is not: Spark is on another machine.
Result<SparkPlace> spark_place(const SparkUrl& url, const SparkNeighbours& neighbours);

}  // namespace penstock::stream
