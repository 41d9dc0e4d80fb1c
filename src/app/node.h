// One Penstock process: all layers wired in the data's order, and shut down in reverse.
#pragma once

#include <memory>
#include <string>

#include "app/settings.h"
#include "base/result.h"

namespace penstock::app {

/// What listens where, as bound.
struct Ports {
    std::uint16_t console = 0;
    std::uint16_t kafka = 0;
    std::uint16_t cql = 0;
    std::uint16_t schemas = 0;
};

class Node {
public:
    /// Opens the data directory, binds the ports, loads the pipelines. Everything runs when this returns.
    static Result<std::unique_ptr<Node>> start(const Settings& settings);
    /// Sources first, then queries, then servers: what was acknowledged is processed or stays in its topic.
    ~Node();

    const Ports& ports() const;
    /// One line for each layer: what stands behind its seam.
    std::string describe() const;
    void show_progress();

private:
    struct Parts;
    explicit Node(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::app
