#include "broker/log/committer.h"

#include "broker/log/commit.h"
#include "broker/log/journal.h"

namespace penstock::broker {
namespace {

// A sync costs as much CPU as writing some 50 KB, and large writes cost less per byte than small ones.
constexpr std::chrono::milliseconds between_commits{2};
constexpr std::int64_t much_bytes = 64 << 10;

using Commits = std::vector<std::unique_ptr<Log::Commit>>;

/// Of each log, whether it is durable now.
std::vector<bool> write_journal(Journal& journal, const std::vector<std::shared_ptr<Log>>& logs,
                                const Commits& commits) {
    std::vector<JournalEntry> entries;
    std::vector<std::shared_ptr<Log>> owners;
    std::vector<std::size_t> numbers;  // of the owners, among the logs
    for (std::size_t i = 0; i < logs.size(); ++i)
        if (auto entry = logs[i]->journal_entry(*commits[i]); entry && journal.takes(*entry)) {
            entries.push_back(*entry);
            owners.push_back(logs[i]);
            numbers.push_back(i);
        }
    std::vector<bool> durable(logs.size(), false);
    for (std::size_t first = 0, count = 0; first < entries.size(); first += count) {
        auto left = std::span(entries).subspan(first);
        count = journal.fitting(left);
        if (!journal.write(left.first(count), std::span(owners).subspan(first, count))) continue;
        for (auto i = first; i < first + count; ++i) durable[numbers[i]] = true;
    }
    return durable;
}

}  // namespace

Committer::Committer(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Committer::Committer(Journal& journal) : journal_(&journal) {
    threads_.emplace_back([this] { run(); });
}

Committer::~Committer() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    stops_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void Committer::schedule(std::shared_ptr<Log> log) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(log));
    }
    wake_.notify_one();
}

/// More has come while the last commit was under way, and that was a large one: whoever sends so much does
/// not wait for each answer. Those who do are not made to wait here.
void Committer::gather(std::unique_lock<std::mutex>& lock) {
    if (journal_ && !queue_.empty() && bytes_ >= much_bytes)
        stops_.wait_until(lock, began_ + between_commits, [this] { return stopping_; });
}

/// Waits for one, or with a journal for any number of them; empty: no more will come.
Committer::Logs Committer::take() {
    std::unique_lock lock(mutex_);
    gather(lock);
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    began_ = std::chrono::steady_clock::now();
    Logs logs;
    while (!queue_.empty() && (journal_ || logs.empty())) {
        logs.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return logs;
}

void Committer::run() {
    while (true) {
        auto logs = take();
        if (logs.empty()) return;
        Commits commits;
        std::int64_t bytes = 0;
        std::erase_if(logs, [&](const auto& log) {
            auto commit = log->begin_commit();
            if (!commit) return true;
            bytes += commit->bytes;
            commits.push_back(std::move(commit));
            return false;
        });
        if (journal_) bytes_ = bytes;
        auto durable = journal_ ? write_journal(*journal_, logs, commits) : std::vector<bool>(logs.size());
        for (std::size_t i = 0; i < logs.size(); ++i)
            if (logs[i]->end_commit(std::move(commits[i]), durable[i])) schedule(std::move(logs[i]));
    }
}

}  // namespace penstock::broker
