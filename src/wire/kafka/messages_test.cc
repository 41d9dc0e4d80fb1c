#include "wire/kafka/messages.h"

#include <gtest/gtest.h>

#include <random>

// What follows is instantiated for each of the messages: optimised, it takes longer to compile than all else
// in the folder.
#pragma clang optimize off

namespace penstock::wire::kafka {
namespace {

/// Gives every field that a version has a value from a seed, as a codec of Message::visit().
class Filler {
public:
    explicit Filler(unsigned seed) : random_(seed) {}

    template <detail::Number T>
    void value(T& x) {
        if constexpr (std::is_same_v<T, bool>)
            x = random_() % 2 == 0;
        else
            x = T(random_());
    }
    void value(codec::Uuid& x) {
        for (auto& byte : x.bytes) byte = std::uint8_t(random_());
    }
    void value(std::string& x) { x = std::string(random_() % 20, 'x') + std::to_string(random_()); }
    void value(Bytes& x) { x.assign(random_() % 20, std::uint8_t(random_())); }
    void value(Records& x) { x.bytes = std::string_view("some records").substr(random_() % 12); }
    template <class T>
        requires(!std::is_same_v<T, std::uint8_t>)
    void value(std::vector<T>& xs) {
        array(xs, [this](T& each) { value(each); });
    }
    template <class T>
    void value(std::optional<T>& x, bool nullable = true) {
        x.reset();
        if (!nullable || random_() % 3 > 0) value(x.emplace());
    }
    template <class T, class Each>
    void array(std::vector<T>& xs, Each each) {
        xs.resize(random_() % 4);
        for (auto& x : xs) each(x);
    }
    template <class T, class Each>
    void array(std::optional<std::vector<T>>& xs, Each each) {
        array(xs, true, each);
    }
    template <class T, class Each>
    void array(std::optional<std::vector<T>>& xs, bool nullable, Each each) {
        xs.reset();
        if (!nullable || random_() % 3 > 0) array(xs.emplace(), each);
    }
    template <class T, class Each>
    void object(std::optional<T>& x, Each each) {
        x.reset();
        if (random_() % 3 > 0) each(x.emplace(T{}));
    }
    template <detail::Visited<Filler> T>
    void value(T& x) {
        T::visit(x, *this, INT16_MAX);
    }
    template <class... Tags>
    void tags(Tags... tags) {
        (set(tags), ...);
    }

private:
    template <class T>
    void set(T& tag) {
        if (tag.present && random_() % 2 == 0 && tagged_) value(tag.value);
    }

public:
    bool tagged_ = false;  // whether the version can hold tagged fields

private:
    std::mt19937 random_;
};

struct RoundTrip {
    int versions = 0;

    template <class Message>
    void operator()() {
        for (auto version = Message::api.low; version <= Message::api.high; ++version) {
            for (unsigned seed = 0; seed < 20; ++seed) check<Message>(version, seed);
            ++versions;
        }
    }

    template <class Message>
    void check(std::int16_t version, unsigned seed) {
        SCOPED_TRACE(testing::Message() << Message::api.name << " v" << version << " seed " << seed);
        Message message;
        Filler filler(seed);
        filler.tagged_ = version >= Message::api.flexible;
        Message::visit(message, filler, version);
        std::string bytes;
        encode(message, version, bytes);
        Message got;
        ASSERT_TRUE(decode(bytes, version, got));
        ASSERT_TRUE(got == message);
        std::mt19937 random(seed);
        for (std::size_t size = 0; size < bytes.size(); size += 1 + random() % 7) {
            Message cut;
            ASSERT_FALSE(decode(std::string_view(bytes).substr(0, size), version, cut));
        }
        for (int i = 0; i < 30 && !bytes.empty(); ++i) {
            auto damaged = bytes;
            damaged[random() % damaged.size()] = char(random());
            Message any;
            (void)decode(damaged, version, any);
        }
    }
};

TEST(MessagesTest, EveryMessageRoundTripsInEveryVersion) {
    RoundTrip trip;
    for_each_message([&]<class Message>() { trip.template operator()<Message>(); });
    EXPECT_GT(trip.versions, 200);
}

TEST(MessagesTest, HeartbeatByHand) {  // group "g", generation 7, member "m"
    HeartbeatRequest request{.group_id = "g", .generation_id = 7, .member_id = "m"};
    std::string classic, flexible;
    encode(request, 0, classic);
    encode(request, 4, flexible);
    EXPECT_EQ(classic, std::string("\0\1g\0\0\0\7\0\1m", 10));
    EXPECT_EQ(flexible, std::string("\2g\0\0\0\7\2m\0\0", 10));
}

TEST(MessagesTest, ApiVersionsByHandWithATaggedField) {
    ApiVersionsResponse response{.api_keys = {{.key = 18, .min_version = 0, .max_version = 4}},
                                 .finalized_features_epoch = 1};
    std::string bytes;
    encode(response, 3, bytes);
    EXPECT_EQ(bytes, std::string("\0\0\2\0\22\0\0\0\4\0\0\0\0\0\1\1\10\0\0\0\0\0\0\0\1", 25));
}

TEST(MessagesTest, UnknownTagsAreSteppedOver) {
    HeartbeatResponse response;
    ASSERT_TRUE(decode(std::string_view("\0\0\0\0\0\33\1\5\2ab", 11), 4, response));
    EXPECT_EQ(response.error, ErrorCode(27));
}

TEST(MessagesTest, ALyingArrayLengthTakesNoMemory) {
    MetadataRequest request;
    EXPECT_FALSE(decode(std::string_view("\x7f\xff\xff\xff", 4), 1, request));
    std::string many("\x00\x10\x00\x00", 4);
    many += std::string(3'000'000, '\0');
    DeleteGroupsRequest groups;
    EXPECT_FALSE(decode(many, 0, groups));
    EXPECT_TRUE(groups.groups.empty());
}

TEST(MessagesTest, NullWhereTheVersionHasNoneIsEmpty) {
    MetadataResponse response{.topics = {{.name = std::nullopt}}};
    std::string bytes;
    encode(response, 1, bytes);
    MetadataResponse got;
    ASSERT_TRUE(decode(bytes, 1, got));
    EXPECT_EQ(got.topics[0].name, "");
}

}  // namespace
}  // namespace penstock::wire::kafka

#pragma clang optimize on
