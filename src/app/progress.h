// The live table of `penstock up`: what moves through each pipeline now.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "ingest/sources.h"
#include "orchestrate/scheduler.h"
#include "stream/engine.h"

namespace penstock::app {

/// Redraws once a second in a terminal; prints one line every ten seconds anywhere else.
class Progress {
public:
    Progress(ingest::Sources& sources, stream::Engine& engine, metadata::Metadata& metadata);
    void start();
    void stop();

private:
    struct Rate {
        std::int64_t count = 0;
        std::int64_t at_us = 0;
        double per_second = 0;
    };
    void loop(std::stop_token stop);
    double rate(const std::string& what, std::int64_t count);
    std::vector<std::string> lines();
    std::string summary_line();

    ingest::Sources& sources_;
    stream::Engine& engine_;
    metadata::Metadata& metadata_;
    std::map<std::string, Rate> rates_;
    std::jthread thread_;
};

}  // namespace penstock::app
