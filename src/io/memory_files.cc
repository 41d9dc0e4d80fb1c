#include "io/memory_files.h"

#include <random>

namespace penstock::io {
namespace {

struct Change {
    std::int64_t position = 0;
    std::string bytes;
    bool truncates = false;  // to position
};

void apply(std::string& content, const Change& change, std::size_t limit) {
    if (change.truncates) {
        content.resize(std::size_t(change.position), '\0');
        return;
    }
    auto count = std::min(limit, change.bytes.size());
    auto end = std::size_t(change.position) + count;
    if (content.size() < end) content.resize(end, '\0');
    content.replace(std::size_t(change.position), count, change.bytes, 0, count);
}

}  // namespace

struct MemoryFiles::Node {
    std::string content;
    std::string durable;
    std::vector<Change> changes;  // since the last sync
};

struct MemoryFiles::State {
    mutable std::mutex mutex;
    std::map<std::string, std::shared_ptr<Node>> files;
    std::map<std::string, std::shared_ptr<Node>> durable_files;
    std::set<std::string> directories;
    std::set<std::string> locks;
    int writes_until_full = -1;  // -1: never
    int syncs_until_failure = -1;
    std::string failing_path_part;
    int syncs = 0;
};

namespace {

bool is_below(const std::string& path, const std::string& directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

class MemoryFile final : public File {
public:
    MemoryFile(std::string path, std::shared_ptr<MemoryFiles::State> disk,
               std::shared_ptr<MemoryFiles::Node> node)
        : path_(std::move(path)), disk_(std::move(disk)), node_(std::move(node)) {}

    const std::string& path() const override { return path_; }

    Result<std::size_t> read_at(std::int64_t position, std::span<char> into) const override {
        std::lock_guard lock(disk_->mutex);
        const auto& content = node_->content;
        if (position >= std::int64_t(content.size())) return std::size_t(0);
        return content.copy(into.data(), into.size(), std::size_t(position));
    }
    Result<> write_at(std::int64_t position, std::span<const std::string_view> pieces) override {
        Change change{.position = position, .bytes = {}};
        for (auto piece : pieces) change.bytes += piece;
        std::lock_guard lock(disk_->mutex);
        bool full = disk_->writes_until_full == 0;
        if (disk_->writes_until_full > 0) --disk_->writes_until_full;
        if (full) change.bytes.resize(change.bytes.size() / 2);
        apply(node_->content, change, change.bytes.size());
        node_->changes.push_back(std::move(change));
        if (full) return fail(Errc::full, "{}: cannot write: no space left on device", path_);
        return {};
    }
    Result<> sync() override {
        std::lock_guard lock(disk_->mutex);
        ++disk_->syncs;
        const bool counts = path_.find(disk_->failing_path_part) != std::string::npos;
        const bool fails = counts && disk_->syncs_until_failure == 0;
        if (counts && disk_->syncs_until_failure >= 0) --disk_->syncs_until_failure;
        node_->changes.clear();
        if (fails) return fail(Errc::io, "{}: cannot fdatasync: input/output error", path_);
        node_->durable = node_->content;
        return {};
    }
    Result<> truncate(std::int64_t size) override {
        std::lock_guard lock(disk_->mutex);
        Change change{.position = size, .bytes = {}, .truncates = true};
        apply(node_->content, change, 0);
        node_->changes.push_back(std::move(change));
        return {};
    }
    Result<std::int64_t> size() const override {
        std::lock_guard lock(disk_->mutex);
        return std::int64_t(node_->content.size());
    }
    Result<std::shared_ptr<const Mapping>> map(std::int64_t) const override {
        return std::shared_ptr<const Mapping>();
    }

private:
    std::string path_;
    std::shared_ptr<MemoryFiles::State> disk_;
    std::shared_ptr<MemoryFiles::Node> node_;
};

class MemoryLock final : public FileLock {
public:
    MemoryLock(std::string path, std::shared_ptr<MemoryFiles::State> disk)
        : path_(std::move(path)), disk_(std::move(disk)) {}
    ~MemoryLock() override {
        std::lock_guard lock(disk_->mutex);
        disk_->locks.erase(path_);
    }

private:
    std::string path_;
    std::shared_ptr<MemoryFiles::State> disk_;
};

}  // namespace

MemoryFiles::MemoryFiles() : state_(std::make_shared<State>()) {}
MemoryFiles::~MemoryFiles() = default;

Result<std::unique_ptr<File>> MemoryFiles::open(const std::string& path, OpenMode mode) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->files.find(path);
    if (found == state_->files.end()) {
        if (mode != OpenMode::create && mode != OpenMode::direct)
            return fail(Errc::not_found, "{}: cannot open: no such file", path);
        found = state_->files.emplace(path, std::make_shared<Node>()).first;
    }
    return std::make_unique<MemoryFile>(path, state_, found->second);
}

bool MemoryFiles::exists(const std::string& path) {
    std::lock_guard lock(state_->mutex);
    return state_->files.contains(path) || state_->directories.contains(path);
}

Result<std::vector<std::string>> MemoryFiles::list(const std::string& directory) {
    std::lock_guard lock(state_->mutex);
    std::set<std::string> names;
    auto take = [&](const std::string& path) {
        if (!is_below(path, directory)) return;
        auto name = path.substr(directory.size() + 1);
        names.insert(name.substr(0, name.find('/')));
    };
    for (const auto& [path, node] : state_->files) take(path);
    for (const auto& path : state_->directories) take(path);
    if (names.empty() && !state_->directories.contains(directory))
        return fail(Errc::not_found, "{}: cannot list: no such directory", directory);
    return std::vector<std::string>(names.begin(), names.end());
}

Result<> MemoryFiles::create_directories(const std::string& directory) {
    std::lock_guard lock(state_->mutex);
    for (std::size_t slash = 0; slash != std::string::npos;) {
        slash = directory.find('/', slash + 1);
        state_->directories.insert(directory.substr(0, slash));
    }
    return {};
}

Result<> MemoryFiles::remove(const std::string& path) {
    std::lock_guard lock(state_->mutex);
    if (state_->files.erase(path) == 0) return fail(Errc::not_found, "{}: cannot remove: no such file", path);
    return {};
}

Result<> MemoryFiles::remove_all(const std::string& directory) {
    std::lock_guard lock(state_->mutex);
    std::erase_if(state_->files, [&](const auto& file) { return is_below(file.first, directory); });
    std::erase_if(state_->directories,
                  [&](const auto& path) { return path == directory || is_below(path, directory); });
    return {};
}

Result<> MemoryFiles::rename(const std::string& from, const std::string& to) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->files.find(from);
    if (found != state_->files.end()) {
        auto node = std::move(found->second);
        state_->files.erase(found);
        state_->files[to] = std::move(node);
        return {};
    }
    if (!state_->directories.contains(from))
        return fail(Errc::not_found, "{}: cannot rename: no such file", from);
    std::map<std::string, std::shared_ptr<Node>> moved;
    for (auto& [path, node] : state_->files)
        moved[is_below(path, from) ? to + path.substr(from.size()) : path] = node;
    state_->files = std::move(moved);
    state_->directories.erase(from);
    state_->directories.insert(to);
    return {};
}

Result<> MemoryFiles::sync_directory(const std::string& directory) {
    std::lock_guard lock(state_->mutex);
    ++state_->syncs;
    std::erase_if(state_->durable_files, [&](const auto& file) {
        return is_below(file.first, directory) && !state_->files.contains(file.first);
    });
    for (const auto& [path, node] : state_->files)
        if (is_below(path, directory)) state_->durable_files[path] = node;
    return {};
}

Result<std::unique_ptr<FileLock>> MemoryFiles::lock(const std::string& path) {
    std::lock_guard lock(state_->mutex);
    if (!state_->locks.insert(path).second)
        return fail(Errc::exists, "{} is locked by another process", path);
    return std::make_unique<MemoryLock>(path, state_);
}

namespace {

std::shared_ptr<MemoryFiles::Node> survivor_of(const MemoryFiles::Node& node, const CrashOptions& options,
                                               std::minstd_rand& chance) {
    auto after = std::make_shared<MemoryFiles::Node>();
    after->durable = node.durable;
    for (std::size_t i = 0; i < node.changes.size(); ++i) {
        const auto& change = node.changes[i];
        const bool whole = options.scatter ? chance() % 2 == 0 : i < options.kept_changes;
        if (whole) apply(after->durable, change, std::string::npos);
        if (whole || options.scatter) continue;
        if (!change.truncates) apply(after->durable, change, options.torn_bytes);
        break;
    }
    after->content = after->durable;
    return after;
}

}  // namespace

std::unique_ptr<MemoryFiles> MemoryFiles::after_power_cut(const CrashOptions& options) const {
    std::lock_guard lock(state_->mutex);
    auto after = std::make_unique<MemoryFiles>();
    std::minstd_rand chance(options.scatter);
    for (const auto& [path, node] : options.keep_names ? state_->files : state_->durable_files)
        after->state_->files[path] = survivor_of(*node, options, chance);
    after->state_->durable_files = after->state_->files;
    after->state_->directories = state_->directories;
    return after;
}

void MemoryFiles::crash(const CrashOptions& options) {
    auto after = after_power_cut(options);
    std::lock_guard lock(state_->mutex);
    state_->files = after->state_->files;
    state_->durable_files = after->state_->durable_files;
    state_->locks.clear();
}

void MemoryFiles::fill_up(int after) {
    std::lock_guard lock(state_->mutex);
    state_->writes_until_full = after;
}

void MemoryFiles::set_room() {
    fill_up(-1);
}

void MemoryFiles::fail_sync(int after, const std::string& path_part) {
    std::lock_guard lock(state_->mutex);
    state_->failing_path_part = path_part;
    state_->syncs_until_failure = after;
}

int MemoryFiles::syncs() const {
    std::lock_guard lock(state_->mutex);
    return state_->syncs;
}

}  // namespace penstock::io
