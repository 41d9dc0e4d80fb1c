// The route table of http_server.h.
#include <algorithm>

#include "base/check.h"
#include "net/http_server.h"

namespace penstock::net {
namespace {

enum class Part { rest, name, literal };  // in the order in which they win

Part kind_of(std::string_view part) {
    if (part.size() < 2 || part.front() != '{' || part.back() != '}') return Part::literal;
    return part.ends_with("...}") ? Part::rest : Part::name;
}

std::string_view name_of(std::string_view part) {
    std::size_t tail = kind_of(part) == Part::rest ? 4 : 1;
    return part.substr(1, part.size() - 1 - tail);
}

bool matches(const std::vector<std::string>& route, const std::vector<std::string>& segments) {
    for (std::size_t i = 0; i < route.size(); ++i) {
        auto kind = kind_of(route[i]);
        if (kind == Part::rest) return true;
        if (i >= segments.size()) return false;
        if (kind == Part::literal && route[i] != segments[i]) return false;
        if (kind == Part::name && segments[i].empty()) return false;
    }
    return route.size() == segments.size();
}

/// Whether route a is more literal than b; both match.
bool wins(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        if (kind_of(a[i]) != kind_of(b[i])) return kind_of(a[i]) > kind_of(b[i]);
    return a.size() < b.size();
}

std::map<std::string, std::string> params_of(const std::vector<std::string>& route,
                                             const std::vector<std::string>& segments) {
    std::map<std::string, std::string> params;
    for (std::size_t i = 0; i < route.size(); ++i) {
        auto kind = kind_of(route[i]);
        if (kind == Part::name) params[std::string(name_of(route[i]))] = segments[i];
        if (kind != Part::rest) continue;
        std::string rest;
        for (std::size_t j = i; j < segments.size(); ++j) rest += (j > i ? "/" : "") + segments[j];
        params[std::string(name_of(route[i]))] = std::move(rest);
    }
    return params;
}

std::vector<std::string> split_path(std::string_view path) {
    CHECK(path.starts_with('/'));
    std::vector<std::string> parts;
    path.remove_prefix(1);
    while (!path.empty()) {
        auto slash = path.find('/');
        parts.emplace_back(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) CHECK(kind_of(parts[i]) != Part::rest);
    return parts;
}

}  // namespace

void HttpRoutes::on(std::string_view method, std::string_view path, HttpHandler handler) {
    routes_.push_back({std::string(method), split_path(path), std::move(handler), nullptr});
}

void HttpRoutes::on_events(std::string_view path, EventHandler handler) {
    routes_.push_back({"GET", split_path(path), nullptr, std::move(handler)});
}

HttpMatch HttpRoutes::match(std::string_view method, const std::vector<std::string>& segments) const {
    HttpMatch found;
    const Route* best = nullptr;
    const Route* best_get = nullptr;
    for (auto& route : routes_) {
        if (!matches(route.parts, segments)) continue;
        found.allowed.push_back(route.method);
        if (route.method == "GET") found.allowed.emplace_back("HEAD");
        if (route.method == method && (!best || wins(route.parts, best->parts))) best = &route;
        if (route.method == "GET" && (!best_get || wins(route.parts, best_get->parts))) best_get = &route;
    }
    if (!best && method == "HEAD") best = best_get;
    if (!found.allowed.empty()) found.allowed.emplace_back("OPTIONS");
    std::sort(found.allowed.begin(), found.allowed.end());
    found.allowed.erase(std::unique(found.allowed.begin(), found.allowed.end()), found.allowed.end());
    if (!best) return found;
    found.params = params_of(best->parts, segments);
    if (best->handler)
        found.handler = &best->handler;
    else
        found.events = &best->events;
    return found;
}

}  // namespace penstock::net
