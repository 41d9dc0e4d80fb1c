#include "ingest/source_run.h"

#include "base/log.h"

namespace penstock::ingest {

std::string_view to_string(SourceState state) {
    switch (state) {
        case SourceState::waiting:
            return "waiting";
        case SourceState::running:
            return "running";
        case SourceState::backing_off:
            return "backing_off";
        case SourceState::circuit_open:
            return "circuit_open";
        case SourceState::stopped:
            return "stopped";
        case SourceState::finished:
            return "finished";
        case SourceState::failed:
            return "failed";
    }
    return "";
}

std::string_view kind_of(const pipeline::SourceSpec& spec) {
    if (std::holds_alternative<pipeline::HttpSource>(spec.input)) return "http";
    if (std::holds_alternative<pipeline::FileSource>(spec.input)) return "file";
    return "webhook";
}

std::unique_ptr<SourceRun> make_source_run(RunSetting setting) {
    if (std::holds_alternative<pipeline::HttpSource>(setting.spec.input))
        return make_http_run(std::move(setting));
    if (std::holds_alternative<pipeline::FileSource>(setting.spec.input))
        return make_file_run(std::move(setting));
    return nullptr;
}

std::shared_ptr<registry::TopicEncoder> encoder_of(registry::Schemas* schemas,
                                                   const pipeline::SourceSpec& spec) {
    if (!spec.encoded_topic) return nullptr;
    return registry::make_topic_encoder(schemas, *spec.encoded_topic, spec.encoded_schema);
}

SourceRun::SourceRun(RunSetting setting)
    : setting_(std::move(setting)),
      control_(setting_.for_us, setting_.cancelled),
      counts_(std::make_shared<LiveCounts>()),
      writer_(setting_.topics, setting_.spec.name, setting_.spec.topic, counts_,
              encoder_of(setting_.schemas, setting_.spec)) {
    status_.name = setting_.spec.name;
    status_.kind = kind_of(setting_.spec);
    status_.topic = setting_.spec.topic;
    status_.state = SourceState::waiting;
}

/// From now on nothing is written once the right is gone, as far as this process knows.
Result<> SourceRun::take_ownership() {
    if (!setting_.ownership) return {};
    auto epoch = setting_.ownership->epoch(spec().name);
    if (!epoch) return fail(Errc::fenced, "another process runs it");
    epoch_ = *epoch;
    writer_.set_right([this]() -> Result<> {
        if (setting_.ownership->epoch(spec().name) == epoch_) return {};
        return fail(Errc::fenced, "it is no longer this process's to run");
    });
    return {};
}

void SourceRun::run() {
    auto result = take_ownership();
    if (result) result = writer_.open();
    // The log may not be ready, or full: a continuous source waits for it.
    for (int i = 0; !result && result.error().code != Errc::fenced && !setting_.bounded && !control_.ending();
         ++i) {
        show(SourceState::backing_off, result.error().text);
        control_.wait_us(std::min(200'000LL << std::min(i, 5), 5'000'000LL));
        result = writer_.open();
    }
    if (result) {
        show(SourceState::running);
        try {
            result = loop();
            auto settled = settle_all();
            if (result) result = std::move(settled);
        } catch (
            const std::exception& e) {  // of a library, or no memory: this source's end, and nobody else's
            result = fail(Errc::internal, "{}", e.what());
        }
    }
    spare_.reset();  // the status is asked for long after, the memory is not
    bool asked = control_.stopped();
    if (!result && (asked || result.error().code == Errc::cancelled)) result = {};
    bool is_lost = !result && result.error().code == Errc::fenced;
    if (is_lost) {
        log::warn("source {}: given up: {}", spec().name, result.error().text);
        show(SourceState::stopped, result.error().text);
    } else if (!result) {
        log::error("source {}: {}", spec().name, result.error().text);
        show(SourceState::failed, result.error().text);
    } else {
        std::lock_guard lock(mutex_);
        status_.state = asked ? SourceState::stopped : SourceState::finished;
        if (!status_.replica) status_.detail.clear();
    }
    {
        std::lock_guard lock(mutex_);
        if (!result) failure_ = std::move(result.error());
        ended_ = true;
    }
    if (is_lost && setting_.ownership && !setting_.bounded) setting_.ownership->lost(spec().name);
}

SourceStatus SourceRun::status() const {
    std::lock_guard lock(mutex_);
    auto status = status_;
    status.counts = counts_->read();
    if (status.detail.empty()) status.detail = counts_->last_reject(status.topic);
    return status;
}

std::optional<Error> SourceRun::failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
}

bool SourceRun::ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
}

void SourceRun::show(SourceState state, std::string detail) {
    std::lock_guard lock(mutex_);
    status_.state = state;
    status_.detail = std::move(detail);
}

void SourceRun::show_endpoint(std::string endpoint, bool replica) {
    std::lock_guard lock(mutex_);
    status_.endpoint = std::move(endpoint);
    status_.replica = replica;
}

std::unique_ptr<OutgoingPage> SourceRun::new_page() {
    auto page = std::move(spare_);
    if (!page) page = std::make_unique<OutgoingPage>();
    page->run_id = setting_.run_id;
    return page;
}

Result<> SourceRun::settle_previous() {
    if (!in_flight_) return {};
    auto settled = writer_.settle(*in_flight_, in_flight_cursor_, control_,
                                  [this](const std::string& why) { show(SourceState::backing_off, why); });
    // A large page's memory is not kept for small ones.
    if (in_flight_->body.capacity() > 16 * 1024 * 1024) in_flight_->body = {};
    spare_ = std::move(in_flight_);
    return settled;
}

Result<> SourceRun::send(std::unique_ptr<OutgoingPage> page, InputCursor* cursor) {
    TRY(settle_previous());
    auto waiting = [this](const std::string& why) { show(SourceState::backing_off, why); };
    if (auto encoded = writer_.encode(*page, control_, waiting); !encoded) {
        give_back(std::move(page));
        return encoded;
    }
    in_flight_ = std::move(page);
    in_flight_cursor_ = cursor;
    writer_.send(*in_flight_, cursor);
    return {};
}

Result<InputCursor> SourceRun::cursor_of(const std::string& producer) {
    for (int i = 0;; ++i) {
        auto cursor = writer_.cursor(producer);
        if (cursor) {
            if (i > 0) show(SourceState::running);
            return cursor;
        }
        auto code = cursor.error().code;
        bool may_pass = code == Errc::unavailable || code == Errc::timeout || code == Errc::io ||
                        (code == Errc::fenced && !setting_.ownership);
        if (!may_pass || setting_.bounded || control_.ending()) return cursor;
        show(SourceState::backing_off, cursor.error().text);
        control_.wait_us(std::min(200'000LL << std::min(i, 5), 5'000'000LL));
    }
}

Result<> SourceRun::settle_all() {
    return settle_previous();
}

}  // namespace penstock::ingest
