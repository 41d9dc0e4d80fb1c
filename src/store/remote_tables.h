// Tables in a real Apache Cassandra (or ScyllaDB, which speaks the same protocol).
#pragma once

#include <memory>
#include <string>

#include "store/tables.h"

namespace penstock::store {

/// cassandra://[user[:${PASSWORD}]@]h1[:9042],h2/[keyspace][?options]; docs/operating.md lists what the
/// options are. The keyspace is that of Penstock's own tables (checkpoints, state), by default penstock.
/// Waits until a node answers. Errc::invalid: the URL or an option; Errc::unauthorized: user or password is
/// refused; Errc::unavailable: no node answers in time (option retry.for, 15s). No error shows a password.
///
/// What is different from the embedded tables:
/// - A commit writes its rows, and when all are acknowledged its checkpoint and state, in one conditional
/// update. Cut
///   off in between, rows are there that the checkpoint does not know of; the query writes them again with
///   newer timestamps. So rows may be seen before their commit is whole.
/// - checkpoint() takes the query over: a process that was paused and still commits to it gets Errc::fenced.
/// - Rows come in the order of Cassandra's tokens, columns in the order of their names behind the key's.
/// - list() tells what Cassandra estimates, partitions for rows; it renews that every few minutes.
/// - flush() has nothing to do: what is acknowledged is as durable as Cassandra's commit log makes it.
Result<std::unique_ptr<Tables>> open_remote_tables(const std::string& url);

}  // namespace penstock::store
