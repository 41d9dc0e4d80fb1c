#include "net/task.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/thread_pool.hpp>

namespace penstock::net {

Shards::Shards(int count) {
    for (int i = 0; i < count; ++i) {
        contexts_.push_back(std::make_unique<asio::io_context>(1));
        work_.push_back(asio::make_work_guard(*contexts_.back()));
    }
    for (auto& context : contexts_) threads_.emplace_back([&context] { context->run(); });
}

Shards::~Shards() {
    stop();
}

asio::io_context& Shards::next() {
    return *contexts_[next_.fetch_add(1, std::memory_order_relaxed) % contexts_.size()];
}

void Shards::stop() {
    work_.clear();
    for (auto& context : contexts_) context->stop();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

Task<asio::any_io_executor> this_executor() {
    co_return co_await asio::this_coro::executor;
}

Task<> sleep_for(std::chrono::microseconds duration) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, duration);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

struct BlockingPool::Impl {
    explicit Impl(int threads) : pool(std::size_t(threads)) {}
    asio::thread_pool pool;
};

BlockingPool::BlockingPool(int threads) : impl_(std::make_unique<Impl>(threads)) {}

BlockingPool::~BlockingPool() {
    impl_->pool.join();
}

void BlockingPool::post(std::function<void()> work) {
    asio::post(impl_->pool, std::move(work));
}

}  // namespace penstock::net
