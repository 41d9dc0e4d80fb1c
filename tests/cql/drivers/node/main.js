// The port as the Node driver uses it. Arguments: HOST PORT. README.md beside the folder says what each part does.
const assert = require("node:assert/strict");
const cassandra = require("cassandra-driver");
const { types } = cassandra;

const [host, port] = process.argv.slice(2);
const client = (protocol, keyspace) => new cassandra.Client({
  contactPoints: [`${host}:${port}`], localDataCenter: "datacenter1", keyspace,
  protocolOptions: { maxVersion: protocol }, socketOptions: { readTimeout: 30000, connectTimeout: 30000 } });
const ok = (part) => console.log(`ok ${part}`);
const prepare = { prepare: true };

async function everyType(session) {
  await session.execute(`CREATE TABLE types (k int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double,
    h duration, i float, j inet, l int, m smallint, n text, o time, p timestamp, q timeuuid, r tinyint, s uuid, t varint,
    u list<int>, v set<text>, w map<text, bigint>, x frozen<list<int>>, y tuple<int, text>)`);
  const values = {
    a: "plain", b: types.Long.fromString("-9223372036854775808"), c: Buffer.from([0, 255, 16]), d: true,
    e: types.LocalDate.fromString("2024-02-29"), f: types.BigDecimal.fromString("-12345678901234567890.0123"), g: -1.5e300,
    h: new types.Duration(14, 3, types.Long.fromString("5000000001")), i: 0.5, j: types.InetAddress.fromString("2001:db8::1"),
    l: -2147483648, m: -32768, n: "Zoë 😀", o: types.LocalTime.fromString("23:59:59.123456789"),
    p: new Date("1999-12-31T23:59:59.999Z"), q: types.TimeUuid.now(), r: -128, s: types.Uuid.random(),
    t: types.Integer.fromString("1267650600228229401496703205376"), u: [3, 1, 2], v: ["a", "b"],
    w: { k: types.Long.fromNumber(1), l: types.Long.fromNumber(2) }, x: [9, 8], y: new types.Tuple(7, "x") };
  const names = Object.keys(values);
  await session.execute(`INSERT INTO types (k, ${names.join(", ")}) VALUES (1, ${names.map(() => "?").join(", ")})`,
    names.map((name) => values[name]), prepare);
  const row = (await session.execute("SELECT * FROM types WHERE k = 1", [], prepare)).first();
  for (const name of names) assert.equal(String(JSON.stringify(row[name])), String(JSON.stringify(values[name])), name);
  await session.execute("INSERT INTO types (k, n) VALUES (?, ?)", [2, null], prepare);
  assert.equal((await session.execute("SELECT n FROM types WHERE k = 2")).first().n, null);
}

async function prepared(session, protocol) {
  await session.execute("CREATE TABLE prepared (k int PRIMARY KEY, v text, w text)");
  await Promise.all(Array.from({ length: 50 }, (_, k) =>
    session.execute("INSERT INTO prepared (k, v, w) VALUES (:k, :v, :w)", { k, v: `${k}`, w: "w" }, prepare)));
  if (protocol >= 4) {
    await session.execute("INSERT INTO prepared (k, v, w) VALUES (?, ?, ?)", [1, "new", types.unset], prepare);
    const row = (await session.execute("SELECT v, w FROM prepared WHERE k = ?", [1], prepare)).first();
    assert.deepEqual([row.v, row.w], ["new", "w"]);
  }
  await session.execute("ALTER TABLE prepared ADD z int");
  await session.execute("UPDATE prepared SET z = ? WHERE k = ?", [5, 3], prepare);
  assert.equal((await session.execute("SELECT * FROM prepared WHERE k = 3")).first().z, 5);
}

async function paging(session) {
  await session.execute("CREATE TABLE paging (p int, c int, PRIMARY KEY (p, c))");
  const writes = [];
  for (let p = 0; p < 5; p++)
    for (let c = 0; c < 21; c++) writes.push(session.execute("INSERT INTO paging (p, c) VALUES (?, ?)", [p, c], prepare));
  await Promise.all(writes);
  for (const fetchSize of [1, 7, 105, 1000]) {
    const seen = new Set();
    for await (const row of session.stream("SELECT p, c FROM paging", [], { prepare: true, fetchSize, autoPage: true }))
      seen.add(`${row.p} ${row.c}`);
    assert.equal(seen.size, 105, `pages of ${fetchSize}`);
  }
  let state, rows = 0;
  do {
    const page = await session.execute("SELECT p, c FROM paging", [], { prepare: true, fetchSize: 40, pageState: state });
    rows += page.rowLength;
    state = page.pageState;
  } while (state);
  assert.equal(rows, 105);
}

async function batches(session) {
  await session.execute("CREATE TABLE batches (k int PRIMARY KEY, v text)");
  await session.execute("CREATE TABLE counters (k int PRIMARY KEY, n counter)");
  for (const [at, logged] of [[0, true], [10, false]]) {
    const queries = Array.from({ length: 10 }, (_, k) => ({ query: "INSERT INTO batches (k, v) VALUES (?, ?)", params: [at + k, "x"] }));
    await session.batch([...queries, { query: "DELETE FROM batches WHERE k = 1000" }], { prepare: true, logged });
  }
  assert.equal(Number((await session.execute("SELECT count(*) AS n FROM batches")).first().n), 20);
  const add = (n) => ({ query: "UPDATE counters SET n = n + ? WHERE k = 1", params: [types.Long.fromNumber(n)] });
  await session.batch([add(0), add(1), add(2)], { prepare: true, counter: true });
  assert.equal(Number((await session.execute("SELECT n FROM counters WHERE k = 1")).first().n), 3);
}

async function lwt(session) {
  await session.execute("CREATE TABLE lwt (k int PRIMARY KEY, v int)");
  const insert = (v) => session.execute("INSERT INTO lwt (k, v) VALUES (1, ?) IF NOT EXISTS", [v], prepare);
  assert.ok((await insert(10)).wasApplied());
  const second = await insert(11);
  assert.ok(!second.wasApplied());
  assert.equal(second.first().v, 10);
  const update = (v, old) => session.execute("UPDATE lwt SET v = ? WHERE k = 1 IF v = ?", [v, old], prepare);
  assert.ok((await update(12, 10)).wasApplied());
  const refused = await update(13, 10);
  assert.ok(!refused.wasApplied());
  assert.equal(refused.first().v, 12);
  assert.ok(!(await session.execute("DELETE FROM lwt WHERE k = 2 IF EXISTS")).wasApplied());
}

async function errors(session, keyspace) {
  const code = (number) => (error) => error.code === number;
  const { responseErrorCodes: codes } = types;
  await assert.rejects(session.execute("SELECT * FORM nothing"), code(codes.syntaxError));
  await assert.rejects(session.execute("SELECT * FROM nothing"), code(codes.invalid));
  await assert.rejects(session.execute("CREATE TABLE lwt (k int PRIMARY KEY)"),
    (error) => error.code === codes.alreadyExists && error.keyspace === keyspace && error.table === "lwt");
}

async function events(session, protocol, keyspace) {
  // The driver asks again for what an event names; a table that it knows already is not asked for without one.
  const columns = async () => (await session.metadata.getTable(keyspace, "announced"))?.columns.length;
  const other = client(protocol);
  await other.execute(`CREATE TABLE ${keyspace}.announced (k int PRIMARY KEY)`);
  assert.equal(await columns(), 1);
  await other.execute(`ALTER TABLE ${keyspace}.announced ADD v text`);
  const end = Date.now() + 30000;
  while ((await columns()) !== 2) {
    assert.ok(Date.now() < end, "no event of the changed table");
    await new Promise((done) => setTimeout(done, 20));
  }
  await other.shutdown();
}

async function main() {
  for (const protocol of [3, 4]) {
    const admin = client(protocol);
    await admin.connect();
    assert.equal(admin.hosts.length, 1);
    assert.equal(admin.controlConnection.protocolVersion, protocol);
    ok("connect");
    const keyspace = `node_${protocol}_${Date.now()}`;
    await admin.execute(`CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`);
    const session = client(protocol, keyspace);
    await session.execute("CREATE TABLE described (a int, b text, c timestamp, v set<int>, PRIMARY KEY ((a, b), c)) " +
      "WITH CLUSTERING ORDER BY (c DESC) AND comment = 'of node'");
    const table = await session.metadata.getTable(keyspace, "described");
    assert.deepEqual(table.partitionKeys.map((column) => column.name), ["a", "b"]);
    assert.deepEqual([table.clusteringKeys[0].name, table.clusteringOrder[0], table.comment], ["c", "DESC", "of node"]);
    assert.ok(await session.metadata.checkSchemaAgreement());
    ok("schema");
    await everyType(session);
    ok("types");
    await prepared(session, protocol);
    ok("prepared");
    await paging(session);
    ok("paging");
    await batches(session);
    ok("batches");
    await lwt(session);
    ok("lwt");
    await errors(session, keyspace);
    ok("errors");
    await events(session, protocol, keyspace);
    ok("events");
    await session.shutdown();
    await admin.execute(`DROP KEYSPACE ${keyspace}`);
    await admin.shutdown();
  }
}

main().catch((error) => { console.error(error); process.exit(1); });
