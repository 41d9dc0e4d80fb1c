// The port as Rust's scylla driver uses it. Arguments: HOST PORT. README.md beside the folder says what each part does.
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt::Debug;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures::TryStreamExt;
use num_bigint::BigInt;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::client::Compression;
use scylla::cluster::metadata::{ColumnKind, ColumnType, NativeType, PeriodicFetchMode};
use scylla::deserialize::value::DeserializeValue;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use scylla::response::PagingState;
use scylla::serialize::row::SerializeRow;
use scylla::serialize::value::SerializeValue;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::{Consistency, Statement};
use scylla::value::{Counter, CqlDuration, CqlTimeuuid, CqlValue, MaybeUnset, Row};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

async fn connect(keyspace: Option<&str>, compression: Option<Compression>) -> Outcome<Session> {
    let arguments: Vec<String> = std::env::args().collect();
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::One)
        .request_timeout(Some(Duration::from_secs(30)))
        .build();
    let mut builder = SessionBuilder::new()
        .known_node(format!("{}:{}", arguments[1], arguments[2]))
        .connection_timeout(Duration::from_secs(30))
        .compression(compression)
        // How long the driver gathers events. It then asks for the keyspaces that they named, and for nothing without one.
        .cluster_metadata_refresh_interval(Duration::from_millis(100))
        .periodic_metadata_fetch_mode(PeriodicFetchMode::AffectedKeyspaces)
        .default_execution_profile_handle(profile.into_handle());
    if let Some(name) = keyspace {
        builder = builder.use_keyspace(name, true);
    }
    Ok(builder.build().await?)
}

async fn run(session: &Session, statement: &str) -> Outcome<()> {
    session.query_unpaged(statement, ()).await?;
    Ok(())
}

async fn one<T>(session: &Session, statement: &str) -> Outcome<T>
where
    T: for<'a> DeserializeValue<'a, 'a>,
{
    let rows = session.query_unpaged(statement, ()).await?.into_rows_result()?;
    Ok(rows.single_row::<(T,)>()?.0)
}

/// Waits for what the driver learns by an event.
async fn learned(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "no event of {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connects(session: &Session) -> Outcome<()> {
    let partitioner: String = one(session, "SELECT partitioner FROM system.local").await?;
    assert_eq!(partitioner, "org.apache.cassandra.dht.Murmur3Partitioner");
    let cluster = session.get_cluster_state();
    assert_eq!(cluster.get_nodes_info().len(), 1);
    let node = &cluster.get_nodes_info()[0];
    assert_eq!(node.host_id, one::<Uuid>(session, "SELECT host_id FROM system.local").await?);
    assert!(node.is_connected() && node.datacenter.is_some() && node.rack.is_some(), "{node:?}");
    assert_eq!(cluster.cluster_name(), one::<String>(session, "SELECT cluster_name FROM system.local").await?);
    assert!(!cluster.replica_locator().ring().is_empty(), "no tokens");
    Ok(())
}

async fn schema(session: &Session, keyspace: &str) -> Outcome<()> {
    run(
        session,
        "CREATE TABLE described (a int, b text, c timestamp, s text static, v set<int>, PRIMARY KEY ((a, b), c)) \
         WITH CLUSTERING ORDER BY (c DESC) AND comment = 'of rust'",
    )
    .await?;
    let agreed = session.await_schema_agreement().await?;
    assert_eq!(session.check_schema_agreement().await?, Some(agreed));
    assert_eq!(agreed, one::<Uuid>(session, "SELECT schema_version FROM system.local").await?);
    session.refresh_metadata().await?;
    let cluster = session.get_cluster_state();
    let table = &cluster.get_keyspace(keyspace).expect("the keyspace").tables["described"];
    assert_eq!(table.partition_key, ["a", "b"]);
    assert_eq!(table.clustering_key, ["c"]);
    assert_eq!(table.columns["s"].kind, ColumnKind::Static);
    assert_eq!(table.columns["c"].typ, ColumnType::Native(NativeType::Timestamp));
    Ok(())
}

#[derive(Debug, Clone, PartialEq, scylla::SerializeValue, scylla::DeserializeValue)]
struct Place {
    street: String,
    numbers: Vec<i32>,
}

/// A value of one column there and back; the driver checks that the column's type is one for T.
async fn round_trip<T>(session: &Session, column: &str, value: T) -> Outcome<()>
where
    T: SerializeValue + for<'a> DeserializeValue<'a, 'a> + PartialEq + Debug,
{
    let insert = session.prepare(format!("INSERT INTO types (k, {column}) VALUES (1, ?)")).await?;
    session.execute_unpaged(&insert, (&value,)).await?;
    let select = session.prepare(format!("SELECT {column} FROM types WHERE k = 1")).await?;
    let rows = session.execute_unpaged(&select, ()).await?.into_rows_result()?;
    assert_eq!(rows.single_row::<(T,)>()?.0, value, "{column}");
    session.execute_unpaged(&insert, (None::<T>,)).await?;
    let rows = session.execute_unpaged(&select, ()).await?.into_rows_result()?;
    // A collection without elements is null.
    assert_eq!(rows.single_row::<(Option<T>,)>()?.0, None, "null of {column}");
    session.execute_unpaged(&insert, (&value,)).await?;
    Ok(())
}

async fn types(session: &Session) -> Outcome<()> {
    run(session, "CREATE TYPE place (street text, numbers frozen<list<int>>)").await?;
    run(
        session,
        "CREATE TABLE types (k int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double, h duration, \
         i float, j inet, l int, m smallint, n text, o time, p timestamp, q timeuuid, r tinyint, s uuid, t varint, u list<int>, \
         v set<text>, w map<text, bigint>, x frozen<list<int>>, y tuple<int, text>, z vector<float, 3>, za place)",
    )
    .await?;
    round_trip(session, "a", "plain".to_owned()).await?;
    round_trip(session, "b", i64::MIN).await?;
    round_trip(session, "c", vec![0u8, 255, 16]).await?;
    round_trip(session, "d", true).await?;
    round_trip(session, "e", NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()).await?;
    round_trip(session, "f", "-12345678901234567890.0123".parse::<BigDecimal>()?).await?;
    round_trip(session, "g", -1.5e300f64).await?;
    round_trip(session, "h", CqlDuration { months: 14, days: 3, nanoseconds: 5_000_000_001 }).await?;
    round_trip(session, "i", 0.5f32).await?;
    round_trip(session, "j", "2001:db8::1".parse::<IpAddr>()?).await?;
    round_trip(session, "j", "192.0.2.1".parse::<IpAddr>()?).await?;
    round_trip(session, "l", i32::MIN).await?;
    round_trip(session, "m", i16::MIN).await?;
    round_trip(session, "n", "Zo\u{eb} \u{1f600}".to_owned()).await?;
    round_trip(session, "o", NaiveTime::from_hms_nano_opt(23, 59, 59, 123_456_789).unwrap()).await?;
    round_trip(session, "p", DateTime::<Utc>::from_timestamp_millis(946_684_799_999).unwrap()).await?;
    round_trip(session, "q", one::<CqlTimeuuid>(session, "SELECT now() FROM system.local").await?).await?;
    round_trip(session, "r", i8::MIN).await?;
    round_trip(session, "s", one::<Uuid>(session, "SELECT uuid() FROM system.local").await?).await?;
    round_trip(session, "t", -BigInt::from(2).pow(100)).await?;
    round_trip(session, "u", vec![3, 1, 2]).await?;
    round_trip(session, "v", HashSet::from(["a".to_owned(), "b".to_owned()])).await?;
    round_trip(session, "w", HashMap::from([("k".to_owned(), 1i64), ("l".to_owned(), 2)])).await?;
    round_trip(session, "x", vec![9, 8]).await?;
    round_trip(session, "y", (7, "x".to_owned())).await?;
    round_trip(session, "z", vec![0.5f32, -1.0, 3e10]).await?;
    round_trip(session, "za", Place { street: "Rue".to_owned(), numbers: vec![1, 2] }).await?;
    let rows = session.query_unpaged("SELECT * FROM types WHERE k = 1", ()).await?.into_rows_result()?;
    let row = rows.single_row::<Row>()?;
    assert!(row.columns.len() == 27 && row.columns.iter().all(Option::is_some), "{row:?}");
    Ok(())
}

#[derive(scylla::SerializeRow)]
struct Named<'a> {
    w: MaybeUnset<&'a str>,
    k: i32,
    v: &'a str,
}

async fn prepared(session: &Session, keyspace: &str) -> Outcome<()> {
    run(session, "CREATE TABLE prepared (k int PRIMARY KEY, v text, w text)").await?;
    let insert = session.prepare("INSERT INTO prepared (k, v, w) VALUES (:k, :v, :w)").await?;
    for k in 0..50 {
        session.execute_unpaged(&insert, Named { k, v: &k.to_string(), w: MaybeUnset::Set("w") }).await?;
    }
    session.execute_unpaged(&insert, Named { k: 1, v: "new", w: MaybeUnset::Unset }).await?;
    let select = session.prepare("SELECT * FROM prepared WHERE k = ?").await?;
    let rows = session.execute_unpaged(&select, (1,)).await?.into_rows_result()?;
    assert_eq!(rows.single_row::<(i32, &str, &str)>()?, (1, "new", "w"));

    // The driver sends a request to an owner of the key's token, which it computes as the server does.
    assert!(insert.is_token_aware() && select.is_token_aware());
    assert_eq!((select.get_keyspace_name(), select.get_table_name()), (Some(keyspace), Some("prepared")));
    let owners = session.get_cluster_state().get_endpoints(keyspace, "prepared", &(1,))?;
    assert_eq!(owners.len(), 1);
    for k in 0..50 {
        let token = session.query_unpaged(format!("SELECT token(k) FROM prepared WHERE k = {k}"), ()).await?;
        let token = token.into_rows_result()?.single_row::<(i64,)>()?.0;
        assert_eq!(select.calculate_token(&(k,))?.expect("a token").value(), token, "token of {k}");
    }

    // Each of these takes the statements away from the server; the driver prepares them anew.
    run(session, "ALTER TABLE prepared ADD z int").await?;
    session.execute_unpaged(&insert, Named { k: 3, v: "after", w: MaybeUnset::Set("w") }).await?;
    run(session, "UPDATE prepared SET z = 5 WHERE k = 3").await?;
    let rows = session.execute_unpaged(&select, (3,)).await?.into_rows_result()?;
    assert_eq!(rows.column_specs().iter().map(|column| column.name()).collect::<Vec<_>>(), ["k", "v", "w", "z"]);
    assert_eq!(rows.single_row::<(i32, &str, &str, i32)>()?, (3, "after", "w", 5));
    run(session, "DROP TABLE prepared").await?;
    run(session, "CREATE TABLE prepared (k int PRIMARY KEY, v text, w text)").await?;
    session.execute_unpaged(&insert, Named { k: 4, v: "again", w: MaybeUnset::Unset }).await?;
    let rows = session.execute_unpaged(&select, (4,)).await?.into_rows_result()?;
    assert_eq!(rows.single_row::<(i32, &str, Option<&str>)>()?, (4, "again", None));
    Ok(())
}

async fn paging(session: &Session, keyspace: &str) -> Outcome<()> {
    run(session, "CREATE TABLE paging (p int, c int, PRIMARY KEY (p, c))").await?;
    let insert = session.prepare("INSERT INTO paging (p, c) VALUES (?, ?)").await?;
    for p in 0..5 {
        for c in 0..21 {
            session.execute_unpaged(&insert, (p, c)).await?;
        }
    }
    let all = Statement::new("SELECT p, c FROM paging");
    for size in [1, 7, 105, 1000] {
        let simple = session.query_iter(all.clone().with_page_size(size), ()).await?;
        let mut prepared = session.prepare(all.clone()).await?;
        prepared.set_page_size(size);
        for pager in [simple, session.execute_iter(prepared, ()).await?] {
            let mut rows = pager.rows_stream::<(i32, i32)>()?;
            let mut seen = HashSet::new();
            while let Some(row) = rows.try_next().await? {
                assert!(seen.insert(row), "twice: {row:?}");
            }
            assert_eq!(seen.len(), 105, "rows with pages of {size}");
        }
    }
    // The state goes on in other sessions.
    let (mut seen, mut state) = (HashSet::new(), PagingState::start());
    loop {
        let other = connect(Some(keyspace), Some(Compression::Lz4)).await?;
        let (page, next) = other.query_single_page(all.clone().with_page_size(40), (), state).await?;
        for row in page.into_rows_result()?.rows::<(i32, i32)>()? {
            assert!(seen.insert(row?), "twice by paging state");
        }
        match next.into_paging_control_flow() {
            ControlFlow::Break(()) => break,
            ControlFlow::Continue(more) => {
                let bytes = more.as_bytes_slice().expect("a state").to_vec();
                state = PagingState::new_from_raw_bytes(bytes);
            }
        }
    }
    assert_eq!(seen.len(), 105, "rows by paging state");
    Ok(())
}

async fn batches(session: &Session) -> Outcome<()> {
    run(session, "CREATE TABLE batches (k int PRIMARY KEY, v text)").await?;
    run(session, "CREATE TABLE counters (k int PRIMARY KEY, n counter)").await?;
    let insert = session.prepare("INSERT INTO batches (k, v) VALUES (?, ?)").await?;
    for (at, kind) in [BatchType::Logged, BatchType::Unlogged].into_iter().enumerate() {
        let mut batch = Batch::new(kind);
        let mut values = Vec::new();
        for k in 0..10 {
            batch.append_statement(insert.clone());
            values.push(vec![CqlValue::Int(at as i32 * 10 + k), CqlValue::Text("x".to_owned())]);
        }
        batch.append_statement("DELETE FROM batches WHERE k = 1000");
        values.push(vec![]);
        session.batch(&batch, values).await?;
    }
    assert_eq!(one::<i64>(session, "SELECT count(*) FROM batches").await?, 20);
    let mut batch = Batch::new(BatchType::Counter);
    let add = session.prepare("UPDATE counters SET n = n + ? WHERE k = 1").await?;
    for _ in 0..3 {
        batch.append_statement(add.clone());
    }
    session.batch(&batch, ((Counter(0),), (Counter(1),), (Counter(2),))).await?;
    assert_eq!(one::<Counter>(session, "SELECT n FROM counters WHERE k = 1").await?, Counter(3));
    Ok(())
}

/// Whether a condition held, and the value of v when it did not.
fn applied(result: QueryResult) -> Outcome<(bool, Option<i32>)> {
    let rows = result.into_rows_result()?;
    assert_eq!(rows.column_specs().get_by_index(0).expect("a column").name(), "[applied]");
    let v = rows.column_specs().get_by_name("v").map(|(at, _)| at);
    let row = rows.single_row::<Row>()?;
    let held = row.columns[0].as_ref().and_then(CqlValue::as_boolean).expect("a boolean");
    Ok((held, v.and_then(|at| row.columns[at].as_ref()).and_then(CqlValue::as_int)))
}

async fn lwt(session: &Session) -> Outcome<()> {
    run(session, "CREATE TABLE lwt (k int PRIMARY KEY, v int)").await?;
    let insert = session.prepare("INSERT INTO lwt (k, v) VALUES (?, ?) IF NOT EXISTS").await?;
    assert_eq!(applied(session.execute_unpaged(&insert, (1, 10)).await?)?, (true, None));
    assert_eq!(applied(session.execute_unpaged(&insert, (1, 11)).await?)?, (false, Some(10)));
    let update = session.prepare("UPDATE lwt SET v = ? WHERE k = ? IF v = ?").await?;
    assert_eq!(applied(session.execute_unpaged(&update, (12, 1, 10)).await?)?, (true, None));
    assert_eq!(applied(session.execute_unpaged(&update, (13, 1, 10)).await?)?, (false, Some(12)));
    let delete = session.query_unpaged("DELETE FROM lwt WHERE k = 2 IF EXISTS", ()).await?;
    assert_eq!(applied(delete)?, (false, None));
    // The conditions of a batch hold together or not at all.
    let mut batch = Batch::new(BatchType::Logged);
    batch.append_statement("UPDATE lwt SET v = 14 WHERE k = 1 IF v = 12");
    batch.append_statement("UPDATE lwt SET v = 15 WHERE k = 1 IF v = 99");
    assert!(!applied(session.batch(&batch, ((), ())).await?)?.0);
    assert_eq!(one::<i32>(session, "SELECT v FROM lwt WHERE k = 1").await?, 12);
    Ok(())
}

async fn error_of(session: &Session, statement: &str, values: impl SerializeRow) -> DbError {
    match session.query_unpaged(statement, values).await {
        Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _))) => error,
        other => panic!("{statement}: {other:?}"),
    }
}

async fn errors(session: &Session, keyspace: &str) {
    assert_eq!(error_of(session, "SELECT * FORM nothing", ()).await, DbError::SyntaxError);
    assert_eq!(error_of(session, "SELECT * FROM nothing", ()).await, DbError::Invalid);
    let table = DbError::AlreadyExists { keyspace: keyspace.to_owned(), table: "lwt".to_owned() };
    assert_eq!(error_of(session, "CREATE TABLE lwt (k int PRIMARY KEY)", ()).await, table);
    let replication = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    let existing = DbError::AlreadyExists { keyspace: keyspace.to_owned(), table: String::new() };
    assert_eq!(error_of(session, &format!("CREATE KEYSPACE {keyspace} {replication}"), ()).await, existing);
    let strategy = "CREATE KEYSPACE other WITH replication = {'class': 'NoSuchStrategy'}";
    assert_eq!(error_of(session, strategy, ()).await, DbError::ConfigError);
    // The connection goes on, also after a statement that could not be prepared.
    let refused = session.prepare("SELECT nothing FROM lwt").await.expect_err("no such column");
    assert!(format!("{refused:?}").contains("Invalid"), "{refused:?}");
    assert_eq!(one::<i32>(session, "SELECT v FROM lwt WHERE k = 1").await.expect("a row"), 12);
}

async fn events(session: &Session, keyspace: &str) -> Outcome<()> {
    let other = connect(None, None).await?;
    let columns = || {
        let cluster = session.get_cluster_state();
        let known = cluster.get_keyspace(keyspace).expect("the keyspace");
        known.tables.get("announced").map(|table| table.columns.len())
    };
    run(&other, &format!("CREATE TABLE {keyspace}.announced (k int PRIMARY KEY)")).await?;
    learned("the new table", || columns() == Some(1)).await;
    run(&other, &format!("ALTER TABLE {keyspace}.announced ADD v text")).await?;
    learned("the new column", || columns() == Some(2)).await;
    run(&other, &format!("CREATE TYPE {keyspace}.kind (a int)")).await?;
    learned("the new type", || {
        let cluster = session.get_cluster_state();
        cluster.get_keyspace(keyspace).expect("the keyspace").user_defined_types.contains_key("kind")
    })
    .await;
    run(&other, &format!("DROP TABLE {keyspace}.announced")).await?;
    learned("the table's end", || columns().is_none()).await;
    Ok(())
}

async fn parts() -> Outcome<()> {
    let admin = connect(None, None).await?;
    connects(&admin).await?;
    println!("ok connect");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
    let keyspace = format!("rust_{now}");
    run(
        &admin,
        &format!("CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"),
    )
    .await?;
    let session = connect(Some(&keyspace), None).await?;
    schema(&session, &keyspace).await?;
    println!("ok schema");
    types(&session).await?;
    println!("ok types");
    prepared(&session, &keyspace).await?;
    println!("ok prepared");
    paging(&session, &keyspace).await?;
    println!("ok paging");
    batches(&session).await?;
    println!("ok batches");
    lwt(&session).await?;
    println!("ok lwt");
    errors(&session, &keyspace).await;
    println!("ok errors");
    events(&session, &keyspace).await?;
    println!("ok events");
    run(&admin, &format!("DROP KEYSPACE {keyspace}")).await?;
    learned("the keyspace's end", || session.get_cluster_state().get_keyspace(&keyspace).is_none()).await;
    Ok(())
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(parts())
}
