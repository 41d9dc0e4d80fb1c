#include "ingest/http_fetcher.h"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <mutex>

#include "base/clock.h"
#include "base/units.h"
#include "ingest/environment.h"
#include "ingest/page.h"

namespace penstock::ingest {
namespace {

struct CloseEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CloseMulti {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct CloseUrl {
    void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;
using Url = std::unique_ptr<CURLU, CloseUrl>;
using List = std::unique_ptr<curl_slist, FreeList>;

void start_curl() {
    static std::once_flag once;
    std::call_once(once, [] {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        // A TLS connection that the peer has closed must be an error of one request, not the end of the
        // process.
        struct sigaction action{};
        if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
            std::signal(SIGPIPE, SIG_IGN);
    });
}

std::string part(const Url& url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), what, &text, flags) != CURLUE_OK) return "";
    std::string out(text);
    curl_free(text);
    return out;
}

Result<Url> parse_url(std::string_view text) {
    Url url(curl_url());
    auto code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_URLENCODE);
    if (code != CURLUE_OK)
        return fail(Errc::invalid, "'{}' is not a URL: {}", masked_url(text), curl_url_strerror(code));
    return url;
}

/// Scheme, host and port: who is asked.
std::string origin_of(const Url& url) {
    return part(url, CURLUPART_SCHEME) + "://" + part(url, CURLUPART_HOST) + ":" +
           part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (char c : text) {
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved)
            out += c;
        else {
            out += '%';
            out += digits[std::uint8_t(c) >> 4];
            out += digits[std::uint8_t(c) & 15];
        }
    }
    return out;
}

Result<std::string> resolved(std::string_view what, std::string_view text) {
    auto value = expand_environment(text);
    if (!value) return fail(what, value.error());
    if (value->find_first_of("\r\n") != std::string::npos && what.starts_with("header"))
        return fail(Errc::invalid, "{}: the value holds a line break", what);
    return value;
}

struct Header {
    std::string name;
    std::string value;
    bool secret = false;  ///< not for another host that a redirect leads to
};

/// What the callbacks of one request fill.
struct Receiving {
    std::string* body = nullptr;
    bool too_large = false;
    std::string link;
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* to) {
    auto& receiving = *static_cast<Receiving*>(to);
    if (receiving.body->size() + size * count > max_response_bytes) {
        receiving.too_large = true;
        return 0;
    }
    receiving.body->append(bytes, size * count);
    return size * count;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* to) {
    auto& receiving = *static_cast<Receiving*>(to);
    std::string_view line(bytes, size * count);
    if (line.starts_with("HTTP/")) receiving.link.clear();  // 100 Continue, or a proxy's answer, came before
    if (line.size() > 5 && curl_strnequal(line.data(), "link:", 5) != 0 &&
        receiving.link.size() < 64 * 1024) {
        line.remove_prefix(5);
        while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
        receiving.link.append(receiving.link.empty() ? "" : ",").append(line);
    }
    return size * count;
}

bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct HttpFetcher::Impl {
    pipeline::HttpSource source;
    RunControl& control;
    std::string url;
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<Header> headers;
    std::string body;
    std::string proxy;
    std::unique_ptr<CURLM, CloseMulti> multi;
    Easy easy;
    Easy probe;
    std::optional<bool> probed;
    std::optional<CURLcode> finished;
    bool secret_query = false;
    char detail[CURL_ERROR_SIZE] = "";  ///< curl may write to it until the handle is closed

    Impl(const pipeline::HttpSource& from, RunControl& run)
        : source(from), control(run), multi(curl_multi_init()), easy(curl_easy_init()) {}

    ~Impl() {
        control.set_waker(nullptr);
        if (probe) curl_multi_remove_handle(multi.get(), probe.get());
    }

    Result<> resolve() {
        url = TRY(resolved("url", source.url));
        TRY(check_url(url));
        secret_query = uses_environment(source.url);
        for (auto& [name, value] : source.query) {
            secret_query = secret_query || uses_environment(value);
            query.emplace_back(name, TRY(resolved("query parameter '" + name + "'", value)));
        }
        for (auto& [name, value] : source.headers) {
            bool secret = uses_environment(value) || curl_strequal(name.c_str(), "Authorization") != 0 ||
                          curl_strequal(name.c_str(), "Cookie") != 0;
            headers.push_back({name, TRY(resolved("header '" + name + "'", value)), secret});
        }
        body = TRY(resolved("body", source.body));
        proxy = TRY(resolved("proxy", source.proxy));
        return {};
    }

    /// Lets curl work once, and waits for something to happen for at most that long.
    void pump(std::int64_t wait_us) {
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        int left = 0;
        bool ended = false;
        while (auto* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            ended = true;
            auto code = message->data.result;
            if (message->easy_handle == probe.get()) {
                curl_multi_remove_handle(multi.get(), probe.get());
                probe.reset();
                probed = code == CURLE_OK;
            } else {
                finished = code;
            }
        }
        if (ended || wait_us <= 0) return;
        auto ms = int(std::clamp<std::int64_t>((control.slice_us(wait_us) + 999) / 1000, 0, 1000));
        curl_multi_poll(multi.get(), nullptr, 0, ms, nullptr);
    }

    void set_connection(CURL* handle, std::int64_t connect_timeout_us, bool past_proxies) const {
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a look-up of a name at the end
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, long(connect_timeout_us / 1000)));
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, source.verify_tls ? 1L : 0L);
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, source.verify_tls ? 2L : 0L);
        if (!source.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, source.ca_file.c_str());
        if (past_proxies)
            curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
        else if (!proxy.empty())
            curl_easy_setopt(handle, CURLOPT_PROXY, proxy.c_str());
    }

    FetchFailure failure_of(CURLcode code, const Receiving& receiving) const {
        std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
        long proxy_status = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
        curl_off_t connected = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_CONNECT_TIME_T, &connected);
        if (receiving.too_large)
            return {{Errc::full, fmt::format("the response is larger than {}",
                                             format_bytes(std::int64_t(max_response_bytes)))}};
        switch (code) {
            case CURLE_COULDNT_RESOLVE_HOST:
            case CURLE_COULDNT_RESOLVE_PROXY:
            case CURLE_COULDNT_CONNECT:
                return {{Errc::unavailable, text}, true};
            case CURLE_OPERATION_TIMEDOUT:
                return {{Errc::timeout, text}, connected == 0};
            case CURLE_PEER_FAILED_VERIFICATION:
            case CURLE_SSL_CACERT_BADFILE:
                return {{Errc::unauthorized, text}};
            default:
                return {{Errc::unavailable, text}, proxy_status >= 400};
        }
    }

    /// One request, without its redirects.
    std::expected<FetchResponse, FetchFailure> once(const FetchRequest& request, bool secrets, bool as_get,
                                                    std::string& into, std::int64_t deadline_us,
                                                    std::string& redirect) {
        into.clear();
        Receiving receiving{.body = &into};
        detail[0] = '\0';
        CURL* handle = easy.get();
        curl_easy_reset(handle);  // keeps connections open
        set_connection(handle, request.connect_timeout_us, request.past_proxies);
        List list;
        auto add = [&list](const std::string& line) {
            if (auto* longer = curl_slist_append(list.get(), line.c_str())) {
                (void)list.release();
                list.reset(longer);
            }
        };
        for (auto& header : headers)
            if (secrets || !header.secret)
                add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
        add("Expect:");  // no pause before a body
        curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list.get());
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "penstock/" PENSTOCK_VERSION);
        curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiving);
        curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiving);
        curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 512L * 1024);
        auto left_us = deadline_us - system_clock().monotonic_us();
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, std::max(1L, long(left_us / 1000)));
        if (!as_get) {
            if (!body.empty()) {
                curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.size()));
                curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.c_str());
            } else if (source.method == "POST") {
                curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(0));
                curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "");
            }
            curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, source.method.c_str());
        }
        finished.reset();
        curl_multi_add_handle(multi.get(), handle);
        while (!finished && !control.ending()) pump(1'000'000);
        curl_multi_remove_handle(multi.get(), handle);
        if (!finished) return std::unexpected(FetchFailure{{Errc::cancelled, "the run has ended"}});
        if (*finished != CURLE_OK) return std::unexpected(failure_of(*finished, receiving));

        FetchResponse response{.link = std::move(receiving.link), .url = request.url};
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        response.status = int(status);
        curl_off_t number = 0;
        curl_easy_getinfo(handle, CURLINFO_SIZE_DOWNLOAD_T, &number);
        response.bytes = number;
        number = 0;
        curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &number);
        if (number > 0) response.retry_after_us = std::min<std::int64_t>(number, 86'400) * 1'000'000;
        char* location = nullptr;
        if (is_redirect(status)) curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &location);
        redirect = location ? location : "";
        return response;
    }

    /// Where a redirect leads. A target without a query gets the one that was asked with.
    Result<std::string> follow(const std::string& from, const std::string& to) const {
        auto old_url = TRY(parse_url(from));
        auto new_url = TRY(parse_url(to));
        auto scheme = part(new_url, CURLUPART_SCHEME);
        if (scheme != "http" && scheme != "https")
            return fail(Errc::invalid, "redirected to {}, which is neither http nor https", masked_url(to));
        if (part(old_url, CURLUPART_SCHEME) == "https" && scheme == "http")
            return fail(Errc::invalid, "redirected from https to {}, which is not followed", masked_url(to));
        auto old_query = part(old_url, CURLUPART_QUERY);
        if (secret_query && origin_of(old_url) != origin_of(new_url)) old_query.clear();
        if (part(new_url, CURLUPART_QUERY).empty() && !old_query.empty())
            curl_url_set(new_url.get(), CURLUPART_QUERY, old_query.c_str(), 0);
        return part(new_url, CURLUPART_URL);
    }
};

Result<> check_url(std::string_view text) {
    start_curl();
    auto url = TRY(parse_url(text));
    auto scheme = part(url, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return fail(Errc::invalid, "'{}' must begin with http:// or https://", masked_url(text));
    return {};
}

std::string url_on(std::string_view base_url, std::string_view url) {
    auto after_host = [](std::string_view text) {
        auto scheme = text.find("://");
        auto start = text.find_first_of("/?", scheme == std::string_view::npos ? 0 : scheme + 3);
        return start == std::string_view::npos ? std::string_view() : text.substr(start);
    };
    auto path = after_host(url);
    std::string out(base_url.substr(0, base_url.size() - after_host(base_url).size()));
    if (!path.starts_with('/')) out += '/';
    return out.append(path);
}

Result<std::string> resolve_url(std::string_view base_url, std::string_view reference) {
    auto url = TRY(parse_url(base_url));
    auto code = curl_url_set(url.get(), CURLUPART_URL, std::string(reference).c_str(), CURLU_URLENCODE);
    if (code != CURLUE_OK)
        return fail(Errc::invalid, "the link '{}' is not a URL: {}", masked_url(reference),
                    curl_url_strerror(code));
    return part(url, CURLUPART_URL);
}

HttpFetcher::HttpFetcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpFetcher::~HttpFetcher() = default;

Result<std::unique_ptr<HttpFetcher>> HttpFetcher::make(const pipeline::HttpSource& source,
                                                       RunControl& control) {
    start_curl();
    auto impl = std::make_unique<Impl>(source, control);
    TRY(impl->resolve());
    if (!source.ca_file.empty()) {
        // curl says so only at the first request, and then in other words.
        if (auto* file = std::fopen(source.ca_file.c_str(), "rb"))
            std::fclose(file);
        else
            return fail(Errc::invalid, "ca_file: cannot read '{}'", source.ca_file);
    }
    control.set_waker([multi = impl->multi.get()] { curl_multi_wakeup(multi); });
    return std::unique_ptr<HttpFetcher>(new HttpFetcher(std::move(impl)));
}

std::string HttpFetcher::url_with(const std::vector<std::pair<std::string, std::string>>& parameters) const {
    std::string out = impl_->url.substr(0, impl_->url.find('#'));
    auto add = [&out](std::string_view name, std::string_view value) {
        out += out.find('?') == std::string::npos ? '?' : '&';
        out += encoded(name) + "=" + encoded(value);
    };
    for (auto& [name, value] : impl_->query) {
        bool replaced = std::ranges::any_of(parameters, [&](auto& p) { return p.first == name; });
        if (!replaced) add(name, value);
    }
    for (auto& [name, value] : parameters) add(name, value);
    return out;
}

std::expected<FetchResponse, FetchFailure> HttpFetcher::fetch(const FetchRequest& request,
                                                              std::string& body) {
    auto& impl = *impl_;
    auto deadline_us = system_clock().monotonic_us() + impl.source.timeout_us;
    auto current = request;
    bool secrets = true;
    bool as_get = impl.source.method == "GET" && impl.body.empty();
    for (int hop = 0;; ++hop) {
        std::string redirect;
        auto response = impl.once(current, secrets, as_get, body, deadline_us, redirect);
        if (!response || redirect.empty()) return response;
        if (hop >= impl.source.max_redirects)
            return std::unexpected(FetchFailure{
                {Errc::invalid, fmt::format("more than {} redirects", impl.source.max_redirects)}});
        auto next = impl.follow(current.url, redirect);
        if (!next) return std::unexpected(FetchFailure{next.error()});
        auto old_url = parse_url(current.url);
        auto new_url = parse_url(*next);
        if (old_url && new_url && origin_of(*old_url) != origin_of(*new_url)) secrets = false;
        // As browsers do, and RFC 9110 section 15.4 allows.
        if (response->status == 303 || (response->status <= 302 && impl.source.method == "POST"))
            as_get = true;
        current.url = std::move(*next);
    }
}

void HttpFetcher::wait_us(std::int64_t us) {
    auto until = system_clock().monotonic_us() + us;
    while (!impl_->control.ending()) {
        auto left = until - system_clock().monotonic_us();
        if (left <= 0) return;
        if (!impl_->probe && left < 1000) {
            impl_->control.wait_us(left);  // finer than curl's milliseconds
            return;
        }
        impl_->pump(left);
    }
}

void HttpFetcher::start_probe(const std::string& url, std::int64_t timeout_us) {
    if (impl_->probe) return;
    impl_->probe.reset(curl_easy_init());
    impl_->probed.reset();
    CURL* handle = impl_->probe.get();
    impl_->set_connection(handle, timeout_us, false);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, std::max(1L, long(timeout_us * 4 / 1000)));
    curl_multi_add_handle(impl_->multi.get(), handle);
}

std::optional<bool> HttpFetcher::take_probe() {
    auto result = impl_->probed;
    impl_->probed.reset();
    return result;
}

bool HttpFetcher::probing() const {
    return impl_->probe != nullptr;
}

}  // namespace penstock::ingest
