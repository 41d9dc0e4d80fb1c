// Spark Connect's calls that Penstock makes, as Results. The only files that see gRPC are this one's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stream/spark/connect.pb.h"
#include "stream/spark/spark_url.h"

namespace penstock::stream {

namespace connect = ::spark::connect;

/// One running query of Spark's Structured Streaming. run_id is another one after each start.
struct SparkStream {
    std::string id;
    std::string run_id;
    std::string name;
};

struct SparkStreamState {
    bool active = false;
    bool waiting_for_data = false;  ///< it looked, and nothing new was there
    std::string message;
};

/// A session of the server, made by its first use. Errors: Errc::unavailable when the server cannot be
/// reached, Errc::timeout when it does not answer, Errc::unauthorized, Errc::fenced when the session or
/// stream is not known there any more (the server has restarted or dropped it), Errc::invalid with Spark's
/// own words for everything that Spark refuses. Thread-safe.
class SparkSession {
public:
    virtual ~SparkSession() = default;

    virtual Result<std::string> version() = 0;
    virtual Result<> configure(const std::map<std::string, std::string>& settings) = 0;
    /// None when it is not set.
    virtual Result<std::optional<std::string>> setting(const std::string& name) = 0;
    /// The columns of a relation: a struct. Errors of names and types in its SQL are found here.
    virtual Result<connect::DataType> schema(const connect::Relation& relation) = 0;
    /// Replaces a view of that name, which is known to this session only.
    virtual Result<> create_view(std::string_view name, const connect::Relation& relation) = 0;
    /// Hands each batch of rows over, in Arrow's IPC stream format, until there is no more or handle fails.
    virtual Result<> collect(const connect::Relation& relation,
                             const std::function<Result<>(std::string_view arrow)>& handle) = 0;

    virtual Result<SparkStream> start(const connect::WriteStreamOperationStart& stream) = 0;
    virtual Result<std::vector<SparkStream>> active() = 0;
    virtual Result<SparkStreamState> state(const SparkStream& stream) = 0;
    /// Progress reports as JSON, oldest first: the last one, or about the last hundred.
    virtual Result<std::vector<std::string>> progress(const SparkStream& stream, bool recent) = 0;
    /// Why it ended; empty when it was stopped, or still runs.
    virtual Result<std::string> exception(const SparkStream& stream) = 0;
    /// Waits until it has ended.
    virtual Result<> stop(const SparkStream& stream) = 0;
    /// Cuts off the calls under way, from another thread; later ones are made.
    virtual void interrupt() = 0;
    /// Frees what the server keeps for the session. Its id cannot be used again.
    virtual Result<> release() = 0;
};

/// A connection that sessions share; it connects, and connects again, by itself.
class SparkServer {
public:
    virtual ~SparkServer() = default;
    /// id: a UUID.
    virtual std::unique_ptr<SparkSession> session(const std::string& id) = 0;
};

std::shared_ptr<SparkServer> connect_spark(const SparkUrl& url);

}  // namespace penstock::stream
