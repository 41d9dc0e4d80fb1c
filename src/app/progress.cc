#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/units.h"

namespace penstock::app {
namespace {

std::size_t terminal_width() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 120;
}

/// Cut to the terminal's width; the texts of these lines are ASCII.
std::string cut(std::string line, std::size_t width) {
    if (line.size() > width) line = line.substr(0, width - 3) + "...";
    return line;
}

std::string per_second(double rate) {
    return format_count(std::int64_t(rate + 0.5)) + "/s";
}

}  // namespace

Progress::Progress(ingest::Sources& sources, stream::Engine& engine, metadata::Metadata& metadata)
    : sources_(sources), engine_(engine), metadata_(metadata) {}

void Progress::start() {
    thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

void Progress::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

double Progress::rate(const std::string& what, std::int64_t count) {
    auto now = system_clock().monotonic_us();
    auto& entry = rates_[what];
    if (entry.at_us != 0 && now > entry.at_us) {
        double instant = double(count - entry.count) * 1e6 / double(now - entry.at_us);
        // Half the past, half the present: a source that fetches every two seconds shows a steady rate.
        entry.per_second = entry.per_second == 0 ? instant : (entry.per_second + instant) / 2;
        if (entry.per_second < 0.5) entry.per_second = 0;
    }
    entry.count = count;
    entry.at_us = now;
    return entry.per_second;
}

std::vector<std::string> Progress::lines() {
    std::vector<std::string> out;
    out.push_back(fmt::format("{:<26} {:>12} {:>12} {:>10} {:>9}  {}", "source", "fetched", "acknowledged",
                              "rate", "rejected", "state"));
    for (const auto& source : sources_.status()) {
        std::string state(ingest::to_string(source.state));
        if (source.replica)
            state += ", REPLICA answers: not the real API's people";
        else if (!source.detail.empty())
            state += ": " + source.detail;
        out.push_back(fmt::format("{:<26} {:>12} {:>12} {:>10} {:>9}  {}", source.name + " > " + source.topic,
                                  format_count(source.counts.fetched),
                                  format_count(source.counts.acknowledged),
                                  per_second(rate("s/" + source.name, source.counts.acknowledged)),
                                  format_count(source.counts.rejected), state));
    }
    out.push_back(fmt::format("{:<26} {:>12} {:>12} {:>10} {:>9}  {}", "query", "processed", "stored", "rate",
                              "rejected", "state"));
    for (const auto& query : engine_.status()) {
        auto state = fmt::format("{}, lag {}", stream::to_string(query.state), format_count(query.lag));
        if (query.late > 0) state += ", late " + format_count(query.late);
        if (!query.detail.empty()) state += ": " + query.detail;
        out.push_back(fmt::format("{:<26} {:>12} {:>12} {:>10} {:>9}  {}", query.name,
                                  format_count(query.processed), format_count(query.stored),
                                  per_second(rate("q/" + query.name, query.processed)),
                                  format_count(query.rejected), state));
    }
    if (auto runs = metadata_.runs("", 3); runs && !runs->empty()) {
        out.push_back("last runs");
        for (const auto& run : *runs)
            out.push_back(fmt::format("  {} {} {}", run.dag, run.run_id, metadata::to_string(run.state)));
    }
    return out;
}

std::string Progress::summary_line() {
    ingest::SourceCounts total;
    bool replica = false;
    for (const auto& source : sources_.status()) {
        total.fetched += source.counts.fetched;
        total.acknowledged += source.counts.acknowledged;
        total.rejected += source.counts.rejected;
        replica |= source.replica;
    }
    std::int64_t processed = 0, stored = 0, lag = 0;
    for (const auto& query : engine_.status()) {
        processed += query.processed;
        stored += query.stored;
        total.rejected += query.rejected;
        lag += query.lag;
    }
    return fmt::format("fetched {} acknowledged {} processed {} stored {} rejected {} ({}) lag {}{}",
                       total.fetched, total.acknowledged, processed, stored, total.rejected,
                       per_second(rate("total", total.acknowledged)), lag, replica ? " source: REPLICA" : "");
}

void Progress::loop(std::stop_token stop) {
    bool terminal = ::isatty(STDOUT_FILENO) == 1;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    std::size_t drawn = 0;
    while (!stop.stop_requested()) {
        if (terminal) {
            auto width = terminal_width();
            std::string screen;
            if (drawn > 0) screen += fmt::format("\x1b[{}A", drawn);
            auto all = lines();
            for (const auto& line : all) screen += "\x1b[2K" + cut(line, width) + "\n";
            drawn = all.size();
            screen += "\x1b[J";
            fmt::print("{}", screen);
        } else {
            fmt::print("{}\n", summary_line());
        }
        std::fflush(stdout);
        wake.wait_for(lock, stop, std::chrono::seconds(terminal ? 1 : 10), [] { return false; });
    }
}

}  // namespace penstock::app
