// A webhook source: what is posted to its path becomes records.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "ingest/sources.h"
#include "ingest/topic_writer.h"

namespace penstock::ingest {

/// Thread-safe.
class Webhook : public std::enable_shared_from_this<Webhook> {
public:
    Webhook(broker::Topics& topics, pipeline::SourceSpec spec,
            std::shared_ptr<registry::TopicEncoder> encoder = nullptr);

    /// Resolves ${NAME} in the token. Errc::invalid.
    Result<> check();
    const std::string& path() const { return path_; }  ///< without slashes around it

    /// Appends the body's records: one object, an array of them (at `records`, when set), or one in each
    /// line. done is called once, when the log has acknowledged all. Errc::unauthorized, Errc::invalid,
    /// Errc::full when more than max_bytes_in_flight are on their way already.
    void post(std::string_view authorization, std::string_view body,
              std::function<void(Result<SourceCounts>)> done);
    void stop();
    SourceStatus status() const;

    static constexpr std::int64_t max_bytes_in_flight = 64 * 1024 * 1024;

private:
    struct Post;
    Result<> accept(const std::shared_ptr<Post>& post);
    void send(const std::shared_ptr<Post>& post);

    broker::Topics& topics_;
    const pipeline::SourceSpec spec_;
    const pipeline::WebhookSource hook_;
    const std::shared_ptr<registry::TopicEncoder> encoder_;
    std::string path_;
    std::string token_;
    std::shared_ptr<LiveCounts> counts_;
    std::atomic<std::int64_t> bytes_in_flight_{0};
    std::atomic<std::int64_t> posts_{0};
    mutable std::mutex mutex_;  // guards what follows
    bool stopped_ = false;
    std::string detail_;
};

/// Whether the header is "Bearer <token>", in a time that does not depend on where they differ.
bool is_bearer(std::string_view authorization, std::string_view token);

}  // namespace penstock::ingest
