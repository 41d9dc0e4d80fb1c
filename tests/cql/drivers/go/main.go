// The port as gocql uses it. Arguments: HOST PORT. README.md beside the folder says what each part does.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/gocql/gocql"
	"gopkg.in/inf.v0"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(right bool, format string, args ...interface{}) {
	if !right {
		panic(fmt.Sprintf(format, args...))
	}
}

func cluster(protocol int) *gocql.ClusterConfig {
	port, err := strconv.Atoi(os.Args[2])
	must(err)
	config := gocql.NewCluster(os.Args[1])
	config.Port = port
	config.ProtoVersion = protocol
	config.Consistency = gocql.One
	config.Timeout = 30 * time.Second
	config.ConnectTimeout = 30 * time.Second
	config.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	return config
}

func types(session *gocql.Session) {
	must(session.Query(`CREATE TABLE types (k int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double,
		h duration, i float, j inet, l int, m smallint, n text, o time, p timestamp, q timeuuid, r tinyint, s uuid, t varint,
		u list<int>, v set<text>, w map<text, bigint>, x frozen<list<int>>, y tuple<int, text>)`).Exec())
	number, _ := new(big.Int).SetString("1267650600228229401496703205376", 10)
	decimal, _ := new(inf.Dec).SetString("-12345678901234567890.0123")
	at := time.Date(1999, 12, 31, 23, 59, 59, 999000000, time.UTC)
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	timeuuid := gocql.TimeUUID()
	random, _ := gocql.RandomUUID()
	duration := gocql.Duration{Months: 14, Days: 3, Nanoseconds: 5000000001}
	columns := "a, b, c, d, e, f, g, h, i, j, l, m, n, o, p, q, r, s, t, u, v, w, x"
	values := []interface{}{"plain", int64(-1 << 63), []byte{0, 255, 16}, true, day, decimal, -1.5e300, duration, float32(0.5),
		net.ParseIP("2001:db8::1"), int(-1 << 31), int16(-32768), "Zoë \U0001f600", 86399*time.Second + 123456789, at, timeuuid,
		int8(-128), random, number, []int{3, 1, 2}, []string{"a", "b"}, map[string]int64{"k": 1, "l": 2}, []int{9, 8}}
	marks := "?"
	into := []interface{}{}
	for i, value := range values {
		if i > 0 {
			marks += ", ?"
		}
		into = append(into, reflect.New(reflect.TypeOf(value)).Interface())
	}
	must(session.Query("INSERT INTO types (k, y, "+columns+") VALUES (1, (7, 'x'), "+marks+")", values...).Exec())
	must(session.Query("SELECT " + columns + " FROM types WHERE k = 1").Scan(into...))
	for i, value := range values {
		got := reflect.ValueOf(into[i]).Elem().Interface()
		same := reflect.DeepEqual(got, value)
		switch want := value.(type) {
		case *big.Int:
			same = want.Cmp(got.(*big.Int)) == 0
		case *inf.Dec:
			same = want.Cmp(got.(*inf.Dec)) == 0
		case time.Time:
			same = want.Equal(got.(time.Time))
		case []byte:
			same = bytes.Equal(want, got.([]byte))
		case net.IP:
			same = want.Equal(got.(net.IP))
		}
		check(same, "value %d: wrote %v, read %v", i, value, got)
	}
	var number1 int
	var text1 string
	must(session.Query("SELECT y FROM types WHERE k = 1").Scan(&number1, &text1))
	check(number1 == 7 && text1 == "x", "tuple (%d, %s)", number1, text1)
	must(session.Query("INSERT INTO types (k, n) VALUES (?, ?)", 2, nil).Exec())
	var text *string
	must(session.Query("SELECT n FROM types WHERE k = 2").Scan(&text))
	check(text == nil, "null is %v", text)
}

func prepared(session *gocql.Session, protocol int) {
	must(session.Query("CREATE TABLE prepared (k int PRIMARY KEY, v text, w text)").Exec())
	for k := 0; k < 50; k++ {
		must(session.Query("INSERT INTO prepared (k, v, w) VALUES (?, ?, ?)", k, strconv.Itoa(k), "w").Exec())
	}
	if protocol >= 4 {
		must(session.Query("INSERT INTO prepared (k, v, w) VALUES (?, ?, ?)", 1, "new", gocql.UnsetValue).Exec())
		var v, w string
		must(session.Query("SELECT v, w FROM prepared WHERE k = ?", 1).Scan(&v, &w))
		check(v == "new" && w == "w", "unset: %s %s", v, w)
	}
	must(session.Query("ALTER TABLE prepared ADD z int").Exec())
	must(session.Query("UPDATE prepared SET z = ? WHERE k = ?", 5, 3).Exec())
	row := map[string]interface{}{}
	must(session.Query("SELECT * FROM prepared WHERE k = 3").MapScan(row))
	check(row["z"] == 5, "after ALTER: %v", row)
}

func paging(session *gocql.Session) {
	must(session.Query("CREATE TABLE paging (p int, c int, PRIMARY KEY (p, c))").Exec())
	for p := 0; p < 5; p++ {
		for c := 0; c < 21; c++ {
			must(session.Query("INSERT INTO paging (p, c) VALUES (?, ?)", p, c).Exec())
		}
	}
	for _, size := range []int{1, 7, 105, 1000} {
		seen := map[[2]int]bool{}
		iter := session.Query("SELECT p, c FROM paging").PageSize(size).Iter()
		var p, c int
		for iter.Scan(&p, &c) {
			check(!seen[[2]int{p, c}], "twice: %d %d", p, c)
			seen[[2]int{p, c}] = true
		}
		must(iter.Close())
		check(len(seen) == 105, "%d rows with pages of %d", len(seen), size)
	}
	// The state goes on in another session.
	iter := session.Query("SELECT p, c FROM paging").PageSize(40).PageState(nil).Iter()
	rows := iter.NumRows()
	state := iter.PageState()
	must(iter.Close())
	for len(state) > 0 {
		iter = session.Query("SELECT p, c FROM paging").PageSize(40).PageState(state).Iter()
		rows += iter.NumRows()
		state = iter.PageState()
		must(iter.Close())
	}
	check(rows == 105, "%d rows by paging state", rows)
}

func batches(session *gocql.Session) {
	must(session.Query("CREATE TABLE batches (k int PRIMARY KEY, v text)").Exec())
	must(session.Query("CREATE TABLE counters (k int PRIMARY KEY, n counter)").Exec())
	for at, kind := range []gocql.BatchType{gocql.LoggedBatch, gocql.UnloggedBatch} {
		batch := session.NewBatch(kind)
		for k := 0; k < 10; k++ {
			batch.Query("INSERT INTO batches (k, v) VALUES (?, ?)", at*10+k, "x")
		}
		batch.Query("DELETE FROM batches WHERE k = 1000")
		must(session.ExecuteBatch(batch))
	}
	var count int
	must(session.Query("SELECT count(*) FROM batches").Scan(&count))
	check(count == 20, "%d rows by batches", count)
	batch := session.NewBatch(gocql.CounterBatch)
	for i := 0; i < 3; i++ {
		batch.Query("UPDATE counters SET n = n + ? WHERE k = 1", int64(i))
	}
	must(session.ExecuteBatch(batch))
	must(session.Query("SELECT n FROM counters WHERE k = 1").Scan(&count))
	check(count == 3, "counter is %d", count)
}

func lwt(session *gocql.Session) {
	must(session.Query("CREATE TABLE lwt (k int PRIMARY KEY, v int)").Exec())
	previous := map[string]interface{}{}
	applied, err := session.Query("INSERT INTO lwt (k, v) VALUES (?, ?) IF NOT EXISTS", 1, 10).MapScanCAS(previous)
	must(err)
	check(applied, "the first insert")
	applied, err = session.Query("INSERT INTO lwt (k, v) VALUES (?, ?) IF NOT EXISTS", 1, 11).MapScanCAS(previous)
	must(err)
	check(!applied && previous["v"] == 10, "the second insert: %v %v", applied, previous)
	applied, err = session.Query("UPDATE lwt SET v = ? WHERE k = ? IF v = ?", 12, 1, 10).MapScanCAS(map[string]interface{}{})
	must(err)
	check(applied, "the update")
	var v int
	applied, err = session.Query("UPDATE lwt SET v = ? WHERE k = ? IF v = ?", 13, 1, 10).ScanCAS(&v)
	must(err)
	check(!applied && v == 12, "the second update: %v %d", applied, v)
	applied, err = session.Query("DELETE FROM lwt WHERE k = ? IF EXISTS", 2).MapScanCAS(map[string]interface{}{})
	must(err)
	check(!applied, "deleting what is not there")
}

func code(err error) int {
	var request gocql.RequestError
	if errors.As(err, &request) {
		return request.Code()
	}
	return -1
}

func faults(session *gocql.Session, keyspace string) {
	err := session.Query("SELECT * FORM nothing").Exec()
	check(code(err) == gocql.ErrCodeSyntax, "syntax: %v", err)
	err = session.Query("SELECT * FROM nothing").Exec()
	check(code(err) == gocql.ErrCodeInvalid, "unknown table: %v", err)
	err = session.Query("CREATE TABLE lwt (k int PRIMARY KEY)").Exec()
	var existing *gocql.RequestErrAlreadyExists
	check(errors.As(err, &existing) && existing.Keyspace == keyspace && existing.Table == "lwt", "existing: %v", err)
}

// known waits until the driver knows of a table: it learns of one by an event, a second later at most.
func known(session *gocql.Session, keyspace string, table string) *gocql.TableMetadata {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		metadata, err := session.KeyspaceMetadata(keyspace)
		must(err)
		if found := metadata.Tables[table]; found != nil {
			return found
		}
	}
	panic("no event of the new table " + table)
}

func events(session *gocql.Session, protocol int, keyspace string) {
	other, err := cluster(protocol).CreateSession()
	must(err)
	defer other.Close()
	must(other.Query("CREATE TABLE " + keyspace + ".announced (k int PRIMARY KEY)").Exec())
	known(session, keyspace, "announced")
}

func main() {
	for _, protocol := range []int{3, 4} {
		admin, err := cluster(protocol).CreateSession()
		must(err)
		var name, partitioner string
		must(admin.Query("SELECT cluster_name, partitioner FROM system.local").Scan(&name, &partitioner))
		check(partitioner == "org.apache.cassandra.dht.Murmur3Partitioner", "partitioner %s", partitioner)
		fmt.Println("ok connect")
		keyspace := fmt.Sprintf("go_%d_%d", protocol, time.Now().UnixNano())
		must(admin.Query("CREATE KEYSPACE " + keyspace +
			" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}").Exec())
		config := cluster(protocol)
		config.Keyspace = keyspace
		session, err := config.CreateSession()
		must(err)
		must(session.Query("CREATE TABLE described (a int, b text, c timestamp, v set<int>, PRIMARY KEY ((a, b), c)) " +
			"WITH CLUSTERING ORDER BY (c DESC) AND comment = 'of go'").Exec())
		table := known(session, keyspace, "described")
		check(len(table.PartitionKey) == 2 && len(table.ClusteringColumns) == 1, "metadata %v", table)
		check(table.ClusteringColumns[0].Order == gocql.DESC, "order %v", table.ClusteringColumns[0].Order)
		fmt.Println("ok schema")
		types(session)
		fmt.Println("ok types")
		prepared(session, protocol)
		fmt.Println("ok prepared")
		paging(session)
		fmt.Println("ok paging")
		batches(session)
		fmt.Println("ok batches")
		lwt(session)
		fmt.Println("ok lwt")
		faults(session, keyspace)
		fmt.Println("ok errors")
		events(session, protocol, keyspace)
		fmt.Println("ok events")
		session.Close()
		must(admin.Query("DROP KEYSPACE " + keyspace).Exec())
		admin.Close()
	}
}
