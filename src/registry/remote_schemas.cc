#include "registry/remote_schemas.h"

#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/log.h"
#include "base/service_url.h"
#include "codec/json_writer.h"
#include "net/http_session.h"
#include "registry/json_value.h"
#include "registry/references.h"

namespace penstock::registry {
namespace {

constexpr std::size_t longest_answer = 16 * 1024 * 1024;
constexpr const char* content_type = "application/vnd.schemaregistry.v1+json";

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (unsigned char c : text) {
        if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            out += char(c);
        else
            out += fmt::format("%{:02X}", unsigned(c));
    }
    return out;
}

struct Address {
    std::vector<std::string> urls;  ///< each with its base path, without a slash at the end
    net::HttpSessionOptions http;
};

Result<Address> address_of(std::string_view text, const RemoteSchemasOptions& options) {
    auto scheme = text.starts_with("https:") ? "https" : "http";
    auto url = TRY(parse_service_url(text, scheme));
    if (url.hosts.empty()) return fail(Errc::invalid, "'{}' names no host", masked_url(text));
    Address out;
    auto path = url.path;
    while (path.ends_with('/')) path.pop_back();
    for (const auto& host : url.hosts) {
        bool is_ipv6 = host.name.find(':') != std::string::npos;
        auto port = host.port ? fmt::format(":{}", *host.port) : std::string();
        out.urls.push_back(fmt::format("{}://{}{}{}{}{}{}", scheme, is_ipv6 ? "[" : "", host.name,
                                       is_ipv6 ? "]" : "", port, path.empty() ? "" : "/", path));
    }
    out.http.user = url.user;
    out.http.password = url.password;
    out.http.timeout = std::chrono::milliseconds(options.timeout_us / 1000);
    out.http.connect_timeout = std::min(out.http.connect_timeout, out.http.timeout);
    out.http.max_body_bytes = longest_answer;
    for (const auto& [name, value] : url.options) {
        if (name == "ca_file")
            out.http.ca_file = value;
        else if (name == "cert_file")
            out.http.cert_file = value;
        else if (name == "key_file")
            out.http.key_file = value;
        else if (name == "verify_tls" && (value == "true" || value == "false"))
            out.http.verify_tls = value == "true";
        else
            return fail(Errc::invalid,
                        "'{}': expected ca_file, cert_file, key_file or verify_tls=true|false, found '{}'",
                        masked_url(text), name);
    }
    return out;
}

std::string text_of(const JsonValue& object, std::string_view name) {
    const auto* value = object.find(name);
    return value != nullptr && value->is_string() ? value->string : std::string();
}
std::int32_t number_of(const JsonValue& object, std::string_view name) {
    const auto* value = object.find(name);
    return value != nullptr ? std::int32_t(value->integer) : 0;
}

/// What the registry itself says: {"error_code":40401,"message":"..."}.
std::string message_of(const net::HttpResult& answer) {
    auto document = JsonDocument::parse(answer.body, longest_answer);
    if (document && document->root().is_object()) {
        auto message = text_of(document->root(), "message");
        auto code = number_of(document->root(), "error_code");
        if (!message.empty())
            return code != 0 && code != answer.status ? fmt::format("{} (error code {})", message, code)
                                                      : message;
    }
    return fmt::format("HTTP status {}{}{}", answer.status, answer.body.empty() ? "" : ": ",
                       answer.body.substr(0, 200));
}

Errc kind_of_status(int status) {
    if (status == 404) return Errc::not_found;
    if (status == 401 || status == 403) return Errc::unauthorized;
    if (status == 429 || status >= 500) return Errc::unavailable;
    return Errc::invalid;  // 409: incompatible; 422: no schema
}

class RemoteSchemas final : public Schemas {
public:
    RemoteSchemas(std::string shown, Address address, RemoteSchemasOptions options)
        : shown_(std::move(shown)), address_(std::move(address)), options_(options) {}

    std::string describe() const override { return "schema registry at " + shown_; }

    Result<RegisteredSchema> put(std::string_view subject, SchemaKind kind, std::string_view text,
                                 const References& references) override {
        auto referred = json_of(references);
        auto key = fmt::format("{}\n{}\n{}\n{}", to_string(kind), subject, referred, text);
        if (auto known = cached(put_, key)) return *known;
        codec::JsonWriter body;
        body.begin_object().field("schema", text);
        if (kind != SchemaKind::avro) body.field("schemaType", to_string(kind));
        if (!references.empty()) body.raw_field("references", referred);
        auto json = body.end_object().take();
        auto path = "/subjects/" + percent_encoded(subject);
        auto answer = TRY(call("POST", path + "/versions", json));
        RegisteredSchema schema{.subject = std::string(subject), .kind = kind, .text = std::string(text)};
        schema.references = references;
        schema.id = number_of(answer.root(), "id");
        if (schema.id == 0)
            return fail(Errc::unavailable, "{}: the answer to a registration has no id", shown_);
        // The version is for people: a registry that cannot say it has registered the schema all the same.
        if (auto found = call("POST", path, json)) schema.version = number_of(found->root(), "version");
        keep(put_, key, schema);
        return schema;
    }

    Result<RegisteredSchema> by_id(std::int32_t id) override {
        if (auto known = cached(by_id_, id)) return *known;
        auto answer = TRY(call("GET", fmt::format("/schemas/ids/{}", id)));
        RegisteredSchema schema{.id = id};
        TRY(fill(schema, answer.root()));
        keep(by_id_, id, schema);
        return schema;
    }

    Result<RegisteredSchema> get(std::string_view subject, std::int32_t version) override {
        auto key = fmt::format("{}\n{}", version, subject);
        if (version > 0)
            if (auto known = cached(versions_, key)) return *known;
        auto number = version > 0 ? std::to_string(version) : std::string("latest");
        auto answer =
            TRY(call("GET", fmt::format("/subjects/{}/versions/{}", percent_encoded(subject), number)));
        RegisteredSchema schema{.subject = std::string(subject)};
        schema.version = number_of(answer.root(), "version");
        schema.id = number_of(answer.root(), "id");
        TRY(fill(schema, answer.root()));
        if (version > 0) keep(versions_, key, schema);
        return schema;
    }

    Result<std::vector<std::string>> subjects() override {
        auto answer = TRY(call("GET", "/subjects"));
        std::vector<std::string> out;
        for (const auto* item : answer.root().items)
            if (item->is_string()) out.push_back(item->string);
        return out;
    }

    Result<std::vector<std::int32_t>> versions(std::string_view subject) override {
        auto answer = TRY(call("GET", fmt::format("/subjects/{}/versions", percent_encoded(subject))));
        std::vector<std::int32_t> out;
        for (const auto* item : answer.root().items)
            if (item->is_number()) out.push_back(std::int32_t(item->integer));
        return out;
    }

private:
    template <class Key>
    using Cache = std::map<Key, RegisteredSchema, std::less<>>;

    template <class Key>
    std::optional<RegisteredSchema> cached(const Cache<Key>& cache, const Key& key) {
        std::lock_guard lock(mutex_);
        auto found = cache.find(key);
        return found == cache.end() ? std::nullopt : std::optional(found->second);
    }
    template <class Key>
    void keep(Cache<Key>& cache, const Key& key, const RegisteredSchema& schema) {
        std::lock_guard lock(mutex_);
        if (cache.size() >= options_.max_cached) cache.clear();
        cache.insert_or_assign(key, schema);
    }

    Result<> fill(RegisteredSchema& schema, const JsonValue& answer) const {
        schema.kind =
            kind_of(text_of(answer, "schemaType")).value_or(SchemaKind::avro);  // its name is left out
        schema.text = text_of(answer, "schema");
        if (schema.text.empty()) return fail(Errc::unavailable, "{}: the answer holds no schema", shown_);
        const auto* references = answer.find("references");
        if (references != nullptr && references->is_array())
            schema.references = TRY(references_of(*references));
        return {};
    }

    /// A session that nobody else uses meanwhile; its connections are used again.
    class Session {
    public:
        explicit Session(RemoteSchemas& owner) : owner_(owner) {
            std::lock_guard lock(owner.mutex_);
            if (owner.idle_.empty()) {
                session_ = std::make_unique<net::HttpSession>(owner.address_.http);
            } else {
                session_ = std::move(owner.idle_.back());
                owner.idle_.pop_back();
            }
        }
        ~Session() {
            std::lock_guard lock(owner_.mutex_);
            if (owner_.idle_.size() < 8) owner_.idle_.push_back(std::move(session_));
        }
        Session(const Session&) = delete;
        Session& operator=(const Session&) = delete;
        net::HttpSession* operator->() { return session_.get(); }

    private:
        RemoteSchemas& owner_;
        std::unique_ptr<net::HttpSession> session_;
    };

    std::size_t preferred() {
        std::lock_guard lock(mutex_);
        return preferred_;
    }
    void prefer(std::size_t url) {
        std::lock_guard lock(mutex_);
        preferred_ = url;
    }

    Result<JsonDocument> call(std::string_view method, const std::string& path, std::string_view body = {}) {
        Session session(*this);
        auto pause = options_.backoff_us;
        std::optional<Error> last;
        for (int attempt = 0; attempt < options_.attempts; ++attempt) {
            if (attempt > 0) {
                thread_local std::minstd_rand random{std::random_device{}()};
                std::this_thread::sleep_for(std::chrono::microseconds(
                    std::uniform_int_distribution<std::int64_t>(pause / 2, pause)(random)));
                pause *= 2;
            }
            auto first = preferred();
            for (std::size_t i = 0; i < address_.urls.size(); ++i) {
                auto at = (first + i) % address_.urls.size();
                auto answered = ask(session, address_.urls[at], method, path, body);
                if (answered || !worth_another(answered.error().code)) {
                    prefer(at);
                    return answered;
                }
                last = std::move(answered.error());
            }
            // Who asked has waited long enough: it tells of it, and asks again by itself.
            if (last && last->code == Errc::timeout) break;
        }
        return fail(std::move(*last));
    }

    static bool worth_another(Errc code) { return code == Errc::unavailable || code == Errc::timeout; }

    Result<JsonDocument> ask(Session& session, const std::string& url, std::string_view method,
                             const std::string& path, std::string_view body) {
        net::HttpHeaders headers{{"Accept", fmt::format("{}, application/json", content_type)}};
        if (!body.empty()) headers.emplace_back("Content-Type", content_type);
        auto answer = session->request(method, url + path, body, headers);
        if (!answer) return fail("schema registry", std::move(answer.error()));
        if (answer->status < 200 || answer->status > 299)
            return fail(kind_of_status(answer->status), "schema registry {}: {}", url, message_of(*answer));
        auto document = JsonDocument::parse(answer->body, longest_answer);
        if (!document)
            return fail(Errc::unavailable, "schema registry {}{}: the answer is not JSON: {}", url, path,
                        document.error().text);
        return std::move(*document);
    }

    const std::string shown_;
    const Address address_;
    const RemoteSchemasOptions options_;
    std::mutex mutex_;  // guards what follows
    std::vector<std::unique_ptr<net::HttpSession>> idle_;
    std::size_t preferred_ = 0;  ///< the URL that answered last
    Cache<std::int32_t> by_id_;
    Cache<std::string> versions_;
    Cache<std::string> put_;
};

}  // namespace

Result<std::unique_ptr<Schemas>> open_remote_schemas(std::string_view url, RemoteSchemasOptions options) {
    auto address = TRY(address_of(url, options));
    return std::make_unique<RemoteSchemas>(masked_url(url), std::move(address), options);
}

}  // namespace penstock::registry
