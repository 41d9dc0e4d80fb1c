// The run of an HTTP source: asks for one page after another, and sends each to the log while the next is
// fetched.
#include <xxhash.h>

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "ingest/environment.h"
#include "ingest/http_fetcher.h"
#include "ingest/link_header.h"
#include "ingest/rate_window.h"
#include "ingest/retry.h"
#include "ingest/source_run.h"

namespace penstock::ingest {
namespace {

using Kind = pipeline::Pagination::Kind;

/// A source with a replica does not wait longer than this for the real API's connection.
constexpr std::int64_t replica_patience_us = 500'000;
constexpr std::int64_t probe_every_us = 60'000'000;

std::int64_t now_us() {
    return system_clock().monotonic_us();
}

/// Why a fetch gave no page.
struct Trouble {
    Error error;
    bool try_again = true;
    std::optional<std::int64_t> told_us;
};

struct Fetched {
    std::unique_ptr<OutgoingPage> page;
    std::string next;  ///< the next page's token; empty: this was the last
};

class HttpRun final : public SourceRun {
public:
    explicit HttpRun(RunSetting setting)
        : SourceRun(std::move(setting)),
          http_(std::get<pipeline::HttpSource>(spec().input)),
          backoff_(
              http_.backoff_us, http_.backoff_max_us,
              XXH3_64bits(spec().name.data(), spec().name.size()) ^ std::uint64_t(system_clock().now_us())),
          breaker_(http_.breaker_failures, http_.breaker_open_us) {
        if (http_.limit) rate_.emplace(*http_.limit);
    }

    Result<> check() override {
        TRY(check_json_pointer(http_.records));
        TRY(check_json_pointer(spec().key));
        TRY(check_json_pointer(http_.pagination.next));
        RunControl control;
        TRY(HttpFetcher::make(http_, control));
        return {};
    }

    bool has_position() const override { return http_.pagination.kind != Kind::none; }

private:
    Result<> loop() override {
        fetcher_ = TRY(HttpFetcher::make(http_, control()));
        TRY(begin());
        std::int64_t next_start_us = 0;
        while (!control().ending()) {
            pause_until(next_start_us);
            wait_for_circuit();
            wait_for_rate();
            if (control().ending()) break;
            next_start_us = now_us() + http_.every_us;
            auto fetched = fetch_page();
            if (control().ending() && !fetched) break;
            if (!fetched) {
                TRY(handle(fetched.error()));
                next_start_us = 0;
                continue;
            }
            breaker_.succeeded();
            show_running();
            bool done = TRY(take(std::move(*fetched)));
            if (done) return {};
        }
        return {};
    }

    /// Goes on where the log's own positions say.
    Result<> begin() {
        token_ = http_.pagination.kind == Kind::page ? std::to_string(http_.pagination.first) : "";
        bool needs_name = has_position() || setting().ownership;
        if (!needs_name) return {};
        cursor_ = TRY(cursor_of(producer()));
        if (cursor_->latest.page < 0) return {};
        if (!has_position()) {
            // Every response is a new one; the name is there for the log to fence.
            number_ = cursor_->latest.page + 1;
            return {};
        }
        number_ = cursor_->latest.page;
        token_ = cursor_->latest.token;
        log::info("source {}: goes on at {}", spec().name, where());
        return {};
    }

    std::string where() const {
        switch (http_.pagination.kind) {
            case Kind::none:
                return "the next response";
            case Kind::page:
                return "page " + token_;
            case Kind::cursor:
                return token_.empty() ? "the first page" : "cursor " + token_;
            case Kind::link:
                return token_.empty() ? "the first page" : masked_url(token_);
        }
        return "";
    }

    /// Sends the page, and turns to the next; whether there is none.
    Result<bool> take(Fetched fetched) {
        bool empty = fetched.page->page.size() == 0;
        if (rate_) rate_->count(now_us(), fetched.page->page.size());
        expected_records_ = fetched.page->page.size();
        if (empty)
            give_back(std::move(fetched.page));
        else
            TRY(send(std::move(fetched.page), cursor_ ? &*cursor_ : nullptr));
        if (!has_position()) {
            ++number_;
            return setting().bounded && setting().for_us == 0;
        }
        bool last = fetched.next.empty();
        if (http_.pagination.max_pages > 0 && number_ + 1 >= http_.pagination.max_pages) return true;
        if (!last) {
            ++number_;
            token_ = std::move(fetched.next);
            return false;
        }
        if (http_.every_us == 0 || (setting().bounded && setting().for_us == 0)) return true;
        // The pages may grow: what was read of the last one is known, and it is asked for again.
        if (http_.pagination.kind == Kind::page && number_ > 0) {
            --number_;
            token_ = std::to_string(http_.pagination.first + number_);
        }
        return false;
    }

    std::expected<Fetched, Trouble> fetch_page() {
        auto url = page_url();
        look_for_the_real_one(url);
        auto page = new_page();
        counts().requests += 1;
        FetchRequest request{.url = on_replica_ ? url_on(replica_base_, url) : url,
                             .connect_timeout_us = http_.connect_timeout_us,
                             .past_proxies = on_replica_};
        bool may_replace = !http_.replica.empty() && !on_replica_;
        if (may_replace)
            request.connect_timeout_us = std::min(request.connect_timeout_us, replica_patience_us);
        show_endpoint(masked_url(request.url), on_replica_);
        auto response = fetcher_->fetch(request, page->body);
        if (!response && response.error().unreachable && may_replace) {
            if (auto turned = turn_to_replica(url, response.error().error); !turned)
                return std::unexpected(Trouble{std::move(turned.error())});
            request.url = url_on(replica_base_, url);
            request.connect_timeout_us = http_.connect_timeout_us;
            request.past_proxies = true;
            response = fetcher_->fetch(request, page->body);
        }
        if (!response) {
            auto& error = response.error().error;
            bool hopeless =
                error.code == Errc::invalid || error.code == Errc::unauthorized || error.code == Errc::full;
            return std::unexpected(Trouble{std::move(error), !hopeless});
        }
        counts().bytes += response->bytes;
        if (response->status < 200 || response->status > 299)
            return std::unexpected(refused(*response, page->body));
        return split(std::move(page), std::move(*response), request.url);
    }

    static Trouble refused(const FetchResponse& response, const std::string& body) {
        bool again = response.status == 408 || response.status == 425 || response.status == 429 ||
                     response.status >= 500;
        return {{response.status == 401 || response.status == 403 ? Errc::unauthorized : Errc::unavailable,
                 fmt::format("HTTP {}: {}", response.status, describe_body(body))},
                again,
                response.retry_after_us};
    }

    std::expected<Fetched, Trouble> split(std::unique_ptr<OutgoingPage> page, FetchResponse response,
                                          const std::string& url) {
        if (!page->splitter) page->splitter = std::make_unique<PageSplitter>(http_.records, spec().key);
        auto& splitter = *page->splitter;
        page->page.clear();
        page->number = number_;
        page->token = token_;
        page->url = masked_url(url);
        page->from_replica = on_replica_;
        page->replica = http_.replica;
        std::string next;
        if (response.status != 204 && !page->body.empty()) {
            if (http_.pagination.kind == Kind::cursor)
                next = splitter.text_at(page->body, http_.pagination.next).value_or("");
            auto done = splitter.split_any(page->body, page->page);
            if (!done) {
                auto error = std::move(done.error());
                if (error.code == Errc::corrupt) keep_unreadable(std::move(page), error.text);
                return std::unexpected(Trouble{std::move(error)});
            }
        }
        if (http_.pagination.kind == Kind::page && page->page.size() > 0)
            next = std::to_string(http_.pagination.first + number_ + 1);
        if (http_.pagination.kind == Kind::link) {
            if (auto link = next_link(response.link)) {
                auto absolute = resolve_url(response.url, *link);
                if (!absolute) return std::unexpected(Trouble{std::move(absolute.error()), false});
                // Tokens name the real API, so that they hold whoever answers.
                next = on_replica_ ? url_on(fetcher_->url_with({}), *absolute) : std::move(*absolute);
            }
        }
        if (next == token_) next.clear();  // an API that names the same page for ever
        return Fetched{std::move(page), std::move(next)};
    }

    /// A body that is not JSON goes to the dead-letter topic, once.
    void keep_unreadable(std::unique_ptr<OutgoingPage> page, const std::string& reason) {
        auto hash = XXH3_64bits(page->body.data(), page->body.size());
        if (hash == last_unreadable_) return;
        last_unreadable_ = hash;
        page->page.clear();
        page->page.rejects.push_back({page->body, reason, 0});
        if (auto sent = send(std::move(page), nullptr); !sent)
            log::warn("source {}: {}", spec().name, sent.error().text);
    }

    std::string page_url() const {
        auto& pagination = http_.pagination;
        if (pagination.kind == Kind::link && !token_.empty()) return token_;
        if (pagination.kind == Kind::page || (pagination.kind == Kind::cursor && !token_.empty()))
            return fetcher_->url_with({{pagination.parameter, token_}});
        return fetcher_->url_with({});
    }

    Result<> turn_to_replica(const std::string& url, const Error& why) {
        auto base = setting().replicas.base_url(http_.replica);
        if (!base) return fail(why.code, "{}; and the replica: {}", why.text, base.error().text);
        if (base->empty()) return fail(why.code, "{}; and there is no replica '{}'", why.text, http_.replica);
        on_replica_ = true;
        replica_base_ = std::move(*base);
        next_probe_us_ = now_us() + probe_every_us;
        auto real = masked_url(url);
        replica_detail_ = fmt::format("{} cannot be reached ({}); the built-in replica '{}' answers",
                                      real.substr(0, real.find('?')), why.text, http_.replica);
        log::warn("source {}: {}", spec().name, replica_detail_);
        show_endpoint(masked_url(url_on(replica_base_, url)), true);
        show_running();
        return {};
    }

    void look_for_the_real_one(const std::string& url) {
        if (!on_replica_) return;
        if (auto reached = fetcher_->take_probe(); reached && *reached) {
            on_replica_ = false;
            replica_detail_.clear();
            log::info("source {}: {} can be reached again; the replica is left", spec().name,
                      masked_url(url));
            return;
        }
        if (now_us() < next_probe_us_ || fetcher_->probing()) return;
        next_probe_us_ = now_us() + probe_every_us;
        fetcher_->start_probe(url, std::min(http_.connect_timeout_us, replica_patience_us));
    }

    void show_running() { show(SourceState::running, replica_detail_); }

    void pause_until(std::int64_t start_us) {
        auto left = start_us - now_us();
        if (left > 0) fetcher_->wait_us(left);
    }

    void wait_for_rate() {
        if (!rate_) return;
        while (!control().ending()) {
            auto wait = rate_->wait_us(now_us(), expected_records_);
            if (wait == 0) break;
            if (wait > 1'000'000)
                show(SourceState::waiting,
                     fmt::format("the limit of {} {} per {} is reached; goes on in {}", http_.limit->amount,
                                 http_.limit->records ? "records" : "requests",
                                 format_duration_us(http_.limit->per_us), format_duration_us(wait)));
            fetcher_->wait_us(wait);
            if (wait > 1'000'000) show_running();
        }
    }

    void wait_for_circuit() {
        while (!control().ending()) {
            auto wait = breaker_.wait_us(now_us());
            if (wait == 0) return;
            fetcher_->wait_us(wait);
        }
    }

    /// Waits as long as the failure asks for; an error when the run gives up.
    Result<> handle(const Trouble& trouble) {
        counts().failures += 1;
        if (rate_) rate_->count(now_us(), 0);
        breaker_.failed(now_us());
        auto where_now = masked_url(page_url());
        auto text = fmt::format("{}: {}", where_now.substr(0, where_now.find('?')), trouble.error.text);
        bool give_up = !trouble.try_again || breaker_.failures() > http_.retries;
        if (setting().bounded && give_up) return fail(trouble.error.code, "{}", text);
        auto delay = backoff_.delay_us(breaker_.failures(), trouble.told_us);
        if (!trouble.try_again) delay = std::max(delay, http_.backoff_max_us / 2);
        if (breaker_.failures() == 1 || breaker_.state() == CircuitBreaker::State::open)
            log::warn("source {}: {}{}", spec().name, text,
                      breaker_.state() == CircuitBreaker::State::open ? "; the circuit is open" : "");
        if (breaker_.state() == CircuitBreaker::State::open) {
            auto open_for = std::max(breaker_.wait_us(now_us()), delay);
            show(SourceState::circuit_open,
                 fmt::format("{} failures in a row, the circuit is open for {}: {}", breaker_.failures(),
                             format_duration_us(open_for), text));
        } else {
            show(SourceState::backing_off,
                 fmt::format("{}; tries again in {}", text, format_duration_us(delay)));
        }
        fetcher_->wait_us(delay);
        return {};
    }

    const pipeline::HttpSource http_;
    std::unique_ptr<HttpFetcher> fetcher_;
    Backoff backoff_;
    CircuitBreaker breaker_;
    std::optional<RateWindow> rate_;
    std::int64_t expected_records_ = 1;

    std::optional<InputCursor> cursor_;
    std::int64_t number_ = 0;  ///< of the page that is asked for
    std::string token_;        ///< of that page

    bool on_replica_ = false;
    std::string replica_base_;
    std::string replica_detail_;
    std::int64_t next_probe_us_ = 0;
    std::uint64_t last_unreadable_ = 0;
};

}  // namespace

std::unique_ptr<SourceRun> make_http_run(RunSetting setting) {
    return std::make_unique<HttpRun>(std::move(setting));
}

}  // namespace penstock::ingest
