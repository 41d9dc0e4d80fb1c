// Several processes share work by ZooKeeper. Below the cluster's path:
//   members/m-0000000007   ephemeral; the member's id, a tab and its address; then, a line each, the
//                          work that it offers. The lowest number leads.
//   assignment             written by the leader: who runs what
//   owners/WORK            ephemeral; made by the member that runs it now. Its czxid is the work's epoch.
// A member that is to give a work up stops it, then removes its owner node; whoever is to have it
// waits for that, or for the end of the other's session.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/service_url.h"
#include "base/units.h"
#include "coordinate/assignment.h"
#include "coordinate/zookeeper.h"
#include "coordinate/zookeeper_session.h"

namespace penstock::coordinate {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Kind = ZookeeperSession::Kind;

constexpr milliseconds first_pause{50};
constexpr milliseconds longest_pause{2'000};
/// A zxid has fewer bits for as long as the ensemble has elected fewer than 16 million leaders.
constexpr int zxid_bits = 56;
constexpr std::int64_t generation_max = 100;

/// Goes on while the process, or the whole machine, is stopped.
std::int64_t boot_time_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::string new_member_id() {
    std::array<char, 256> host{};
    bool has_name = ::gethostname(host.data(), host.size() - 1) == 0 && host[0] != 0;
    return fmt::format("{}-{}-{:04x}", has_name ? host.data() : "localhost", ::getpid(),
                       std::random_device()() & 0xffff);
}

/// A node's name holds no slash.
std::string node_name(std::string_view work) {
    std::string name;
    for (char c : work) {
        bool is_plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
        if (is_plain)
            name += c;
        else
            name += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return name;
}

std::string encode_offer(const Offer& offer) {
    std::string text = offer.member + '\t' + offer.address + '\n';
    for (const auto& work : offer.work) text += work + '\n';
    return text;
}

Offer decode_offer(const std::string& text) {
    Offer offer;
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(text.find('\n', at), text.size());
        if (at == 0) {
            auto tab = std::min(text.find('\t'), end);
            offer.member = text.substr(0, tab);
            if (tab < end) offer.address = text.substr(tab + 1, end - tab - 1);
        } else {
            offer.work.insert(text.substr(at, end - at));
        }
        at = end + 1;
    }
    return offer;
}

struct Target {
    std::string hosts;
    std::string login;
    std::string root;
    milliseconds session;
    std::int64_t generation = 0;
    std::string address;
};

Result<Target> target_of(const std::string& url, const ZookeeperOptions& options) {
    auto parsed = TRY(parse_service_url(url, "zookeeper"));
    if (parsed.hosts.empty())
        return fail(Errc::invalid, "'{}': expected zookeeper://host:2181", masked_url(url));
    Target target{.hosts = parsed.host_list(2181),
                  .root = "/penstock",
                  .session = options.session,
                  .address = options.address};
    if (parsed.user) target.login = *parsed.user + ":" + parsed.password.value_or("");
    if (!parsed.path.empty()) target.root = "/" + parsed.path;
    while (target.root.size() > 1 && target.root.ends_with('/')) target.root.pop_back();
    for (const auto& [name, value] : parsed.options) {
        auto number = name == "generation" ? parse_int(value) : Result<std::int64_t>(-1);
        if (number && *number >= 0 && *number <= generation_max) {
            target.generation = *number;
            continue;
        }
        auto duration = parse_duration_us(value);
        if (name != "session" || !duration || *duration < 100'000) {
            return fail(Errc::invalid,
                        "'{}': the option {} is not known; expected session=6s or generation=0",
                        masked_url(url), name);
        }
        target.session = milliseconds(*duration / 1000);
    }
    return target;
}

class ZookeeperCoordinator final : public Coordinator {
public:
    explicit ZookeeperCoordinator(Target target) : target_(std::move(target)), member_id_(new_member_id()) {}
    ~ZookeeperCoordinator() override;

    Result<> start(milliseconds connect_timeout);

    std::string describe() const override {
        return fmt::format("ZooKeeper at {}, path {}", target_.hosts, target_.root);
    }
    std::string member_id() const override { return member_id_; }
    std::vector<Member> members() const override;
    bool leads() const override;
    void offer(std::vector<std::string> work, std::function<void()> changed) override;
    std::vector<std::string> mine() const override;
    std::int64_t epoch(std::string_view work) const override;

private:
    // On the thread.
    void run();
    Result<> connect();
    Result<> join();
    Result<> confirm();
    Result<> look();
    Result<> lead(const std::vector<Offer>& offers);
    Result<> take_and_give(const Assignment& assignment);
    Result<> make_path(const std::string& path);
    Result<> give();
    void end_session(const Error& why);
    void take_note();

    void tell();  ///< the teller's loop

    bool is_confirmed() const { return boot_time_ms() < confirmed_until_ms_; }
    std::string owner_path(std::string_view work) const {
        return fmt::format("{}/owners/{}", target_.root, node_name(work));
    }

    const Target target_;
    const std::string member_id_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stops_ = false;
    bool has_news_ = true;
    bool is_joined_ = false;
    std::optional<Error> last_error_;
    std::set<std::string> offered_;
    std::function<void()> changed_;
    std::vector<Member> members_;  ///< as last seen, in the order in which they joined
    bool is_leader_ = false;
    std::set<std::string> owned_;  ///< owner nodes that are this session's
    std::map<std::string, std::int64_t, std::less<>> epochs_;
    /// Until then, on boot_time_ms(), the session certainly lives.
    std::int64_t confirmed_until_ms_ = 0;

    // Who hears of changes may take its time, a last commit say, while the session is kept alive.
    std::condition_variable tell_, told_;
    bool is_telling_ = false;
    std::int64_t news_ = 0;       ///< how often mine() has changed
    std::int64_t told_news_ = 0;  ///< what changed has been called for, and has returned from
    /// No longer ours; the node goes when the teller has got that far.
    std::map<std::string, std::int64_t> giving_;

    // Of the thread alone.
    std::unique_ptr<ZookeeperSession> session_;
    std::string member_path_;
    std::set<std::string> written_offer_;
    std::set<std::string> noted_;  ///< what mine() was when news_ was last counted

    std::thread thread_;
    std::thread teller_;
};

ZookeeperCoordinator::~ZookeeperCoordinator() {
    {
        std::lock_guard lock(mutex_);
        stops_ = true;
        confirmed_until_ms_ = 0;
    }
    wake_.notify_all();
    tell_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (teller_.joinable()) teller_.join();
}

Result<> ZookeeperCoordinator::start(milliseconds connect_timeout) {
    thread_ = std::thread([this] { run(); });
    teller_ = std::thread([this] { tell(); });
    std::unique_lock lock(mutex_);
    auto deadline = steady_clock::now() + connect_timeout;
    auto is_decided = [&] { return is_joined_ || (last_error_ && last_error_->code != Errc::unavailable); };
    wake_.wait_until(lock, deadline, is_decided);
    if (is_joined_) return {};
    auto why = last_error_.value_or(Error{Errc::unavailable, "no connection"});
    return fail(why.code, "{} (ZooKeeper at {}, waited for {} ms)", why.text, target_.hosts,
                connect_timeout.count());
}

std::vector<Member> ZookeeperCoordinator::members() const {
    std::lock_guard lock(mutex_);
    return members_;
}

bool ZookeeperCoordinator::leads() const {
    std::lock_guard lock(mutex_);
    // Who led before may still have it.
    bool has_it = !offered_.contains(std::string(scheduling)) || owned_.contains(std::string(scheduling));
    return is_leader_ && has_it && is_confirmed();
}

std::vector<std::string> ZookeeperCoordinator::mine() const {
    std::lock_guard lock(mutex_);
    if (!is_confirmed()) return {};
    return {owned_.begin(), owned_.end()};
}

std::int64_t ZookeeperCoordinator::epoch(std::string_view work) const {
    std::lock_guard lock(mutex_);
    auto found = epochs_.find(work);
    return found == epochs_.end() ? 0 : found->second + (target_.generation << zxid_bits);
}

void ZookeeperCoordinator::offer(std::vector<std::string> work, std::function<void()> changed) {
    {
        std::lock_guard lock(mutex_);
        offered_ = {work.begin(), work.end()};
        changed_ = std::move(changed);
        has_news_ = true;
    }
    wake_.notify_all();
    std::unique_lock lock(mutex_);
    told_.wait(lock, [&] { return !is_telling_; });
}

void ZookeeperCoordinator::run() {
    auto pause = first_pause;
    for (;;) {
        Result<> done = session_ ? Result<>{} : connect();
        if (done && session_->is_over()) done = fail(Errc::cancelled, "the session has ended");
        if (done) done = confirm();
        if (done && member_path_.empty()) done = join();
        bool has_news = false;
        {
            std::lock_guard lock(mutex_);
            has_news = std::exchange(has_news_, false);
        }
        if (done && has_news) done = look();
        if (done) done = give();
        if (!done) {
            bool is_over = done.error().code == Errc::cancelled || (session_ && session_->is_over());
            std::lock_guard lock(mutex_);
            has_news_ = true;
            last_error_ = done.error();
            if (!is_over) log::debug("{}", done.error().text);
        }
        if (!done && (!session_ || session_->is_over() || done.error().code == Errc::cancelled))
            end_session(done.error());
        take_note();
        wake_.notify_all();
        std::unique_lock lock(mutex_);
        auto wait = done ? milliseconds(target_.session / 5) : pause;
        if (done && session_) wait = session_->timeout() / 5;
        // A lapse is told as soon as it happens.
        auto left = milliseconds(confirmed_until_ms_ - boot_time_ms());
        if (left.count() > 0) wait = std::min(wait, left);
        pause = done ? first_pause : std::min(pause * 2, longest_pause);
        bool retries = !done;
        wake_.wait_for(lock, wait, [&] { return stops_ || (has_news_ && !retries); });
        if (stops_) return;
    }
}

Result<> ZookeeperCoordinator::connect() {
    session_ = TRY(ZookeeperSession::open(
        {.hosts = target_.hosts, .login = target_.login, .timeout = target_.session, .happened = [this] {
             std::lock_guard lock(mutex_);
             has_news_ = true;
             wake_.notify_all();
         }}));
    return {};
}

/// Counted from before the question: the server has heard of us since then.
Result<> ZookeeperCoordinator::confirm() {
    auto asked_at = boot_time_ms();
    TRY(session_->get(member_path_.empty() ? "/" : member_path_, false));
    std::lock_guard lock(mutex_);
    // Clocks of two machines differ a little in speed.
    confirmed_until_ms_ = asked_at + session_->timeout().count() * 95 / 100;
    return {};
}

Result<> ZookeeperCoordinator::make_path(const std::string& path) {
    for (auto at = path.find('/', 1);; at = path.find('/', at + 1)) {
        auto made = session_->create(path.substr(0, at), "", Kind::persistent);
        if (!made && made.error().code != Errc::exists) return fail(made.error());
        if (at == std::string::npos) return {};
    }
}

Result<> ZookeeperCoordinator::join() {
    TRY(make_path(target_.root + "/members"));
    TRY(make_path(target_.root + "/owners"));
    TRY(make_path(target_.root + "/assignment"));
    std::set<std::string> offered;
    {
        std::lock_guard lock(mutex_);
        offered = offered_;
    }
    // An attempt whose answer was lost may have made a node.
    for (const auto& name : TRY(session_->children(target_.root + "/members", false))) {
        auto path = fmt::format("{}/members/{}", target_.root, name);
        auto node = TRY(session_->get(path, false));
        if (node && node->is_ours) TRY(session_->remove(path));
    }
    auto made = TRY(session_->create(target_.root + "/members/m-",
                                     encode_offer({member_id_, offered, target_.address}),
                                     Kind::ephemeral_sequential));
    member_path_ = made.first;
    written_offer_ = std::move(offered);
    std::lock_guard lock(mutex_);
    is_joined_ = true;
    last_error_.reset();
    has_news_ = true;
    return {};
}

/// Reads what there is, with watches, and does what follows from it.
Result<> ZookeeperCoordinator::look() {
    std::set<std::string> offered;
    {
        std::lock_guard lock(mutex_);
        offered = offered_;
    }
    if (offered != written_offer_) {
        constexpr int any_version = -1;
        TRY(session_->set(member_path_, encode_offer({member_id_, offered, target_.address}), any_version));
        written_offer_ = offered;
    }
    auto members = target_.root + "/members";
    auto names = TRY(session_->children(members, true));
    std::sort(names.begin(), names.end());
    std::vector<Offer> offers;
    for (const auto& name : names) {
        auto node = TRY(session_->get(fmt::format("{}/{}", members, name), true));
        if (node) offers.push_back(decode_offer(node->data));
    }
    bool leads = !offers.empty() && offers.front().member == member_id_;
    {
        std::lock_guard lock(mutex_);
        if (leads != is_leader_) log::info("coordination: {} leads", leads ? "this process" : "another");
        is_leader_ = leads;
    }
    if (leads) TRY(lead(offers));
    auto node = TRY(session_->get(target_.root + "/assignment", true));
    auto assignment = decode_assignment(node ? node->data : "");
    {
        std::lock_guard lock(mutex_);
        members_.clear();
        for (const auto& offer : offers) {
            auto& member = members_.emplace_back(Member{offer.member, offer.address, members_.empty(), {}});
            for (const auto& [work, owner] : assignment)
                if (owner == offer.member) member.runs.push_back(work);
        }
    }
    return take_and_give(assignment);
}

Result<> ZookeeperCoordinator::lead(const std::vector<Offer>& offers) {
    auto path = target_.root + "/assignment";
    auto node = TRY(session_->get(path, false));
    if (!node) return fail(Errc::not_found, "{} is missing", path);
    auto wanted = encode_assignment(assign(offers, decode_assignment(node->data)));
    if (wanted == node->data) return {};
    auto written = session_->set(path, wanted, node->version);
    // Somebody else has led in between, or leads now: the watch says so.
    if (!written && written.error().code == Errc::fenced) return {};
    return written;
}

Result<> ZookeeperCoordinator::take_and_give(const Assignment& assignment) {
    std::set<std::string> wanted;
    for (const auto& [work, member] : assignment)
        if (member == member_id_ && written_offer_.contains(work)) wanted.insert(work);
    {
        std::lock_guard lock(mutex_);
        std::set<std::string> given;
        std::set_difference(owned_.begin(), owned_.end(), wanted.begin(), wanted.end(),
                            std::inserter(given, given.end()));
        if (!given.empty()) ++news_;
        for (const auto& work : given) {
            owned_.erase(work);
            giving_[work] = news_;
        }
        // What is on its way out is taken back only when it is out: its epoch must grow.
        for (const auto& [work, news] : giving_) wanted.erase(work);
    }
    tell_.notify_all();
    for (const auto& work : wanted) {
        auto path = owner_path(work);
        auto made = session_->create(path, member_id_, Kind::ephemeral);
        std::int64_t epoch = 0;
        if (made) {
            epoch = made->second.created_zxid;
        } else if (made.error().code == Errc::exists) {
            auto node = TRY(session_->get(path, true));
            if (!node) return fail(Errc::unavailable, "{} went away", path);
            if (!node->is_ours) continue;  // its going is told
            epoch = node->created_zxid;
        } else {
            return fail(made.error());
        }
        std::lock_guard lock(mutex_);
        owned_.insert(work);
        epochs_[work] = epoch;
    }
    return {};
}

void ZookeeperCoordinator::end_session(const Error& why) {
    bool was_joined = false;
    {
        std::lock_guard lock(mutex_);
        was_joined = is_joined_ && !member_path_.empty();
        owned_.clear();
        giving_.clear();
        is_leader_ = false;
        confirmed_until_ms_ = 0;
    }
    if (was_joined) log::warn("coordination: the session with ZooKeeper has ended: {}", why.text);
    member_path_.clear();
    written_offer_.clear();
    session_.reset();
}

/// Stopped first, then free for the next one.
Result<> ZookeeperCoordinator::give() {
    for (;;) {
        std::string work;
        {
            std::lock_guard lock(mutex_);
            auto found =
                std::ranges::find_if(giving_, [&](const auto& each) { return each.second <= told_news_; });
            if (found == giving_.end()) return {};
            work = found->first;
        }
        TRY(session_->remove(owner_path(work)));
        std::lock_guard lock(mutex_);
        giving_.erase(work);
        has_news_ = true;  // it may be ours again by now
    }
}

/// Wakes the teller when mine() gives another answer than before.
void ZookeeperCoordinator::take_note() {
    auto now = mine();
    std::set<std::string> current(now.begin(), now.end());
    if (current == noted_) return;
    noted_ = std::move(current);
    {
        std::lock_guard lock(mutex_);
        ++news_;
    }
    tell_.notify_all();
}

void ZookeeperCoordinator::tell() {
    std::unique_lock lock(mutex_);
    for (;;) {
        tell_.wait(lock, [&] { return stops_ || told_news_ != news_; });
        if (stops_) return;
        auto news = news_;
        auto changed = changed_;
        is_telling_ = true;
        lock.unlock();
        if (changed) changed();
        lock.lock();
        is_telling_ = false;
        told_.notify_all();
        told_news_ = news;
        has_news_ = has_news_ || !giving_.empty();
        wake_.notify_all();
    }
}

}  // namespace

Result<std::unique_ptr<Coordinator>> open_zookeeper(const std::string& url, const ZookeeperOptions& options) {
    auto coordinator = std::make_unique<ZookeeperCoordinator>(TRY(target_of(url, options)));
    TRY(coordinator->start(options.connect_timeout));
    return coordinator;
}

}  // namespace penstock::coordinate
