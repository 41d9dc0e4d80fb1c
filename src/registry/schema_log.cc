#include "registry/schema_log.h"

#include <array>
#include <cstring>
#include <optional>

#include "base/log.h"
#include "codec/crc32c.h"

namespace penstock::registry {
namespace {

constexpr std::string_view file_magic = "PSTKSCH1";
constexpr std::string_view record_magic = "PSCR";
constexpr std::size_t header_size = 12;
constexpr std::size_t max_payload = 16 * 1024 * 1024;

std::uint32_t read_u32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[std::size_t(i)]);
    return value;
}
void put_u32(std::string& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// The payload of the record at the front of bytes, when it is whole.
std::optional<std::string_view> whole_record(std::string_view bytes) {
    if (bytes.size() < header_size || !bytes.starts_with(record_magic)) return std::nullopt;
    std::size_t length = read_u32(bytes.substr(4));
    if (length > max_payload || bytes.size() - header_size < length) return std::nullopt;
    auto payload = bytes.substr(header_size, length);
    if (codec::crc32c(payload) != read_u32(bytes.substr(8))) return std::nullopt;
    return payload;
}

bool holds_whole_record(std::string_view bytes) {
    for (auto at = bytes.find(record_magic); at != std::string_view::npos;
         at = bytes.find(record_magic, at + 1))
        if (whole_record(bytes.substr(at))) return true;
    return false;
}

}  // namespace

Result<SchemaLog> SchemaLog::open(io::Files& files, const std::string& path,
                                  const std::function<Result<>(std::string_view)>& read) {
    TRY(files.create_directories(io::directory_of(path)));
    bool fresh = !files.exists(path);
    auto file = TRY(files.open(path, io::OpenMode::create));
    std::string content(std::size_t(TRY(file->size())), '\0');
    content.resize(TRY(file->read_at(0, content)));
    if (content.size() < file_magic.size() && file_magic.starts_with(content)) {
        // New, or a crash came while the first bytes were written.
        TRY(file->truncate(0));
        TRY(file->write_at(0, file_magic));
        TRY(file->sync());
        fresh = true;
        content = file_magic;
    }
    if (fresh) TRY(files.sync_directory(io::directory_of(path)));
    std::string_view rest = content;
    if (!rest.starts_with(file_magic))
        return fail(Errc::corrupt,
                    "{}: not a schema registry's file of this version; expected it to start with {}", path,
                    file_magic);
    rest.remove_prefix(file_magic.size());
    while (!rest.empty()) {
        auto payload = whole_record(rest);
        auto at = content.size() - rest.size();
        if (!payload) {
            if (holds_whole_record(rest.substr(1)))
                return fail(Errc::corrupt,
                            "{}: the record at byte {} is damaged; restore the file from a backup", path, at);
            log::warn("{}: cut off {} bytes of an unfinished record at byte {}", path, rest.size(), at);
            TRY(file->truncate(std::int64_t(at)));
            TRY(file->sync());
            return SchemaLog(std::move(file), std::int64_t(at));
        }
        if (auto done = read(*payload); !done)
            return fail(fmt::format("{}: the record at byte {}", path, at), done.error());
        rest.remove_prefix(header_size + payload->size());
    }
    return SchemaLog(std::move(file), std::int64_t(content.size()));
}

Result<> SchemaLog::append(std::string_view payload) {
    if (broken_) return fail(Errc::io, "{}: a write has failed before; restart to go on", file_->path());
    std::string header(record_magic);
    put_u32(header, std::uint32_t(payload.size()));
    put_u32(header, codec::crc32c(payload));
    std::array<std::string_view, 2> pieces{header, payload};
    auto written = file_->write_at(end_, pieces);
    if (written) written = file_->sync();
    if (!written) {
        broken_ = true;
        return written;
    }
    end_ += std::int64_t(header.size() + payload.size());
    return {};
}

}  // namespace penstock::registry
