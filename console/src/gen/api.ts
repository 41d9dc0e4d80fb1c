// Written by tools/generate_api.mjs from src/monitor/openapi.json.

export interface Error {
  error: { code: string; message: string; line?: number; column?: number };
}

export interface Problem {
  file: string;
  /** From 1; 0: the whole file */
  line: number;
  /** From 1 */
  column: number;
  /** What is wrong, and what was expected */
  text: string;
}

export interface Status {
  version: string;
  /** Time, ISO-8601 in UTC with milliseconds */
  started: string;
  uptime_ms: number;
  /** Time, ISO-8601 in UTC with milliseconds */
  sampled: string;
  data_directory: string;
  /** Resident memory of the process */
  memory_bytes: number;
  /** console, kafka, cql, schemas */
  ports: { [name: string]: number };
  seams: { topics: string; schemas: string | null; engine: string; tables: string; metadata: string; coordination: string };
  member: { id: string; leads: boolean };
  /** The processes that share the work, in the order in which they came; one without ZooKeeper */
  members: ({ id: string; address: string; leads: boolean; runs: string[] })[];
  /** Since the process started */
  totals: { fetched: number; acknowledged: number; processed: number; stored: number; rejected: number; lag: number };
  rates: { fetched: number; acknowledged: number; processed: number; stored: number; rejected: number };
  problems: Problem[];
  faults: string[];
}

export interface Pipeline {
  name: string;
  file: string;
  /** Of the version that runs; 0: none does */
  revision: number;
  /** Whether a version of it runs */
  loaded: boolean;
  sources: string[];
  topics: string[];
  queries: string[];
  tables: string[];
  dags: string[];
  problems: Problem[];
  /** The file as it is now */
  text?: string;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export interface GraphNode {
  /** kind:name */
  id: string;
  kind: "source" | "topic" | "query" | "table" | "dag";
  name: string;
  state: string;
  detail: string;
  /** Sources: http, file or webhook */
  type?: string;
  /** Sources: where records come from now */
  endpoint?: string;
  /** Sources: the built-in replica answers instead of the real API */
  replica?: boolean;
  rates: { [name: string]: number };
  counts: { [name: string]: number };
}

export interface GraphEdge {
  from: string;
  to: string;
  rate: number | null;
  /** A DAG's hold on what it runs: no records flow there */
  control: boolean;
}

export interface Source {
  name: string;
  /** http, file or webhook */
  kind: string;
  topic: string;
  state: "waiting" | "running" | "backing_off" | "circuit_open" | "stopped" | "finished" | "failed";
  /** The last error, or what it waits for */
  detail: string;
  /** Where records come from now */
  endpoint: string;
  /** The built-in replica answers instead of the real API */
  replica: boolean;
  counts: { fetched: number; acknowledged: number; rejected: number; requests: number; failures: number; bytes: number };
  rates: { fetched: number; acknowledged: number; rejected: number };
}

export interface Topic {
  name: string;
  /** A UUID: another one when the topic was deleted and created again */
  id: string;
  internal: boolean;
  partitions: ({ partition: number; start_offset: number; end_offset: number; bytes: number })[];
  config: { [name: string]: string };
  records: number;
  bytes: number;
  rates: { appended: number };
}

export interface NewTopic {
  name: string;
  partitions?: number;
  /** Kafka's topic configuration: retention.ms, cleanup.policy, ... */
  config?: { [name: string]: string };
}

export interface Record {
  partition: number;
  offset: number;
  /** Time, ISO-8601 in UTC with milliseconds */
  timestamp: string;
  key: string | null;
  /** base64 when the bytes are not UTF-8; avro, json, protobuf: JSON of what the schema says of them, where decode is asked for */
  key_encoding: "utf8" | "base64" | "avro" | "json" | "protobuf";
  /** Where decode is asked for: the schema whose id the key begins with */
  key_schema_id?: number;
  /** Where decode is asked for: why the key could not be read by its schema */
  key_problem?: string;
  value: string | null;
  /** As key_encoding */
  value_encoding: "utf8" | "base64" | "avro" | "json" | "protobuf";
  /** As key_schema_id */
  value_schema_id?: number;
  /** As key_problem */
  value_problem?: string;
  headers: { [name: string]: string };
}

export interface NewRecords {
  records: ({ key?: string | null; key_encoding?: "utf8" | "base64" | "avro" | "json" | "protobuf"; key_schema_id?: number; value?: string | null; value_encoding?: "utf8" | "base64" | "avro" | "json" | "protobuf"; value_schema_id?: number; headers?: { [name: string]: string }; partition?: number })[];
}

export interface Produced {
  acknowledged: number;
  offsets: ({ partition: number; offset: number })[];
}

export interface Query {
  name: string;
  state: "waiting" | "running" | "stopped" | "failed";
  /** What it waits for, or why it failed */
  detail: string;
  reads: string[];
  /** keyspace.table, or topic:name */
  into: string;
  counts: { processed: number; stored: number; rejected: number; late: number; lag: number };
  watermark: string | null;
  last_commit: string | null;
  rates: { processed: number; stored: number; rejected: number };
}

export interface Table {
  keyspace: string;
  name: string;
  rows_estimate: number;
  bytes: number;
  columns: ({ name: string; type: string; kind: "partition_key" | "clustering" | "regular" })[];
}

export interface Sql {
  /** A bounded SELECT over tables and topics */
  sql: string;
}

export interface Rows {
  columns: ({ name: string; type: string })[];
  rows: (unknown[])[];
  /** All rows of the result */
  row_count: number;
  /** More than 10,000: the rest is left out */
  truncated: boolean;
  elapsed_ms: number;
}

export interface Dag {
  pipeline: string;
  name: string;
  /** Empty: by hand only */
  schedule: string;
  paused: boolean;
  next_run: string | null;
  tasks: string[];
  edges: ({ from: string; to: string })[];
  last_run: RunSummary | null;
}

export interface RunSummary {
  dag: string;
  run_id: string;
  run_type: "scheduled" | "manual" | "backfill";
  state: "queued" | "running" | "success" | "failed";
  logical: string | null;
  queued: string | null;
  started: string | null;
  ended: string | null;
  /** What the trigger was given, a JSON object */
  conf: unknown;
}

export interface Run {
  dag: string;
  run_id: string;
  run_type: "scheduled" | "manual" | "backfill";
  state: "queued" | "running" | "success" | "failed";
  logical: string | null;
  queued: string | null;
  started: string | null;
  ended: string | null;
  /** What the trigger was given, a JSON object */
  conf: unknown;
  tasks: Task[];
}

export interface Task {
  task: string;
  state: "none" | "scheduled" | "queued" | "running" | "success" | "failed" | "up_for_retry" | "upstream_failed" | "skipped";
  /** From 1; 0: it never ran */
  try_number: number;
  started: string | null;
  ended: string | null;
  next_try: string | null;
  /** Why it is in this state */
  note: string;
  /** What was acknowledged: fetched, acknowledged, rejected */
  counts: unknown;
}

export interface Trigger {
  conf?: { [name: string]: unknown };
  /** The caller's own; 409 when the DAG has such a run already */
  run_id?: string;
}

export interface RunNow {
  /** How long, such as 60s; without it until there is no more */
  for?: string;
  /** Whether a source that got nothing acknowledged has succeeded */
  allow_empty?: boolean;
  /** The caller's own; 409 when there is such a run already */
  run_id?: string;
}

export interface RunStarted {
  dag: string;
  run_id: string;
  task: string;
}

export interface TaskLog {
  try_number: number;
  lines: ({ time: string | null; text: string })[];
}

export interface Schema {
  subject: string;
  version: number;
  id: number;
  kind: "AVRO" | "JSON" | "PROTOBUF";
  text: string;
  /** Other schemas whose types it uses */
  references: ({ name: string; subject: string; version: number })[];
}

export interface Group {
  group: string;
  /** Kafka's names: Empty, PreparingRebalance, CompletingRebalance, Stable; Unknown: Kafka does not tell (groups of the protocol of KIP-848) */
  state: string;
  members: number;
  topics: ({ topic: string; partition: number; committed?: number; end_offset: number; lag?: number; client?: string; host?: string })[];
}

export interface Event {
  status: Status;
  sources: Source[];
  queries: Query[];
  dags: Dag[];
  /** By pipeline */
  graphs: { [name: string]: Graph };
}
