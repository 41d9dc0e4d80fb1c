#include "ingest/webhook.h"

#include "ingest/environment.h"
#include "pipeline/names.h"

namespace penstock::ingest {
namespace {

std::string_view without_slashes(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

}  // namespace

/// A post on its way. Lives until its last append has been acknowledged.
struct Webhook::Post {
    Post(Webhook& hook, std::string_view text)
        : owner(hook.shared_from_this()),
          splitter(hook.hook_.records, hook.spec_.key),
          writer(hook.topics_, hook.spec_.name, hook.spec_.topic, counts, hook.encoder_),
          bytes(std::int64_t(text.size())) {
        page.body = text;
        owner->bytes_in_flight_ += bytes;
    }
    ~Post() { owner->bytes_in_flight_ -= bytes; }

    std::shared_ptr<Webhook> owner;
    std::shared_ptr<LiveCounts> counts = std::make_shared<LiveCounts>();
    PageSplitter splitter;
    TopicWriter writer;
    OutgoingPage page;
    std::int64_t bytes;
    std::function<void(Result<SourceCounts>)> done;
};

Webhook::Webhook(broker::Topics& topics, pipeline::SourceSpec spec,
                 std::shared_ptr<registry::TopicEncoder> encoder)
    : topics_(topics),
      spec_(std::move(spec)),
      hook_(std::get<pipeline::WebhookSource>(spec_.input)),
      encoder_(std::move(encoder)),
      path_(without_slashes(hook_.path)),
      counts_(std::make_shared<LiveCounts>()) {}

Result<> Webhook::check() {
    TRY(check_json_pointer(hook_.records));
    TRY(check_json_pointer(spec_.key));
    if (path_.empty()) return fail(Errc::invalid, "the webhook's path is empty");
    auto token = expand_environment(hook_.token);
    if (!token) return fail("token", token.error());
    if (token->empty() && !hook_.token.empty())
        return fail(Errc::invalid, "token: the environment gives an empty one");
    token_ = std::move(*token);
    return {};
}

void Webhook::post(std::string_view authorization, std::string_view body,
                   std::function<void(Result<SourceCounts>)> done) {
    if (!token_.empty() && !is_bearer(authorization, token_))
        return done(fail(Errc::unauthorized,
                         "expected the header 'Authorization: Bearer <token>' of source {}", spec_.name));
    {
        std::lock_guard lock(mutex_);
        if (stopped_) return done(fail(Errc::unavailable, "source {} is stopped", spec_.name));
    }
    counts_->requests += 1;
    counts_->bytes += std::int64_t(body.size());
    if (bytes_in_flight_ + std::int64_t(body.size()) > max_bytes_in_flight) {
        counts_->failures += 1;
        return done(fail(Errc::full, "source {} waits for the log; try again", spec_.name));
    }
    auto post = std::make_shared<Post>(*this, body);
    post->done = std::move(done);
    auto accepted = accept(post);
    if (!accepted) {
        counts_->failures += 1;
        {
            std::lock_guard lock(mutex_);
            detail_ = accepted.error().text;
        }
        return post->done(fail(std::move(accepted.error())));
    }
    send(post);
}

Result<> Webhook::accept(const std::shared_ptr<Post>& post) {
    TRY(post->writer.open());
    auto& page = post->page;
    page.url = "/ingest/" + path_;
    page.number = posts_.fetch_add(1);
    auto split = post->splitter.split_any(page.body, page.page);
    if (split) return post->writer.encode(page);  // a registry that is away is the sender's to wait for
    // The sender hears of it, and may not be listening: what it sent is kept.
    if (!page.body.empty()) {
        auto kept = std::make_shared<Post>(*this, page.body);
        TRY(kept->writer.open());
        kept->page.url = page.url;
        kept->page.page.rejects.push_back({kept->page.body, split.error().text, 0});
        kept->done = [](Result<SourceCounts>) {};
        send(kept);
    }
    return fail(Errc::invalid, "{} (kept in topic {})", split.error().text,
                pipeline::dead_letter_topic(spec_.topic));
}

void Webhook::send(const std::shared_ptr<Post>& post) {
    post->writer.send_and_tell(post->page, [post](Result<> result) {
        auto made = post->counts->read();
        auto& total = *post->owner->counts_;
        total.fetched += made.fetched;
        total.acknowledged += made.acknowledged;
        total.rejected += made.rejected;
        if (!post->page.page.rejects.empty()) total.note_reject(post->page.page.rejects.back().reason);
        if (!result) {
            total.failures += 1;
            post->done(fail(std::move(result.error())));
        } else {
            made.requests = 1;
            made.bytes = post->bytes;
            post->done(made);
        }
    });
}

void Webhook::stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
}

SourceStatus Webhook::status() const {
    std::lock_guard lock(mutex_);
    SourceStatus status{.name = spec_.name, .kind = "webhook", .topic = spec_.topic};
    status.state = stopped_ ? SourceState::stopped : SourceState::running;
    status.detail = detail_.empty() ? counts_->last_reject(spec_.topic) : detail_;
    status.endpoint = "/ingest/" + path_;
    status.counts = counts_->read();
    return status;
}

bool is_bearer(std::string_view authorization, std::string_view token) {
    constexpr std::string_view scheme = "bearer ";
    if (authorization.size() < scheme.size()) return false;
    for (std::size_t i = 0; i < scheme.size(); ++i)
        if ((authorization[i] | 0x20) != (scheme[i] | 0x20)) return false;
    authorization.remove_prefix(scheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    unsigned differ = authorization.size() == token.size() ? 0 : 1;
    for (std::size_t i = 0; i < authorization.size(); ++i)
        differ |= unsigned(std::uint8_t(authorization[i]) ^ std::uint8_t(token[i % token.size()]));
    return differ == 0;
}

}  // namespace penstock::ingest
