#include "store/cql/service.h"

#include <xxhash.h>

#include <algorithm>

#include "store/bytes.h"
#include "store/cql/batch_rules.h"
#include "store/cql/consistency.h"
#include "store/cql/describe.h"
#include "store/cql/parser.h"
#include "store/cql/select_run.h"
#include "store/cql/token_stream.h"
#include "store/row_cursor.h"
#include "store/value.h"
#include "wire/cql/primitives.h"

namespace penstock::store::cql {

struct BatchPlan {
    const Batch* batch = nullptr;
    std::vector<ModifyPlan> statements;
};

struct PreparedStatement {
    std::string text;
    std::string keyspace;  ///< the session's when it was prepared
    std::string id;
    Parsed parsed;
    std::unique_ptr<Modification>
        modification;  ///< a lone INSERT, UPDATE or DELETE: what the plan points into
    std::vector<MarkerSpec> markers;
    std::variant<std::monostate, SelectPlan, ModifyPlan, BatchPlan> plan;
    std::string result_metadata_id;

    /// Clients that know the one know the other.
    bool looks_like(const PreparedStatement& other) const {
        return result_metadata_id == other.result_metadata_id && markers == other.markers;
    }

    /// The tables it was planned for are the catalogue's still.
    bool is_current(const Catalogue& catalogue) const {
        auto same = [&](const TableRef& ref) {
            return ref.is_virtual || catalogue.table(ref.table->keyspace, ref.table->name) == ref.table;
        };
        if (const auto* select = std::get_if<SelectPlan>(&plan))
            return same(select->ref) && (!select->base.table || same(select->base));
        if (const auto* modify = std::get_if<ModifyPlan>(&plan)) return same(modify->ref);
        if (const auto* batch = std::get_if<BatchPlan>(&plan))
            return std::ranges::all_of(batch->statements, [&](const auto& one) { return same(one.ref); });
        return true;
    }
};

namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;

constexpr std::size_t most_prepared = 10'000;
constexpr std::size_t most_prepared_bytes = 16u << 20;
constexpr std::size_t most_prepared_text = 1u << 20;
constexpr std::size_t most_batch_statements = 65'535;

std::string hash_bytes(std::string_view bytes) {
    auto hash = XXH3_128bits(bytes.data(), bytes.size());
    std::string out;
    append_big_endian(out, hash.high64);
    append_big_endian(out, hash.low64);
    return out;
}

ErrorResponse syntax_error(const Error& error) {
    if (error.text.starts_with(syntax_prefix))
        return {ErrorCode::syntax, error.text.substr(syntax_prefix.size()), {}, {}, {}};
    // What the parser knows and does not offer is no error of syntax.
    return {error.text.starts_with("line ") ? ErrorCode::syntax : ErrorCode::invalid, error.text, {}, {}, {}};
}

Answer void_answer() {
    Answer out;
    wire::cql::append_void_result(out.body);
    return out;
}

Answer rows_answer(const std::vector<wire::cql::ColumnSpec>& columns,
                   const std::vector<std::vector<std::optional<std::string>>>& rows, int version) {
    Answer out;
    wire::cql::append_rows_head(out.body, version, {&columns, false, {}, {}});
    wire::cql::append_int(out.body, std::int32_t(rows.size()));
    for (const auto& row : rows) {
        for (const auto& value : row) {
            if (value)
                wire::cql::append_bytes(out.body, *value);
            else
                wire::cql::append_null_bytes(out.body);
        }
    }
    return out;
}

/// A view that takes all columns has those that its table gets.
void add_changed_views(const Catalogue& before, const Catalogue& after,
                       std::vector<wire::cql::SchemaChange>& changes) {
    auto first = changes[0];
    if (first.change != "UPDATED" || first.target != "TABLE") return;
    auto at = after.keyspaces.find(first.keyspace);
    if (at == after.keyspaces.end()) return;
    for (const auto& [name, table] : at->second.tables)
        if (table->view && table->view->base == first.table && before.table(first.keyspace, name) != table)
            changes.push_back({first.change, first.target, first.keyspace, name});
}

ErrorResponse not_prepared(std::string_view id) {
    std::string hex;
    for (unsigned char c : id) hex += fmt::format("{:02x}", c);
    return {ErrorCode::unprepared,
            "Prepared query with ID " + hex +
                " not found (either the query was not prepared on this host (maybe the host has been "
                "restarted?) or you have prepared too many queries and it has been evicted from the internal "
                "cache)",
            {},
            {},
            std::string(id)};
}

Result<std::vector<int>> order_of(const std::vector<MarkerSpec>& markers,
                                  const std::vector<std::string_view>& names) {
    std::vector<int> out;
    if (names.empty()) return out;
    for (const auto& marker : markers) {
        // Drivers send names in lower case where the statement has them without quotes.
        auto at = std::ranges::find(names, std::string_view(marker.name));
        if (at == names.end()) return fail(Errc::invalid, "Missing value for bind variable :{}", marker.name);
        out.push_back(int(at - names.begin()));
    }
    return out;
}

}  // namespace

CqlService::CqlService(Database& database, NodeIdentity identity, Roles* roles)
    : database_(database),
      roles_(roles),
      system_(
          database, std::move(identity), roles, &traces_, [this] { return prepared_texts(); }, &clients_) {}
CqlService::~CqlService() = default;

Answer CqlService::error(const ErrorResponse& error) {
    Answer out;
    out.opcode = wire::cql::Opcode::error;
    wire::cql::append_error(out.body, error);
    return out;
}

/// Later than every one before, so that what a client writes later wins.
std::int64_t CqlService::next_timestamp_us() {
    auto now = database_.clock().now_us();
    auto last = last_timestamp_us_.load();
    std::int64_t next;
    do next = std::max(now, last + 1);
    while (!last_timestamp_us_.compare_exchange_weak(last, next));
    return next;
}

/// The client's, or the clock's.
std::int64_t CqlService::now_seconds(const wire::cql::QueryParameters& parameters) const {
    return parameters.now_seconds ? std::int64_t(*parameters.now_seconds) : database_.now_seconds();
}

WriteTime CqlService::time_of(const wire::cql::QueryParameters& parameters) {
    return {parameters.timestamp_us ? *parameters.timestamp_us : next_timestamp_us(),
            now_seconds(parameters),
            {},
            &database_};
}

CqlService::Outcome<CqlService::Prepared> CqlService::statement_of(std::string_view text,
                                                                   std::string_view keyspace) {
    auto out = std::make_shared<PreparedStatement>();
    out->text = text;
    out->keyspace = keyspace;
    out->id = hash_bytes(out->keyspace + '\0' + out->text);
    auto parsed = parse(text);
    if (!parsed) return std::unexpected(syntax_error(parsed.error()));
    out->parsed = std::move(*parsed);
    out->markers.resize(out->parsed.markers.size());
    auto catalogue = database_.catalogue();
    const auto& statement = out->parsed.statement;
    auto refuse = [](const Error& error) { return std::unexpected(error_response(error)); };
    auto modify = [&](const Modification& one) {
        return plan_modify(one, *catalogue, keyspace, out->markers);
    };
    std::string result_columns;
    if (const auto* select = std::get_if<Select>(&statement)) {
        auto plan = plan_select(*select, *catalogue, keyspace, out->markers);
        if (!plan) return refuse(plan.error());
        for (const auto& column : plan->result) result_columns += column.name + '\0';
        for (const auto& output : plan->outputs) result_columns += to_string(output.type) + '\0';
        out->plan = std::move(*plan);
    } else if (const auto* batch = std::get_if<Batch>(&statement)) {
        BatchPlan plan{batch, {}};
        if (batch->with.timestamp)
            note_markers(*batch->with.timestamp, Kind::bigint, "[timestamp]", out->markers);
        for (const auto& one : batch->statements) {
            auto planned = modify(one);
            if (!planned) return refuse(planned.error());
            plan.statements.push_back(std::move(*planned));
        }
        std::vector<const ModifyPlan*> plans;
        for (const auto& planned : plan.statements) plans.push_back(&planned);
        if (auto valid = check_batch(batch->kind, batch->with, plans); !valid) return refuse(valid.error());
        out->plan = std::move(plan);
    } else if (const auto* roles = std::get_if<RoleStatement>(&statement);
               roles && !roles->syntax_fault.empty()) {
        return std::unexpected(ErrorResponse{ErrorCode::syntax, roles->syntax_fault, {}, {}, {}});
    } else if (const auto* unsupported = std::get_if<Unsupported>(&statement)) {
        return std::unexpected(ErrorResponse{
            ErrorCode::invalid,
            unsupported->error.empty() ? unsupported->what + " is not offered" : unsupported->error,
            {},
            {},
            {}});
    } else {
        Result<ModifyPlan> planned = fail(Errc::internal, "");
        bool modifies = true;
        auto plan_one = [&](const auto& one) {
            using One = std::decay_t<decltype(one)>;
            if constexpr (std::is_same_v<One, Insert> || std::is_same_v<One, Update> ||
                          std::is_same_v<One, Delete>) {
                out->modification = std::make_unique<Modification>(one);
                planned = plan_modify(*out->modification, *catalogue, keyspace, out->markers);
            } else {
                modifies = false;
            }
        };
        std::visit(plan_one, statement);
        if (modifies && !planned) return refuse(planned.error());
        if (modifies) out->plan = std::move(*planned);
    }
    out->result_metadata_id = hash_bytes(result_columns);
    return Prepared(std::move(out));
}

std::vector<PreparedText> CqlService::prepared_texts() {
    std::vector<PreparedText> out;
    auto catalogue = database_.catalogue();
    std::lock_guard lock(mutex_);
    for (const auto& [id, statement] : prepared_)
        if (statement->is_current(*catalogue))
            out.push_back({statement->id, statement->keyspace, statement->text});
    return out;
}

CqlService::Outcome<CqlService::Prepared> CqlService::prepared(std::string_view id) {
    Prepared found;
    {
        std::lock_guard lock(mutex_);
        auto at = prepared_.find(std::string(id));
        if (at != prepared_.end()) found = at->second;
    }
    if (!found) return std::unexpected(not_prepared(id));
    if (found->is_current(*database_.catalogue())) return found;
    // The table has changed since: look everything up again, under the same id.
    auto fresh = statement_of(found->text, found->keyspace);
    if (!fresh) return fresh;
    std::lock_guard lock(mutex_);
    if (!(*fresh)->looks_like(*found)) {
        // What clients know of its columns is wrong now: they have to prepare it again.
        if (auto at = prepared_.find(found->id); at != prepared_.end() && at->second == found) {
            prepared_.erase(at);
            prepared_order_.remove(found->id);
            prepared_bytes_ -= found->text.size();
        }
        return std::unexpected(not_prepared(id));
    }
    if (auto at = prepared_.find(found->id); at != prepared_.end()) at->second = *fresh;
    return fresh;
}

CqlService::Work CqlService::start(const wire::cql::Request& request, std::string_view session_keyspace,
                                   int version, const Caller& caller) {
    if (const auto* one = std::get_if<wire::cql::Query>(&request))
        return query(*one, one->parameters.keyspace.value_or(session_keyspace), version, caller);
    if (const auto* one = std::get_if<wire::cql::Prepare>(&request))
        return prepare(*one, one->keyspace.value_or(session_keyspace), version);
    if (const auto* one = std::get_if<wire::cql::Execute>(&request)) return execute(*one, version, caller);
    if (const auto* one = std::get_if<wire::cql::BatchRequest>(&request))
        return batch(*one, one->parameters.keyspace.value_or(session_keyspace), caller);
    return error({ErrorCode::protocol, "the message is not one that runs a statement", {}, {}, {}});
}

CqlService::Work CqlService::query(const wire::cql::Query& query, std::string_view keyspace, int version,
                                   const Caller& caller) {
    auto statement = statement_of(query.text, keyspace);
    if (!statement) return error(statement.error());
    return run(std::move(*statement), query.parameters, keyspace, version, std::nullopt, caller);
}

Answer CqlService::prepare(const wire::cql::Prepare& prepare, std::string_view keyspace, int version) {
    if (prepare.text.size() > most_prepared_text)
        return error({ErrorCode::invalid,
                      "a statement of more than 1 MiB cannot be prepared: bind its values",
                      {},
                      {},
                      {}});
    auto statement = statement_of(prepare.text, keyspace);
    if (!statement) return error(statement.error());
    const auto& made = **statement;
    wire::cql::PreparedResponse response;
    response.id = made.id;
    response.result_metadata_id = made.result_metadata_id;
    const TableDefinition* table = nullptr;
    if (const auto* select = std::get_if<SelectPlan>(&made.plan)) {
        table = &select->table();
        response.result = select->result;
    } else if (const auto* modify = std::get_if<ModifyPlan>(&made.plan)) {
        table = &modify->table();
    } else if (const auto* batch = std::get_if<BatchPlan>(&made.plan);
               batch != nullptr && !batch->statements.empty()) {
        table = &batch->statements[0].table();
    }
    for (const auto& marker : made.markers) {
        if (!marker.known)
            return error({ErrorCode::invalid,
                          "the type of a bind variable cannot be known where it stands",
                          {},
                          {},
                          {}});
        response.variables.push_back(
            {table ? table->keyspace : "", table ? table->name : "", marker.name, type_option(marker.type)});
    }
    // Which variables make up the partition key, so that clients can route; only when every column of it is
    // one.
    if (table != nullptr && !std::holds_alternative<BatchPlan>(made.plan)) {
        for (std::uint32_t i = 0; i < table->partition_columns; ++i) {
            auto at = std::ranges::find(made.markers, int(i), &MarkerSpec::partition_column);
            if (at == made.markers.end()) {
                response.partition_key.clear();
                break;
            }
            response.partition_key.push_back(std::uint16_t(at - made.markers.begin()));
        }
    }
    {
        std::lock_guard lock(mutex_);
        if (prepared_.insert_or_assign(made.id, *statement).second) {
            prepared_order_.push_back(made.id);
            prepared_bytes_ += made.text.size();
        }
        while (prepared_order_.size() > most_prepared || prepared_bytes_ > most_prepared_bytes) {
            auto oldest = prepared_.find(prepared_order_.front());
            prepared_bytes_ -= oldest->second->text.size();
            prepared_.erase(oldest);
            prepared_order_.pop_front();
        }
    }
    Answer out;
    wire::cql::append_prepared_result(out.body, version, response);
    return out;
}

CqlService::Work CqlService::execute(const wire::cql::Execute& execute, int version, const Caller& caller) {
    auto statement = prepared(execute.id);
    if (!statement) return error(statement.error());
    std::optional<std::string> new_metadata;
    bool select = std::holds_alternative<SelectPlan>((*statement)->plan);
    if (select && execute.result_metadata_id &&
        *execute.result_metadata_id != (*statement)->result_metadata_id)
        new_metadata = (*statement)->result_metadata_id;
    auto keyspace = (*statement)->keyspace;
    return run(std::move(*statement), execute.parameters, keyspace, version, std::move(new_metadata), caller);
}

CqlService::Work CqlService::run(Prepared statement, const wire::cql::QueryParameters& parameters,
                                 std::string_view keyspace, int version,
                                 std::optional<std::string> new_metadata_id, const Caller& caller) {
    if (auto may = authorize(*statement, keyspace, caller); !may) return error(error_response(may.error()));
    if (parameters.values.size() != statement->markers.size())
        return error({ErrorCode::invalid,
                      fmt::format("Invalid amount of bind variables: expected {}, got {}",
                                  statement->markers.size(), parameters.values.size()),
                      {},
                      {},
                      {}});
    Bindings bindings{&parameters.values, {}, database_.clock().now_us()};
    auto order = order_of(statement->markers, parameters.names);
    if (!order) return error(error_response(order.error()));
    bindings.order = std::move(*order);
    auto time = time_of(parameters);

    if (const auto* plan = std::get_if<SelectPlan>(&statement->plan)) {
        bindings.table = &plan->table();
        if (wire::cql::Consistency(parameters.consistency) == wire::cql::Consistency::any)
            return error(
                {ErrorCode::invalid, "ANY ConsistencyLevel is only supported for writes", {}, {}, {}});
        if (auto answer = select(*statement, parameters, bindings, version, new_metadata_id, true))
            return std::move(*answer);
        return Blocking([this, statement, &parameters, bindings, version, new_metadata_id] {
            return *select(*statement, parameters, bindings, version, new_metadata_id, false);
        });
    }
    if (const auto* modify = std::get_if<ModifyPlan>(&statement->plan)) {
        bindings.table = &modify->table();
        if (auto may = check_consistency(*modify, parameters, *database_.catalogue()); !may)
            return error(error_response(may.error()));
        if (modify->is_conditional())
            return Blocking([this, statement, modify, bindings, time] {
                return conditional({{modify, bindings}}, false, time);
            });
        if (modify->reads_lists)
            return Blocking([this, statement, modify, bindings, time] {
                return read_and_write({{modify, bindings}}, time);
            });
        PendingWrite write{rocksdb::WriteBatch(), void_answer()};
        auto appended = append_writes(*modify, bindings, time, write.batch);
        if (!appended) return error(error_response(appended.error()));
        return write;
    }
    if (const auto* batch = std::get_if<BatchPlan>(&statement->plan)) {
        if (batch->batch->with.timestamp) {
            auto value = evaluate(*batch->batch->with.timestamp, Kind::bigint, "[timestamp]", bindings);
            if (!value) return error(error_response(value.error()));
            if (value->bytes.size() == 8)
                time.timestamp_us = load_big_endian<std::int64_t>(value->bytes.data());
        }
        std::vector<ConditionalStatement> statements;
        for (const auto& one : batch->statements) {
            bindings.table = &one.table();
            statements.push_back({&one, bindings});
        }
        return run_batch(batch->batch->kind, {statement}, std::move(statements), parameters, time);
    }
    if (const auto* use = std::get_if<Use>(&statement->parsed.statement)) {
        if (!is_system_keyspace(use->keyspace) && database_.catalogue()->keyspace(use->keyspace) == nullptr)
            return error(
                {ErrorCode::invalid, fmt::format("Keyspace '{}' does not exist", use->keyspace), {}, {}, {}});
        Answer out;
        wire::cql::append_set_keyspace_result(out.body, use->keyspace);
        out.keyspace = use->keyspace;
        return out;
    }
    if (const auto* drop = std::get_if<DropFunction>(&statement->parsed.statement)) {
        // There are none.
        if (drop->if_exists) return void_answer();
        return error({ErrorCode::invalid,
                      fmt::format("{} '{}.{}' doesn't exist", drop->aggregate ? "Aggregate" : "Function",
                                  drop->name.keyspace.empty() ? std::string(keyspace) : drop->name.keyspace,
                                  drop->name.name),
                      {},
                      {},
                      {}});
    }
    if (const auto* what = std::get_if<Describe>(&statement->parsed.statement)) {
        auto description = describe(*what, *database_.catalogue(), system_.identity(), keyspace);
        if (!description) return error(error_response(description.error()));
        std::vector<std::vector<std::optional<std::string>>> rows;
        for (auto& row : description->rows) rows.emplace_back(row.begin(), row.end());
        return rows_answer(description->columns, rows, version);
    }
    if (const auto* about_roles = std::get_if<RoleStatement>(&statement->parsed.statement)) {
        return Blocking([this, statement, about_roles, session = std::string(keyspace), version, caller] {
            return change_roles(*about_roles, session, version, caller);
        });
    }
    return Blocking([this, statement, session = std::string(keyspace), caller] {
        std::vector<std::string> warnings;
        auto before = database_.catalogue();
        auto changed = change_schema(database_, statement->parsed.statement, session,
                                     system_.identity().data_center, warnings);
        if (!changed) return error(changed.error());
        if (!*changed) {
            auto nothing = void_answer();
            nothing.warnings = std::move(warnings);
            return nothing;
        }
        if (roles_ != nullptr)
            if (auto followed = follow_schema_change(*roles_, caller, **changed); !followed)
                return error(error_response(followed.error()));
        Answer out;
        wire::cql::append_schema_change_result(out.body, **changed);
        out.changes = {**changed};
        add_changed_views(*before, *database_.catalogue(), out.changes);
        out.warnings = std::move(warnings);
        return out;
    });
}

void CqlService::describe_for_trace(const wire::cql::Request& request, TraceSession& trace) {
    auto take = [&](const wire::cql::QueryParameters& parameters) {
        trace.parameters["consistency_level"] = wire::cql::consistency_name(parameters.consistency);
        if (parameters.page_size) trace.parameters["page_size"] = std::to_string(*parameters.page_size);
        trace.parameters["serial_consistency_level"] = wire::cql::consistency_name(
            parameters.serial_consistency.value_or(std::uint16_t(wire::cql::Consistency::serial)));
    };
    if (const auto* query = std::get_if<wire::cql::Query>(&request)) {
        trace.request = "Execute CQL3 query";
        trace.parameters["query"] = query->text;
        take(query->parameters);
    } else if (const auto* to_prepare = std::get_if<wire::cql::Prepare>(&request)) {
        trace.request = "Preparing CQL3 query";
        trace.parameters["query"] = to_prepare->text;
    } else if (const auto* to_execute = std::get_if<wire::cql::Execute>(&request)) {
        trace.request = "Execute CQL3 prepared query";
        if (auto statement = prepared(to_execute->id)) trace.parameters["query"] = (*statement)->text;
        take(to_execute->parameters);
    } else if (const auto* to_batch = std::get_if<wire::cql::BatchRequest>(&request)) {
        trace.request = "Execute batch of CQL3 queries";
        take(to_batch->parameters);
    }
}

Result<> CqlService::authorize(const PreparedStatement& statement, std::string_view keyspace,
                               const Caller& caller) const {
    if (roles_ == nullptr || !caller.is_known()) return {};
    auto roles = roles_->get();
    auto modify = [&](const ModifyPlan& plan) -> Result<> {
        const auto& table = plan.table();
        TRY(require_for_table(*roles, caller, Permission::modify, table.keyspace, table.name));
        // Conditions tell what is there.
        if (!plan.is_conditional()) return {};
        return require_for_table(*roles, caller, Permission::select, table.keyspace, table.name);
    };
    if (const auto* select = std::get_if<SelectPlan>(&statement.plan))
        return require_for_table(*roles, caller, Permission::select, select->table().keyspace,
                                 select->table().view ? select->table().view->base : select->table().name);
    if (const auto* one = std::get_if<ModifyPlan>(&statement.plan)) return modify(*one);
    if (const auto* many = std::get_if<BatchPlan>(&statement.plan)) {
        for (const auto& one : many->statements) TRY(modify(one));
        return {};
    }
    return require_for_schema(*roles, *database_.catalogue(), caller, statement.parsed.statement, keyspace);
}

Answer CqlService::change_roles(const RoleStatement& statement, std::string_view keyspace, int version,
                                const Caller& caller) {
    if (roles_ == nullptr)
        return error({ErrorCode::unauthorized,
                      "You have to be logged in and not anonymous to perform this request",
                      {},
                      {},
                      {}});
    auto done = run_role_statement(*roles_, *database_.catalogue(), statement, keyspace, caller,
                                   system_.identity().data_center);
    if (!done) return error(done.error());
    auto out = done->columns.empty() ? void_answer() : rows_answer(done->columns, done->rows, version);
    out.warnings = std::move(done->warnings);
    return out;
}

CqlService::Work CqlService::batch(const wire::cql::BatchRequest& batch, std::string_view keyspace,
                                   const Caller& caller) {
    if (batch.items.size() > most_batch_statements)
        return error({ErrorCode::invalid, "too many statements in BATCH", {}, {}, {}});
    auto time = time_of(batch.parameters);
    std::vector<Prepared> kept;
    std::vector<ConditionalStatement> statements;
    std::vector<const ModifyPlan*> plans;
    for (const auto& item : batch.items) {
        auto statement = item.prepared ? prepared(item.text_or_id) : statement_of(item.text_or_id, keyspace);
        if (!statement) return error(statement.error());
        if (auto may = authorize(**statement, keyspace, caller); !may)
            return error(error_response(may.error()));
        const auto* modify = std::get_if<ModifyPlan>(&(*statement)->plan);
        if (modify == nullptr)
            return error(
                {ErrorCode::invalid,
                 "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
                 {},
                 {},
                 {}});
        if (item.values.size() != (*statement)->markers.size())
            return error({ErrorCode::invalid,
                          fmt::format("Invalid amount of bind variables: expected {}, got {}",
                                      (*statement)->markers.size(), item.values.size()),
                          {},
                          {},
                          {}});
        plans.push_back(modify);
        statements.push_back({modify, {&item.values, {}, database_.clock().now_us()}});
        kept.push_back(std::move(*statement));
    }
    auto kind = Batch::Kind(batch.kind);
    if (auto valid = check_batch(kind, {}, plans); !valid) return error(error_response(valid.error()));
    return run_batch(kind, std::move(kept), std::move(statements), batch.parameters, time);
}

CqlService::Work CqlService::run_batch(Batch::Kind kind, std::vector<Prepared> kept,
                                       std::vector<ConditionalStatement> statements,
                                       const wire::cql::QueryParameters& parameters, const WriteTime& time) {
    if (std::ranges::any_of(statements, [](const auto& one) { return one.plan->is_conditional(); })) {
        auto may = check_conditional_consistency(statements[0].plan->table().keyspace, parameters,
                                                 *database_.catalogue());
        if (!may) return error(error_response(may.error()));
        return Blocking([this, kept, statements, time] { return conditional(statements, true, time); });
    }
    if (std::ranges::any_of(statements, [](const auto& one) { return one.plan->reads_lists; }))
        return Blocking([this, kept, statements, time] { return read_and_write(statements, time); });
    PendingWrite write{rocksdb::WriteBatch(), void_answer()};
    std::vector<const ModifyPlan*> plans;
    for (const auto& [plan, bindings] : statements) {
        if (auto appended = append_writes(*plan, bindings, time, write.batch); !appended)
            return error(error_response(appended.error()));
        plans.push_back(plan);
    }
    if (auto fits = check_batch_size(kind, plans, write.batch, write.answer.warnings); !fits)
        return error(error_response(fits.error()));
    return write;
}

std::optional<Answer> CqlService::select(const PreparedStatement& statement,
                                         const wire::cql::QueryParameters& parameters,
                                         const Bindings& bindings, int version,
                                         const std::optional<std::string>& new_metadata_id, bool at_once) {
    PageRequest page;
    page.version = version;
    page.page_size = parameters.page_size;
    if (parameters.paging_state) page.paging_state = std::string(*parameters.paging_state);
    page.skip_metadata = parameters.skip_metadata;
    page.new_metadata_id = new_metadata_id;
    page.now_seconds = now_seconds(parameters);
    page.at_once = at_once;
    auto body = run_select(std::get<SelectPlan>(statement.plan), database_, system_, bindings, page);
    if (!body && at_once && body.error().code == Errc::unavailable) return std::nullopt;
    if (!body) return error(error_response(body.error()));
    Answer out;
    out.body = std::move(*body);
    if (auto warning = aggregation_warning(std::get<SelectPlan>(statement.plan)); !warning.empty())
        out.warnings.emplace_back(warning);
    return out;
}

/// Writes what has to be read first. As in Cassandra, nothing keeps others from writing in between.
Answer CqlService::read_and_write(const std::vector<ConditionalStatement>& statements,
                                  const WriteTime& time) {
    rocksdb::WriteBatch batch;
    for (const auto& [plan, bindings] : statements)
        if (auto appended = append_writes(*plan, bindings, time, batch); !appended)
            return error(error_response(appended.error()));
    if (auto written = database_.write(std::move(batch)); !written)
        return error(error_response(written.error()));
    return void_answer();
}

/// Reads the partition, tests, writes: alone among conditional statements, as Cassandra's are.
Answer CqlService::conditional(const std::vector<ConditionalStatement>& statements, bool is_batch,
                               const WriteTime& time) {
    auto partition = conditional_partition(statements);
    if (!partition) return error(error_response(partition.error()));
    std::lock_guard lock(row_locks_[std::hash<std::string>()(*partition) % row_locks_.size()]);
    auto outcome = compare_and_set(database_, statements, is_batch, time);
    if (!outcome) return error(error_response(outcome.error()));
    if (outcome->batch)
        if (auto written = database_.write(std::move(*outcome->batch)); !written)
            return error(error_response(written.error()));
    return rows_answer(outcome->columns, outcome->rows, 5);
}

}  // namespace penstock::store::cql
