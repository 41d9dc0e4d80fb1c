// The setting --engine sc://...: where Spark Connect is, and how the queries run there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/service_url.h"

namespace penstock::stream {

/// How a query's rows get into a table.
enum class SparkTables {
    connector,  ///< by the Spark Cassandra connector, where it can; else as relay
    relay,      ///< by a topic that Spark writes and Penstock puts into the table
};

/// sc://host:port/;name=value;... as Spark's own clients write it. Values are percent-decoded, ${NAME} comes
/// from the environment.
struct SparkUrl {
    std::string host;
    std::uint16_t port = 15002;
    bool use_ssl = false;
    std::string token;
    std::string user_id = "penstock";

    std::string checkpoints;  ///< a folder as the cluster sees it: /mnt/x, hdfs://..., s3a://...
    std::string kafka;        ///< bootstrap servers as the cluster sees them; empty: as Penstock does
    std::string cassandra;    ///< host:port as the cluster sees it; empty: as Penstock does
    std::string trigger;      ///< pause between micro-batches, as Spark writes it ("5 seconds"); empty: none
    std::int64_t max_offsets = 0;  ///< records in a micro-batch; 0: all there are
    bool dead_letters = true;      ///< a second query keeps the records that do not fit
    std::optional<SparkTables>
        tables;                 ///< none: connector on Spark 3, relay on Spark 4, which has no connector
    bool local_select = false;  ///< bounded SELECTs are answered by the embedded engine
    std::map<std::string, std::string> spark;  ///< spark.*: settings of the sessions
    std::map<std::string, std::string>
        kafka_options;  ///< kafka.*: options of Kafka's consumers and producers
};

/// Errc::invalid, with the URL masked, that names the option and what was expected.
Result<SparkUrl> parse_spark_url(std::string_view text,
                                 const Environment& environment = environment_variable);

}  // namespace penstock::stream
