#include "net/task.h"

#include <gtest/gtest.h>

namespace penstock::net {
namespace {

Task<> wait_into(Completion<int> completion, int* out) {
    *out = co_await completion.wait();
}
Task<> wait_a_moment_into(Completion<int> completion, std::optional<int>* out) {
    *out = co_await completion.wait_for(std::chrono::microseconds(1));
}

TEST(Completion, DeliversFromAnotherThread) {
    asio::io_context context;
    Completion<int> completion(context.get_executor());
    int got = 0;
    spawn(context, wait_into(completion, &got), "test");
    std::thread other([completion] { completion.set(7); });
    context.run();
    other.join();
    EXPECT_EQ(got, 7);
}

TEST(Completion, MayBeSetBeforeAnyoneWaits) {
    asio::io_context context;
    Completion<int> completion(context.get_executor());
    completion.set(7);
    int got = 0;
    spawn(context, wait_into(completion, &got), "test");
    context.run();
    EXPECT_EQ(got, 7);
}

TEST(Completion, WaitingMayEndWithoutIt) {
    asio::io_context context;
    Completion<int> completion(context.get_executor());
    std::optional<int> got = 1;
    spawn(context, wait_a_moment_into(completion, &got), "test");
    context.run();
    EXPECT_EQ(got, std::nullopt);
    completion.set(7);
    spawn(context, wait_a_moment_into(completion, &got), "test");
    context.restart();
    context.run();
    EXPECT_EQ(got, 7);
}

TEST(Completion, ACopyOutlivesTheContextAndMayStillBeSet) {
    auto context = std::make_unique<asio::io_context>();
    auto completion = std::make_unique<Completion<int>>(context->get_executor());
    int got = 0;
    spawn(*context, wait_into(*completion, &got), "test");
    context->poll();
    context.reset();  // and with it the coroutine that waits
    completion->set(7);
    completion.reset();
    EXPECT_EQ(got, 0);
}

TEST(Completion, TheContextMayEndAsSoonAsTheValueIsThere) {
    for (int i = 0; i < 200; ++i) {
        auto context = std::make_unique<asio::io_context>();
        auto work = std::make_unique<asio::executor_work_guard<asio::io_context::executor_type>>(
            asio::make_work_guard(*context));
        Completion<int> completion(context->get_executor());
        int got = 0;
        spawn(*context, wait_into(completion, &got), "test");
        std::thread other([copy = completion] { copy.set(7); });
        while (got == 0) context->run_one();
        work.reset();
        context.reset();
        other.join();
    }
}

}  // namespace
}  // namespace penstock::net
