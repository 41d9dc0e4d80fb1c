#include "stream/spark/spark_session.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <mutex>
#include <set>

#include "stream/spark/connect.grpc.pb.h"

namespace penstock::stream {

namespace {

constexpr auto call_timeout = std::chrono::seconds(60);
/// Starting and stopping wait for the cluster: tables are looked at, a micro-batch is cut off.
constexpr auto slow_timeout = std::chrono::seconds(180);
constexpr auto stop_timeout = std::chrono::seconds(30);
constexpr int max_message_bytes = 128 << 20;
constexpr std::string_view client_type = "penstock/" PENSTOCK_VERSION;

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
    for (auto word : words)
        if (text.find(word) != std::string_view::npos) return true;
    return false;
}

/// Spark's message without the plan and the Java frames that follow it.
std::string without_details(std::string text) {
    for (auto mark : {"\n\nJVM stacktrace", "\n\tat ", "; line 1 pos 0;\n'", ";\n'", "\n== Physical Plan"}) {
        auto at = text.find(mark);
        if (at != std::string::npos) text.resize(at);
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == ';')) text.pop_back();
    return text;
}

Result<> result_of(const grpc::Status& status) {
    if (status.ok()) return {};
    auto text = without_details(status.error_message());
    if (contains_any(text, {"INVALID_HANDLE", "SESSION_CHANGED", "SESSION_CLOSED", "SESSION_NOT_FOUND",
                            "is not found"}) &&
        contains_any(text, {"INVALID_HANDLE", "SESSION", "Streaming query", "Session"}))
        return fail(Errc::fenced, "{}", text);
    switch (status.error_code()) {
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::CANCELLED:
        case grpc::StatusCode::ABORTED:
            return fail(Errc::unavailable, "{}", text);
        case grpc::StatusCode::DEADLINE_EXCEEDED:
            return fail(Errc::timeout, "{}", text);
        case grpc::StatusCode::UNAUTHENTICATED:
        case grpc::StatusCode::PERMISSION_DENIED:
            return fail(Errc::unauthorized, "{}", text);
        case grpc::StatusCode::UNIMPLEMENTED:
            return fail(Errc::unsupported, "{}", text);
        default:
            return fail(Errc::invalid, "{}", text);
    }
}

struct Connection {
    SparkUrl url;
    std::string address;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<connect::SparkConnectService::Stub> stub;
};

class ConnectSession final : public SparkSession {
public:
    ConnectSession(std::shared_ptr<Connection> connection, std::string id)
        : connection_(std::move(connection)), id_(std::move(id)) {}

    Result<std::string> version() override {
        auto request = request_of<connect::AnalyzePlanRequest>();
        request.mutable_spark_version();
        return TRY(analyze(request)).spark_version().version();
    }

    Result<> configure(const std::map<std::string, std::string>& settings) override {
        auto request = request_of<connect::ConfigRequest>();
        for (const auto& [name, value] : settings) {
            auto* pair = request.mutable_operation()->mutable_set()->add_pairs();
            pair->set_key(name);
            pair->set_value(value);
        }
        TRY(config(request));
        return {};
    }

    Result<std::optional<std::string>> setting(const std::string& name) override {
        auto request = request_of<connect::ConfigRequest>();
        request.mutable_operation()->mutable_get_option()->add_keys(name);
        auto response = TRY(config(request));
        if (response.pairs_size() == 0 || !response.pairs(0).has_value()) return std::optional<std::string>();
        return std::optional(response.pairs(0).value());
    }

    Result<connect::DataType> schema(const connect::Relation& relation) override {
        auto request = request_of<connect::AnalyzePlanRequest>();
        *request.mutable_schema()->mutable_plan()->mutable_root() = relation;
        return TRY(analyze(request)).schema().schema();
    }

    Result<> create_view(std::string_view name, const connect::Relation& relation) override {
        connect::Plan plan;
        auto* view = plan.mutable_command()->mutable_create_dataframe_view();
        view->set_name(std::string(name));
        view->set_replace(true);
        *view->mutable_input() = relation;
        return execute(plan, [](const auto&) { return Result<>(); });
    }

    Result<> collect(const connect::Relation& relation,
                     const std::function<Result<>(std::string_view)>& handle) override {
        connect::Plan plan;
        *plan.mutable_root() = relation;
        return execute(
            plan,
            [&](const connect::ExecutePlanResponse& response) -> Result<> {
                if (!response.has_arrow_batch()) return {};
                return handle(response.arrow_batch().data());
            },
            slow_timeout);
    }

    Result<SparkStream> start(const connect::WriteStreamOperationStart& stream) override {
        connect::Plan plan;
        *plan.mutable_command()->mutable_write_stream_operation_start() = stream;
        SparkStream out;
        TRY(execute(
            plan,
            [&](const connect::ExecutePlanResponse& response) -> Result<> {
                if (!response.has_write_stream_operation_start_result()) return {};
                const auto& started = response.write_stream_operation_start_result();
                out = {started.query_id().id(), started.query_id().run_id(), started.name()};
                return {};
            },
            slow_timeout));
        if (out.id.empty()) return fail(Errc::invalid, "Spark did not say that the query was started");
        return out;
    }

    Result<std::vector<SparkStream>> active() override {
        connect::Plan plan;
        plan.mutable_command()->mutable_streaming_query_manager_command()->set_active(true);
        std::vector<SparkStream> out;
        TRY(execute(plan, [&](const connect::ExecutePlanResponse& response) -> Result<> {
            for (const auto& one :
                 response.streaming_query_manager_command_result().active().active_queries())
                out.push_back({one.id().id(), one.id().run_id(), one.name()});
            return {};
        }));
        return out;
    }

    Result<SparkStreamState> state(const SparkStream& stream) override {
        auto plan = command_of(stream);
        plan.mutable_command()->mutable_streaming_query_command()->set_status(true);
        SparkStreamState out;
        TRY(execute(plan, [&](const connect::ExecutePlanResponse& response) -> Result<> {
            if (!response.streaming_query_command_result().has_status()) return {};
            const auto& status = response.streaming_query_command_result().status();
            out.active = status.is_active();
            out.message = status.status_message();
            out.waiting_for_data = status.is_active() && !status.is_data_available() &&
                                   !status.is_trigger_active() && out.message == "Waiting for data to arrive";
            return {};
        }));
        return out;
    }

    Result<std::vector<std::string>> progress(const SparkStream& stream, bool recent) override {
        auto plan = command_of(stream);
        auto* command = plan.mutable_command()->mutable_streaming_query_command();
        if (recent)
            command->set_recent_progress(true);
        else
            command->set_last_progress(true);
        std::vector<std::string> out;
        TRY(execute(plan, [&](const connect::ExecutePlanResponse& response) -> Result<> {
            for (const auto& json :
                 response.streaming_query_command_result().recent_progress().recent_progress_json())
                out.push_back(json);
            return {};
        }));
        return out;
    }

    Result<std::string> exception(const SparkStream& stream) override {
        auto plan = command_of(stream);
        plan.mutable_command()->mutable_streaming_query_command()->set_exception(true);
        std::string out;
        TRY(execute(plan, [&](const connect::ExecutePlanResponse& response) -> Result<> {
            if (response.streaming_query_command_result().has_exception())
                out = response.streaming_query_command_result().exception().exception_message();
            return {};
        }));
        return out;
    }

    Result<> stop(const SparkStream& stream) override {
        auto plan = command_of(stream);
        plan.mutable_command()->mutable_streaming_query_command()->set_stop(true);
        return execute(plan, [](const auto&) { return Result<>(); }, stop_timeout);
    }

    void interrupt() override {
        std::lock_guard lock(mutex_);
        for (auto* context : under_way_) context->TryCancel();
    }

    Result<> release() override {
        auto request = request_of<connect::ReleaseSessionRequest>();
        grpc::ClientContext context;
        UnderWay under_way(*this, context, call_timeout);
        connect::ReleaseSessionResponse response;
        return told(connection_->stub->ReleaseSession(&context, request, &response));
    }

private:
    template <class Request>
    Request request_of() const {
        Request request;
        request.set_session_id(id_);
        request.mutable_user_context()->set_user_id(connection_->url.user_id);
        request.mutable_user_context()->set_user_name(connection_->url.user_id);
        request.set_client_type(std::string(client_type));
        return request;
    }

    static connect::Plan command_of(const SparkStream& stream) {
        connect::Plan plan;
        auto* id = plan.mutable_command()->mutable_streaming_query_command()->mutable_query_id();
        id->set_id(stream.id);
        id->set_run_id(stream.run_id);
        return plan;
    }

    /// A call that interrupt() can cut off.
    class UnderWay {
    public:
        UnderWay(ConnectSession& session, grpc::ClientContext& context, std::chrono::seconds timeout)
            : session_(session), context_(context) {
            context.set_deadline(std::chrono::system_clock::now() + timeout);
            const auto& token = session.connection_->url.token;
            if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
            std::lock_guard lock(session_.mutex_);
            session_.under_way_.insert(&context_);
        }
        ~UnderWay() {
            std::lock_guard lock(session_.mutex_);
            session_.under_way_.erase(&context_);
        }
        UnderWay(const UnderWay&) = delete;
        UnderWay& operator=(const UnderWay&) = delete;

    private:
        ConnectSession& session_;
        grpc::ClientContext& context_;
    };

    /// Names the server: the text of a refused connection does not.
    Result<> told(const grpc::Status& status) const {
        auto result = result_of(status);
        if (!result && (result.error().code == Errc::unavailable || result.error().code == Errc::timeout))
            return fail(fmt::format("Spark at {}", connection_->address), std::move(result).error());
        return result;
    }

    Result<connect::ConfigResponse> config(const connect::ConfigRequest& request) {
        grpc::ClientContext context;
        UnderWay under_way(*this, context, call_timeout);
        connect::ConfigResponse response;
        TRY(told(connection_->stub->Config(&context, request, &response)));
        return response;
    }

    Result<connect::AnalyzePlanResponse> analyze(const connect::AnalyzePlanRequest& request) {
        grpc::ClientContext context;
        UnderWay under_way(*this, context, call_timeout);
        connect::AnalyzePlanResponse response;
        TRY(told(connection_->stub->AnalyzePlan(&context, request, &response)));
        return response;
    }

    template <class Handle>
    Result<> execute(const connect::Plan& plan, Handle handle, std::chrono::seconds timeout = call_timeout) {
        auto request = request_of<connect::ExecutePlanRequest>();
        *request.mutable_plan() = plan;
        grpc::ClientContext context;
        UnderWay under_way(*this, context, timeout);
        auto reader = connection_->stub->ExecutePlan(&context, request);
        connect::ExecutePlanResponse response;
        Result<> handled;
        while (handled && reader->Read(&response)) handled = handle(response);
        if (!handled) context.TryCancel();
        auto status = reader->Finish();
        if (!handled) return handled;
        return told(status);
    }

    std::shared_ptr<Connection> connection_;
    const std::string id_;
    std::mutex mutex_;
    std::set<grpc::ClientContext*> under_way_;
};

class ConnectServer final : public SparkServer {
public:
    explicit ConnectServer(const SparkUrl& url) : connection_(std::make_shared<Connection>()) {
        connection_->url = url;
        bool is_ipv6 = url.host.find(':') != std::string::npos;
        connection_->address =
            fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", url.host, is_ipv6 ? "]" : "", url.port);
        grpc::ChannelArguments arguments;
        arguments.SetMaxReceiveMessageSize(max_message_bytes);
        arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
        arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
        auto credentials = url.use_ssl ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials();
        connection_->channel = grpc::CreateCustomChannel(connection_->address, credentials, arguments);
        connection_->stub = connect::SparkConnectService::NewStub(connection_->channel);
    }

    std::unique_ptr<SparkSession> session(const std::string& id) override {
        return std::make_unique<ConnectSession>(connection_, id);
    }

private:
    std::shared_ptr<Connection> connection_;
};

}  // namespace

std::shared_ptr<SparkServer> connect_spark(const SparkUrl& url) {
    return std::make_shared<ConnectServer>(url);
}

}  // namespace penstock::stream
