#include "net/http_session.h"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <mutex>

#include "base/service_url.h"
#include "base/units.h"

namespace penstock::net {
namespace {

struct CloseEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void start_curl() {
    static std::once_flag once;
    std::call_once(once, [] {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        // A TLS connection that the peer has closed is an error of one request, not the end of the process.
        struct sigaction action{};
        if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
            std::signal(SIGPIPE, SIG_IGN);
    });
}

/// What the callbacks of one request fill.
struct Receiving {
    HttpResult result;
    std::size_t max_bytes = 0;
    bool too_large = false;
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* to) {
    auto& receiving = *static_cast<Receiving*>(to);
    if (receiving.result.body.size() + size * count > receiving.max_bytes) {
        receiving.too_large = true;
        return 0;
    }
    receiving.result.body.append(bytes, size * count);
    return size * count;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* to) {
    auto& headers = static_cast<Receiving*>(to)->result.headers;
    std::string_view line(bytes, size * count);
    if (line.starts_with("HTTP/")) headers.clear();  // of a redirect, or 100 Continue
    auto colon = line.find(':');
    if (colon == std::string_view::npos || headers.size() >= 100) return size * count;
    std::string name(line.substr(0, colon));
    for (auto& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
    auto value = line.substr(colon + 1);
    auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!value.empty() && blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && blank(value.back())) value.remove_suffix(1);
    headers.emplace_back(std::move(name), value);
    return size * count;
}

Errc kind_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return Errc::timeout;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return Errc::invalid;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
            return Errc::unauthorized;
        default:
            return Errc::unavailable;
    }
}

}  // namespace

struct HttpSession::Impl {
    HttpSessionOptions options;
    std::unique_ptr<CURL, CloseEasy> easy;
};

HttpSession::HttpSession(HttpSessionOptions options) {
    start_curl();
    impl_ = std::make_unique<Impl>();
    impl_->options = std::move(options);
    impl_->easy.reset(curl_easy_init());
}
HttpSession::~HttpSession() = default;
HttpSession::HttpSession(HttpSession&&) noexcept = default;

Result<HttpResult> HttpSession::request(std::string_view method, const std::string& url,
                                        std::string_view body, const HttpHeaders& headers) {
    auto* easy = impl_->easy.get();
    if (easy == nullptr) return fail(Errc::internal, "libcurl gave no handle");
    const auto& options = impl_->options;
    curl_easy_reset(easy);  // connections and names stay
    auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
    Receiving receiving{.result = {}, .max_bytes = options.max_body_bytes};
    char problem[CURL_ERROR_SIZE] = "";
    std::string method_text(method);
    std::unique_ptr<curl_slist, FreeList> list;
    auto add = [&](const std::string& line) {
        auto* longer = curl_slist_append(list.get(), line.c_str());
        if (longer == nullptr) return;
        (void)list.release();
        list.reset(longer);
    };
    for (const auto& [name, value] : headers) add(name + ": " + value);
    add("Expect:");  // registries behind proxies do not all answer 100 Continue
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 5L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, problem);
    set(CURLOPT_USERAGENT, "penstock/" PENSTOCK_VERSION);
    set(CURLOPT_ACCEPT_ENCODING, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, long(options.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, long(options.timeout.count()));
    set(CURLOPT_HTTPHEADER, list.get());
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &receiving);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &receiving);
    if (options.user) {
        set(CURLOPT_HTTPAUTH, long(CURLAUTH_BASIC));
        set(CURLOPT_USERNAME, options.user->c_str());
        set(CURLOPT_PASSWORD, options.password.value_or("").c_str());
    }
    if (!options.verify_tls) {
        set(CURLOPT_SSL_VERIFYPEER, 0L);
        set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.cert_file.empty()) set(CURLOPT_SSLCERT, options.cert_file.c_str());
    if (!options.key_file.empty()) set(CURLOPT_SSLKEY, options.key_file.c_str());
    bool has_body = !body.empty() || method == "POST" || method == "PUT";
    if (has_body) {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDS, body.data());
        set(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.size()));
    }
    if (method == "HEAD") set(CURLOPT_NOBODY, 1L);
    set(CURLOPT_CUSTOMREQUEST, method_text.c_str());
    auto code = curl_easy_perform(easy);
    if (receiving.too_large)
        return fail(Errc::full, "{}: the answer is larger than {}", masked_url(url),
                    format_bytes(std::int64_t(options.max_body_bytes)));
    if (code != CURLE_OK)
        return fail(kind_of(code), "{}: {}", masked_url(url),
                    problem[0] != '\0' ? problem : curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    receiving.result.status = int(status);
    return std::move(receiving.result);
}

}  // namespace penstock::net
