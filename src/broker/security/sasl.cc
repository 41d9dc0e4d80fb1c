#include "broker/security/sasl.h"

#include <array>

#include "base/units.h"
#include "codec/base64.h"
#include "io/random.h"

namespace penstock::broker {
namespace {

constexpr std::array<std::string_view, 3> mechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

/// Says no more than this, whatever was wrong.
std::unexpected<Error> refused() {
    return fail(Errc::unauthorized, "the user or the password is wrong");
}

class PlainExchange final : public SaslExchange {
public:
    explicit PlainExchange(const Credentials& credentials) : credentials_(credentials) {}

    Result<std::string> step(std::string_view message) override {
        auto first = message.find('\0');
        auto second = first == std::string_view::npos ? first : message.find('\0', first + 1);
        if (complete_ || second == std::string_view::npos)
            return fail(Errc::unauthorized, "expected: [identity] NUL user NUL password");
        auto identity = message.substr(0, first);
        auto user = message.substr(first + 1, second - first - 1);
        if (!identity.empty() && identity != user)
            return fail(Errc::unauthorized, "a user may not act for another one");
        if (!credentials_.is_password(user, message.substr(second + 1))) return refused();
        user_ = user;
        complete_ = true;
        return std::string();
    }

private:
    const Credentials& credentials_;
};

/// The value of "x=value" when the text begins so; takes it and the comma behind it from the front.
std::optional<std::string_view> take_attribute(std::string_view& text, char name) {
    if (text.size() < 2 || text[0] != name || text[1] != '=') return std::nullopt;
    auto comma = text.find(',');
    auto value = text.substr(2, comma == std::string_view::npos ? comma : comma - 2);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return value;
}

/// "=2C" stands for a comma in a name, "=3D" for an equals sign.
std::optional<std::string> unescape(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '=') {
            out += name[i];
            continue;
        }
        auto code = name.substr(i + 1, 2);
        if (code != "2C" && code != "3D") return std::nullopt;
        out += code == "2C" ? ',' : '=';
        i += 2;
    }
    return out;
}

class ScramExchange final : public SaslExchange {
public:
    ScramExchange(ScramMechanism mechanism, const Credentials& credentials)
        : mechanism_(mechanism), credentials_(credentials) {}

    Result<std::string> step(std::string_view message) override {
        if (complete_) return fail(Errc::unauthorized, "the log-in is over");
        return nonce_.empty() ? begin(message) : finish(message);
    }

private:
    /// n,[a=identity],n=user,r=nonce
    Result<std::string> begin(std::string_view message) {
        auto wrong = [] { return fail(Errc::unauthorized, "expected: n,,n=user,r=nonce"); };
        if (!message.starts_with("n,")) return wrong();  // no channel binding
        auto header_end = message.find(',', 2);
        if (header_end == std::string_view::npos) return wrong();
        header_ = message.substr(0, header_end + 1);
        auto left = message.substr(header_end + 1);
        client_first_ = left;
        auto name = take_attribute(left, 'n');
        auto nonce = take_attribute(left, 'r');
        auto user = name ? unescape(*name) : std::nullopt;
        if (!user || !nonce || nonce->empty() || !left.empty()) return wrong();
        auto identity = std::string_view(header_).substr(2, header_.size() - 3);
        if (!identity.empty() && identity != "a=" + std::string(*name))
            return fail(Errc::unauthorized, "a user may not act for another one");
        auto known = credentials_.find(*user, mechanism_);
        if (!known) return refused();
        user_ = *user;
        credential_ = *known;
        std::array<char, 18> random{};
        io::random_bytes(random);
        nonce_ = std::string(*nonce) + codec::encode_base64({random.data(), random.size()});
        server_first_ = fmt::format("r={},s={},i={}", nonce_, codec::encode_base64(credential_.salt),
                                    credential_.iterations);
        return server_first_;
    }

    /// c=header,r=nonce,p=proof
    Result<std::string> finish(std::string_view message) {
        auto left = message;
        auto binding = take_attribute(left, 'c');
        auto nonce = take_attribute(left, 'r');
        auto without_proof = message.substr(0, message.rfind(",p="));
        auto proof_text = take_attribute(left, 'p');
        auto proof = proof_text ? codec::decode_base64(*proof_text) : std::nullopt;
        bool is_ours = binding && nonce && codec::decode_base64(*binding) == header_ && *nonce == nonce_;
        if (!is_ours || !proof || !left.empty())
            return fail(Errc::unauthorized, "expected: c=header,r=nonce,p=proof");
        auto signed_text = fmt::format("{},{},{}", client_first_, server_first_, without_proof);
        auto signature = scram_hmac(mechanism_, credential_.stored_key, signed_text);
        if (proof->size() != signature.size()) return refused();
        std::string client_key(signature.size(), '\0');
        for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] = char(signature[i] ^ (*proof)[i]);
        if (!equal_secrets(scram_hash(mechanism_, client_key), credential_.stored_key)) return refused();
        complete_ = true;
        return "v=" + codec::encode_base64(scram_hmac(mechanism_, credential_.server_key, signed_text));
    }

    const ScramMechanism mechanism_;
    const Credentials& credentials_;
    std::string header_, client_first_, server_first_, nonce_;
    ScramCredential credential_;
};

}  // namespace

std::span<const std::string_view> sasl_mechanisms() {
    return mechanisms;
}

std::unique_ptr<SaslExchange> begin_sasl(std::string_view mechanism, const Credentials& credentials) {
    if (mechanism == "PLAIN") return std::make_unique<PlainExchange>(credentials);
    if (auto scram = parse_scram_mechanism(mechanism))
        return std::make_unique<ScramExchange>(*scram, credentials);
    return nullptr;
}

}  // namespace penstock::broker
