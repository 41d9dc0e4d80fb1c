// One run of a source: continuous until it is stopped, or bounded for a task.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "ingest/run_control.h"
#include "ingest/sources.h"
#include "ingest/topic_writer.h"

namespace penstock::ingest {

/// What a run is given.
struct RunSetting {
    broker::Topics& topics;
    Replicas& replicas;
    pipeline::SourceSpec spec;
    /// A bounded run gives up after the spec's retries, and ends when there is nothing more for now.
    bool bounded = false;
    std::int64_t for_us = 0;
    std::string run_id;
    std::function<bool()> cancelled;
    registry::Schemas* schemas =
        nullptr;  ///< for topics whose records have a schema; null: there is no registry
    const SourceOwnership* ownership = nullptr;  ///< null: nobody else can run the source
};

/// run() on a thread that may block; stop() and status() from any.
class SourceRun {
public:
    explicit SourceRun(RunSetting setting);
    virtual ~SourceRun() = default;
    SourceRun(const SourceRun&) = delete;
    SourceRun& operator=(const SourceRun&) = delete;

    /// What can be known to be wrong before it runs: Errc::invalid.
    virtual Result<> check() = 0;
    /// Until it has finished, fails, or is stopped. Whatever the log has acknowledged is counted.
    void run();
    void stop() { control_.stop(); }
    SourceStatus status() const;
    /// Why it ended; nothing while it runs, or when it was not for an error.
    std::optional<Error> failure() const;
    bool ended() const;
    /// Whether the log keeps how far in its input this source is: then only one run at a time makes sense.
    virtual bool has_position() const { return false; }

protected:
    /// The source's own loop. Ends soon after control().ending().
    virtual Result<> loop() = 0;

    RunControl& control() { return control_; }
    LiveCounts& counts() { return *counts_; }
    TopicWriter& writer() { return writer_; }
    const RunSetting& setting() const { return setting_; }
    const pipeline::SourceSpec& spec() const { return setting_.spec; }
    /// A task's run of a source without a position goes on beside the continuous one.
    std::string producer() const {
        bool is_beside = setting_.bounded && !has_position();
        return (is_beside ? "task:" : "source:") + spec().name;
    }

    void show(SourceState state, std::string detail = {});
    void show_endpoint(std::string endpoint, bool replica);
    /// Sends a page once the one before it is acknowledged; a page's bytes stay in use until settle_all().
    Result<> send(std::unique_ptr<OutgoingPage> page, InputCursor* cursor);
    /// A page whose bytes are no longer in use, or a new one.
    std::unique_ptr<OutgoingPage> new_page();
    /// A page that is not sent after all.
    void give_back(std::unique_ptr<OutgoingPage> page) { spare_ = std::move(page); }
    Result<> settle_all();
    /// writer().cursor(); a continuous run waits for a log that is away.
    Result<InputCursor> cursor_of(const std::string& producer);

private:
    Result<> settle_previous();
    Result<> take_ownership();

    RunSetting setting_;
    std::int64_t epoch_ = 0;  ///< of our right to run it
    RunControl control_;
    std::shared_ptr<LiveCounts> counts_;
    TopicWriter writer_;
    std::unique_ptr<OutgoingPage> in_flight_;
    InputCursor* in_flight_cursor_ = nullptr;
    std::unique_ptr<OutgoingPage> spare_;

    mutable std::mutex mutex_;  // guards what follows
    SourceStatus status_;
    std::optional<Error> failure_;
    bool ended_ = false;
};

/// The run that fits the spec's kind; null for a webhook, which has none.
std::unique_ptr<SourceRun> make_source_run(RunSetting setting);
std::unique_ptr<SourceRun> make_http_run(RunSetting setting);
std::unique_ptr<SourceRun> make_file_run(RunSetting setting);

std::string_view kind_of(const pipeline::SourceSpec& spec);

/// What writes the source's records as its topic's format says; null: as they are.
std::shared_ptr<registry::TopicEncoder> encoder_of(registry::Schemas* schemas,
                                                   const pipeline::SourceSpec& spec);

}  // namespace penstock::ingest
