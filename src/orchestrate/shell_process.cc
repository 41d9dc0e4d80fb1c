#include "orchestrate/shell_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>

extern char** environ;

namespace penstock::orchestrate {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t last_lines_max = 10;
constexpr std::size_t last_bytes_max = 1000;
constexpr std::size_t line_bytes_max = 8 * 1024;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }
    int number() const { return number_; }
    void reset() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }

private:
    int number_;
};

/// Cuts output into lines, and remembers the last ones.
class Lines {
public:
    explicit Lines(const std::function<void(std::string_view)>& log) : log_(log) {}

    void add(std::string_view bytes) {
        for (;;) {
            auto end = bytes.find('\n');
            part_ += bytes.substr(0, end);
            if (end == std::string_view::npos) break;
            emit();
            bytes.remove_prefix(end + 1);
        }
        if (part_.size() >= line_bytes_max) emit();  // bounded, for output without line breaks
    }
    void finish() {
        if (!part_.empty()) emit();
    }
    std::string last() const {
        std::string text;
        for (const auto& line : last_) text += (text.empty() ? "" : "\n") + line;
        if (text.size() > last_bytes_max) text.erase(0, text.size() - last_bytes_max);
        return text;
    }

private:
    void emit() {
        if (log_) log_(part_);
        if (!part_.empty()) last_.push_back(part_.substr(0, last_bytes_max));
        if (last_.size() > last_lines_max) last_.pop_front();
        part_.clear();
    }

    const std::function<void(std::string_view)>& log_;
    std::string part_;
    std::deque<std::string> last_;
};

std::vector<std::string> environment_of(const ShellCommand& command) {
    std::vector<std::string> variables;
    for (char** at = environ; *at; ++at) {
        std::string_view text(*at);
        bool replaced = false;
        for (const auto& [name, value] : command.environment)
            replaced |= text.starts_with(name) && text.substr(name.size()).starts_with('=');
        if (!replaced) variables.emplace_back(text);
    }
    for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
    return variables;
}

/// The child leads a new process group, reads nothing, and has no descriptors but the three.
Result<pid_t> start(const ShellCommand& command, int output) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, 1);
    posix_spawn_file_actions_adddup2(&files, output, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    auto variables = environment_of(command);
    std::vector<char*> environment;
    for (auto& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    std::string shell = "/bin/sh";
    std::string flag = "-c";
    std::string text = command.command;
    std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
    pid_t child = 0;
    int error = posix_spawn(&child, shell.c_str(), &files, &attributes, arguments.data(), environment.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) return fail(Errc::io, "cannot start /bin/sh: {}", std::strerror(error));
    return child;
}

/// True once the child has ended. It is not reaped, so that its number stays ours.
bool has_ended(pid_t child) {
    siginfo_t info{};
    return ::waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

/// Reads what is there, of an endless stream a part; false at the end of the output.
bool read_available(int descriptor, Lines& lines) {
    std::array<char, 16 * 1024> bytes;
    for (int parts = 0; parts < 16;) {
        auto got = ::read(descriptor, bytes.data(), bytes.size());
        if (got > 0) {
            lines.add({bytes.data(), std::size_t(got)});
            ++parts;
            if (std::size_t(got) < bytes.size()) return true;
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else {
            return got < 0 && errno == EAGAIN;
        }
    }
    return true;
}

/// Until the child has ended and, when it was cancelled, its group is gone too.
void attend(const ShellCommand& command, pid_t child, int output, Lines& lines) {
    // -1 on old kernels: then the ticks below notice.
    Descriptor watch(int(::syscall(SYS_pidfd_open, child, 0)));
    bool open = true;
    bool killed = false;
    std::optional<Steady::time_point> kill_at;
    for (;;) {
        bool ended = has_ended(child);
        if (ended && open && !kill_at) open = read_available(output, lines);
        // A group whose output is open has members left; only those told to go are waited for.
        if (ended && (!open || !kill_at || killed)) break;
        if (!kill_at && command.cancelled && command.cancelled()) {
            ::kill(-child, SIGTERM);
            kill_at = Steady::now() + std::chrono::milliseconds(command.kill_after_ms);
        }
        if (kill_at && !killed && Steady::now() >= *kill_at) {
            ::kill(-child, SIGKILL);
            killed = true;
        }
        std::array<pollfd, 2> waits{pollfd{open ? output : -1, POLLIN, 0},
                                    pollfd{ended ? -1 : watch.number(), POLLIN, 0}};
        ::poll(waits.data(), waits.size(), watch.number() >= 0 && !ended ? 50 : 5);
        if (open && waits[0].revents != 0) open = read_available(output, lines);
    }
}

}  // namespace

std::string ShellEnd::describe() const {
    auto text = signal != 0 ? fmt::format("ended by signal {} ({})", signal, ::strsignal(signal))
                            : fmt::format("exit code {}", exit_code);
    if (!last_lines.empty()) text += ": " + last_lines;
    return text;
}

Result<ShellEnd> run_shell(const ShellCommand& command) {
    if (command.command.find('\0') != std::string::npos)
        return fail(Errc::invalid, "the command holds a zero byte");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Errc::io, "cannot make a pipe: {}", std::strerror(errno));
    Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    ::fcntl(reading.number(), F_SETFL, O_NONBLOCK);
    auto child = TRY(start(command, writing.number()));
    writing.reset();

    Lines lines(command.log);
    attend(command, child, reading.number(), lines);
    lines.finish();
    ::kill(-child, SIGTERM);  // what it left in the background
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    ShellEnd end;
    if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
    if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
    end.last_lines = lines.last();
    return end;
}

}  // namespace penstock::orchestrate
