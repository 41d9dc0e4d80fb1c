#include "store/cql/consistency.h"

namespace penstock::store::cql {
namespace {

using wire::cql::Consistency;

bool is_serial(Consistency consistency) {
    return consistency == Consistency::serial || consistency == Consistency::local_serial;
}

}  // namespace

Result<> check_conditional_consistency(std::string_view keyspace,
                                       const wire::cql::QueryParameters& parameters,
                                       const Catalogue& catalogue) {
    const auto consistency = Consistency(parameters.consistency);
    if (!is_serial(Consistency(parameters.serial_consistency.value_or(std::uint16_t(Consistency::serial)))))
        return fail(Errc::invalid,
                    "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL");
    if (is_serial(consistency))
        return fail(
            Errc::invalid,
            "{} is not supported as conditional update commit consistency. Use ANY if you mean \"make "
            "sure it is accepted but I don't care how many replicas commit it for non-SERIAL reads\"",
            wire::cql::consistency_name(parameters.consistency));
    const auto* definition = catalogue.keyspace(keyspace);
    if (consistency != Consistency::each_quorum || definition == nullptr) return {};
    auto strategy = definition->replication.find("class");
    if (strategy != definition->replication.end() && !strategy->second.ends_with("NetworkTopologyStrategy"))
        return fail(Errc::invalid,
                    "consistency level EACH_QUORUM not compatible with replication strategy ({})",
                    strategy->second);
    return {};
}

Result<> check_consistency(const ModifyPlan& plan, const wire::cql::QueryParameters& parameters,
                           const Catalogue& catalogue) {
    const auto& table = plan.table();
    if (plan.is_conditional()) return check_conditional_consistency(table.keyspace, parameters, catalogue);
    const auto consistency = Consistency(parameters.consistency);
    bool counter = table.is_counter();
    if (counter && consistency == Consistency::any)
        return fail(Errc::invalid, "Consistency level ANY is not yet supported for counter table {}",
                    table.name);
    if (!is_serial(consistency)) return {};
    if (counter) return fail(Errc::invalid, "Counter operations are inherently non-serializable");
    return fail(Errc::invalid, "You must use conditional updates for serializable writes");
}

}  // namespace penstock::store::cql
