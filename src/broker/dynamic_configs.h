// Settings of brokers, groups and client metrics that clients have set, as Kafka's dynamic configs, and the
// levels of features; settings of topics are in the catalogue. Kept on disk as a text file that is replaced
// as a whole; docs/formats/configs.md.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "broker/topic_config.h"
#include "io/files.h"

namespace penstock::broker {

enum class ConfigOwner { broker, group, client_metrics, feature };

/// Thread-safe.
class DynamicConfigs {
public:
    /// Reads the file, if there is one. Errc::corrupt, naming the line.
    static Result<std::unique_ptr<DynamicConfigs>> open(io::Files& files, std::string path);

    /// name: of a group, the number of a broker, or "" for what holds for every broker, and for features.
    TopicConfig of(ConfigOwner owner, std::string_view name) const;
    /// Of those for which something is set.
    std::vector<std::string> names(ConfigOwner owner) const;
    /// Kept on disk when this returns. An empty config takes the owner away.
    Result<> replace(ConfigOwner owner, const std::string& name, TopicConfig config);

private:
    using All = std::map<std::pair<ConfigOwner, std::string>, TopicConfig>;
    DynamicConfigs(io::Files& files, std::string path) : files_(files), path_(std::move(path)) {}
    static std::string encode(const All& all);
    static Result<All> decode(std::string_view text);

    io::Files& files_;
    const std::string path_;
    std::mutex change_mutex_;   // one change at a time
    mutable std::mutex mutex_;  // guards all_; held shortly
    All all_;
};

}  // namespace penstock::broker
