#include "app/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace penstock::app {
namespace {

constexpr int settle_ms = 50;

bool is_pipeline_file(std::string_view name) {
    return name.ends_with(".yaml") || name.ends_with(".yml");
}

/// Empties the queue; true when one of the events concerns a pipeline file.
bool drain(int inotify) {
    alignas(inotify_event) char buffer[16 * 1024];
    bool any = false;
    while (true) {
        auto size = ::read(inotify, buffer, sizeof buffer);
        if (size <= 0) return any;
        for (char* at = buffer; at < buffer + size;) {
            auto* event = reinterpret_cast<inotify_event*>(at);
            if (event->len > 0 && is_pipeline_file(event->name)) any = true;
            at += sizeof(inotify_event) + event->len;
        }
    }
}

}  // namespace

Result<std::unique_ptr<FileWatcher>> FileWatcher::start(const std::vector<std::string>& folders,
                                                        std::function<void()> changed) {
    auto watcher = std::unique_ptr<FileWatcher>(new FileWatcher);
    watcher->changed_ = std::move(changed);
    watcher->inotify_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    watcher->wake_ = ::eventfd(0, EFD_CLOEXEC);
    if (watcher->inotify_ < 0 || watcher->wake_ < 0)
        return fail(Errc::io, "cannot watch files: {}", std::strerror(errno));
    for (const auto& folder : folders) {
        auto events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
        if (::inotify_add_watch(watcher->inotify_, folder.c_str(), std::uint32_t(events)) < 0)
            return fail(Errc::io, "cannot watch {}: {}", folder, std::strerror(errno));
    }
    auto* self = watcher.get();
    watcher->thread_ = std::jthread([self](std::stop_token stop) { self->loop(stop); });
    return watcher;
}

FileWatcher::~FileWatcher() {
    if (thread_.joinable()) {
        thread_.request_stop();
        std::uint64_t one = 1;
        [[maybe_unused]] auto written = ::write(wake_, &one, sizeof one);
        thread_.join();
    }
    if (inotify_ >= 0) ::close(inotify_);
    if (wake_ >= 0) ::close(wake_);
}

void FileWatcher::loop(std::stop_token stop) {
    bool pending = false;
    while (!stop.stop_requested()) {
        pollfd watched[2] = {{inotify_, POLLIN, 0}, {wake_, POLLIN, 0}};
        int ready = ::poll(watched, 2, pending ? settle_ms : -1);
        if (stop.stop_requested()) return;
        if (ready > 0 && drain(inotify_)) {
            pending = true;
        } else if (ready == 0 && pending) {
            pending = false;
            changed_();
        }
    }
}

}  // namespace penstock::app
