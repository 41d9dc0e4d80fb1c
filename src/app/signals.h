// Ctrl-C and SIGTERM as something to wait for.
#pragma once

namespace penstock::app {

/// Blocks SIGINT and SIGTERM in this thread and those it starts, and ignores SIGPIPE. Call before any thread
/// starts.
void block_signals();
/// Waits for one of them. A second one while stopping ends the process at once.
void wait_for_signal();

}  // namespace penstock::app
