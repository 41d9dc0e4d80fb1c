// Calls of the REST API, with errors that say what to do.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "app/commands/json_document.h"
#include "base/result.h"

namespace penstock::app {

/// A part of a path or a query's value, percent-encoded.
std::string percent_encoded(std::string_view text);

class ApiClient {
public:
    /// server: "http://host:port", or without http://.
    explicit ApiClient(std::string server);

    const std::string& server() const { return server_; }

    /// path begins with /api/v1. An answer that is an error comes back as one: its code and its message;
    /// SQL's with place. Errc::unavailable when no Penstock answers.
    Result<JsonDocument> get(std::string_view path);
    Result<JsonDocument> post(std::string_view path, std::string_view json_body = {});
    Result<JsonDocument> remove(std::string_view path);

private:
    Result<JsonDocument> call(std::string_view method, std::string_view path, std::string_view body);

    std::string server_;
};

}  // namespace penstock::app
