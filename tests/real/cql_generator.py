"""CQL statements from a grammar and a seed: tables over all types, writes with timestamps, deletions of every size, reads of
every shape, and statements that must be refused. The same seed gives the same statements."""
import random

# Few values of each type, so that statements meet: the least and the greatest, what sorts oddly, what needs quotes.
VALUES = {
    "ascii": ["'a'", "'b'", "''", "'Zz'", "'it''s'"],
    "bigint": ["0", "1", "-1", "9223372036854775807", "-9223372036854775808"],
    "blob": ["0x", "0x00", "0xff", "0x00ff", "0xcafe"],
    "boolean": ["true", "false"],
    "date": ["'1970-01-01'", "'2024-02-29'", "'-0044-03-15'", "'1969-12-31'"],
    "decimal": ["0", "1.5", "-1.5", "10000000000", "-0.001", "12345678901234567890.123"],
    "double": ["0.0", "1.5", "-1.5", "NaN", "Infinity", "-Infinity", "1e300"],
    "float": ["0.0", "1.5", "-1.5", "NaN", "Infinity", "-Infinity"],
    "inet": ["'127.0.0.1'", "'10.0.0.2'", "'::1'", "'2001:db8::1'"],
    "int": ["0", "1", "2", "3", "-1", "2147483647", "-2147483648"],
    "smallint": ["0", "1", "-1", "32767", "-32768"],
    "text": ["'a'", "'b'", "''", "'zz'", "'Zoë'", "'it''s'", "$$x$$"],
    "time": ["'00:00:00'", "'23:59:59.999999999'", "'12:34:56.5'"],
    "timestamp": ["0", "'2024-02-29 12:00:00+0000'", "'1969-12-31T23:59:59.999Z'", "1700000000123"],
    "timeuuid": ["50554d6e-29bb-11e5-b345-feff819cdc9f", "50554d6f-29bb-11e5-b345-feff819cdc9f",
                 "00000000-0000-1000-8080-808080808080"],
    "tinyint": ["0", "1", "-1", "127", "-128"],
    "uuid": ["123e4567-e89b-42d3-a456-426614174000", "00000000-0000-0000-0000-000000000000",
             "50554d6e-29bb-11e5-b345-feff819cdc9f"],
    "varint": ["0", "1", "-1", "255", "-256", "340282366920938463463374607431768211456"],
    "duration": ["1h30m", "P3D", "-1mo", "12ns"],
}
KEYS = [name for name in VALUES if name != "duration"]
NUMBERS = ["bigint", "decimal", "double", "float", "int", "smallint", "tinyint", "varint"]
# Between neighbours of the same time everything is decided by the rules for ties.
TIMESTAMPS = range(1, 12)


class Type:
    """Of a column: name as CQL writes it, and literals."""

    def __init__(self, kind, parts=(), frozen=False, fields=()):
        self.kind, self.parts, self.frozen, self.fields = kind, list(parts), frozen, list(fields)

    def __str__(self):
        inner = ", ".join(str(part) for part in self.parts)
        text = self.kind if not self.parts or self.fields else f"{self.kind}<{inner}>"
        return f"frozen<{text}>" if self.frozen else text

    @property
    def multi_cell(self):
        return not self.frozen and (self.kind in ("list", "set", "map") or bool(self.fields))

    def literal(self, r, nulls=True):
        if self.kind in VALUES:
            return r.choice(VALUES[self.kind])
        if self.kind == "counter":
            return r.choice(("1", "2"))
        if self.fields:
            return "{" + ", ".join(f"{name}: {part.literal(r)}" for name, part in zip(self.fields, self.parts)
                                   if r.random() < 0.8 or name == self.fields[0]) + "}"
        if self.kind == "tuple":
            return "(" + ", ".join("null" if nulls and r.random() < 0.15 else part.literal(r) for part in self.parts) + ")"
        size = r.choice((0, 1, 1, 2, 3))
        if self.kind == "map":
            # Each key once: which one of several values counts is nowhere said.
            # Cassandra fails with an empty one where a key is compared.
            size = max(size, 1 if self.frozen else 0)
            keys = dict.fromkeys(self.parts[0].literal(r, False) for _ in range(size))
            return "{" + ", ".join(f"{key}: {self.parts[1].literal(r)}" for key in keys) + "}"
        inner = ", ".join(self.parts[0].literal(r, False) for _ in range(size))
        return f"[{inner}]" if self.kind == "list" else "{" + inner + "}"


class Column:
    def __init__(self, name, type_, role, descending=False):
        self.name, self.type, self.role, self.descending = name, type_, role, descending


class Table:
    def __init__(self, name, columns, counters=False, compact=False):
        self.name, self.columns, self.counters, self.compact = name, columns, counters, compact
        self.by_clock = counters  # its cells are as new as the server's clock says

    def of(self, *roles):
        return [column for column in self.columns if column.role in roles]

    def create(self):
        partition, clustering = self.of("partition"), self.of("clustering")
        columns = ", ".join(f"{c.name} {c.type}{' static' if c.role == 'static' else ''}" for c in self.columns)
        key = "(" + ", ".join(c.name for c in partition) + ")" + "".join(f", {c.name}" for c in clustering)
        order = ", ".join(f"{c.name} {'DESC' if c.descending else 'ASC'}" for c in clustering)
        properties = ["COMPACT STORAGE"] * self.compact + [f"CLUSTERING ORDER BY ({order})"] * bool(clustering)
        return f"CREATE TABLE {self.name} ({columns}, PRIMARY KEY ({key}))" + (
            f" WITH {' AND '.join(properties)}" if properties else "")


TYPES = ["CREATE TYPE pair (a int, b text)", "CREATE TYPE nest (p frozen<pair>, l frozen<list<int>>, d decimal)"]


def pair(frozen):
    return Type("pair", [Type("int"), Type("text")], frozen, ["a", "b"])


def nest(frozen):
    return Type("nest", [pair(True), Type("list", [Type("int")], True), Type("decimal")], frozen, ["p", "l", "d"])


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.tables = []

    # Types and tables

    def simple(self, key=False):
        return Type(self.r.choice(KEYS if key else list(VALUES)))

    def frozen(self, key=False):
        """What can be inside a collection, and a key."""
        kind = self.r.choice(("simple",) * 5 + ("list", "set", "map", "tuple", "pair", "nest"))
        if kind == "simple":
            return self.simple(key)
        if kind == "tuple":
            return Type("tuple", [self.simple(key) for _ in range(self.r.choice((1, 2, 3)))], True)
        if kind in ("pair", "nest"):
            return pair(True) if kind == "pair" else nest(True)
        return self.collection(kind, True, key)

    def collection(self, kind, frozen, key=False):
        inner = self.frozen if self.r.random() < 0.2 and not frozen else self.simple
        first = inner(key or kind != "list")
        return Type(kind, [first, inner(key)] if kind == "map" else [first], frozen)

    def column_type(self):
        kind = self.r.choice(("simple",) * 6 + ("list", "set", "map") * 2 + ("frozen", "pair", "tuple"))
        if kind == "simple":
            return self.simple()
        if kind == "pair":
            return pair(self.r.random() < 0.3)
        if kind == "tuple":
            return Type("tuple", [self.simple(), self.simple()], True)
        return self.frozen() if kind == "frozen" else self.collection(kind, False)

    def table(self):
        r, name = self.r, f"t{len(self.tables)}"
        columns = [Column(f"p{i}", self.frozen(True) if r.random() < 0.2 else self.simple(True), "partition")
                   for i in range(r.choice((1, 1, 2)))]
        clustering = r.choice((0, 1, 1, 2, 3))
        columns += [Column(f"c{i}", self.frozen(True) if r.random() < 0.2 else self.simple(True), "clustering", r.random() < 0.4)
                    for i in range(clustering)]
        counters, compact = r.random() < 0.1, r.random() < 0.15
        value = (lambda: Type("counter")) if counters else self.column_type
        if compact:
            value = (lambda: Type("counter")) if counters else self.frozen
            columns += [Column(f"v{i}", value(), "regular") for i in range(1 if clustering else r.choice((1, 2, 3)))]
            self.tables.append(Table(name, columns, counters, True))
            return self.tables[-1]
        if clustering and r.random() < 0.6:
            columns += [Column(f"s{i}", value(), "static") for i in range(r.choice((1, 2)))]
        columns += [Column(f"v{i}", value(), "regular") for i in range(r.choice((1, 2, 3, 4)))]
        self.tables.append(Table(name, columns, counters))
        return self.tables[-1]

    # Writes

    def using(self, table, ttl=True):
        if table.counters:
            return ""
        parts = [f"TIMESTAMP {self.r.choice(TIMESTAMPS)}"]
        if ttl and self.r.random() < 0.15:
            parts.append(f"TTL {self.r.choice((0, 90000, 100000))}")
        return " USING " + " AND ".join(parts)

    def row_key(self, table):
        """The columns that say which row is written: of a compact table the last ones may be left out."""
        columns = table.of("partition", "clustering")
        if table.compact and self.r.random() < 0.2:
            return columns[:max(self.r.randrange(len(columns)), len(table.of("partition")))]
        return columns

    def equal(self, columns):
        return [f"{c.name} = {c.type.literal(self.r)}" for c in columns]

    def insert(self, table, condition=""):
        r = self.r
        columns = self.row_key(table)
        if table.of("static") and r.random() < 0.2:
            columns = table.of("partition") + table.of("static")
        else:
            columns = columns + [c for c in table.of("static", "regular") if r.random() < 0.7]
        values = [("null" if c.role in ("static", "regular") and r.random() < 0.15 else c.type.literal(r)) for c in columns]
        using = "" if condition else self.using(table)
        return (f"INSERT INTO {table.name} ({', '.join(c.name for c in columns)}) VALUES ({', '.join(values)})"
                f"{condition}{using}")

    def assignment(self, column):
        r, name, kind = self.r, column.name, column.type.kind
        if kind == "counter":
            return f"{name} = {name} {r.choice('+-')} {r.choice((1, 2, 5))}"
        literal = column.type.literal(r)
        if column.type.multi_cell and r.random() < 0.6:
            if column.type.fields:
                i = r.randrange(len(column.type.fields))
                return f"{name}.{column.type.fields[i]} = {column.type.parts[i].literal(r)}"
            if kind == "map":
                if r.random() < 0.5:
                    return f"{name}[{column.type.parts[0].literal(r, False)}] = " + (
                        "null" if r.random() < 0.2 else column.type.parts[1].literal(r))
                if r.random() < 0.3:
                    return f"{name} = {name} - {{{column.type.parts[0].literal(r, False)}}}"
            if kind == "list" and r.random() < 0.2:
                return f"{name} = {literal} + {name}"
            if kind == "list" and r.random() < 0.3:
                return f"{name}[{r.choice((0, 1))}] = {column.type.parts[0].literal(r, False)}"
            return f"{name} = {name} {'-' if kind != 'map' and r.random() < 0.3 else '+'} {literal}"
        return f"{name} = {'null' if r.random() < 0.15 else literal}"

    def update(self, table, condition=""):
        r = self.r
        statics, regulars = table.of("static"), table.of("regular")
        only_static = statics and r.random() < 0.3
        chosen = r.sample(statics if only_static else regulars + statics, 1)
        where = self.equal(table.of("partition") if only_static else self.row_key(table))
        if not only_static and r.random() < 0.1 and not condition:
            where = self.equal(table.of("partition")) + [
                f"{c.name} IN ({c.type.literal(r)}, {c.type.literal(r)})" for c in table.of("clustering")]
        using = "" if condition else self.using(table)
        return (f"UPDATE {table.name}{using} SET {', '.join(self.assignment(c) for c in chosen)} WHERE "
                f"{' AND '.join(where)}{condition}")

    def delete(self, table, condition=""):
        r = self.r
        partition, clustering = table.of("partition"), table.of("clustering")
        where = self.equal(partition)
        shape = r.choice(("row", "row", "cells", "cells", "range", "partition", "static"))
        columns = []
        if condition:
            shape = r.choice(("row", "cells"))
        if shape == "cells":
            columns = r.sample(table.of("regular"), 1)
        elif shape == "static" and table.of("static"):
            columns = r.sample(table.of("static"), 1)
        if shape in ("row", "cells"):
            where += self.equal(clustering)
        elif shape == "range" and clustering:
            n = r.randrange(len(clustering))
            where += self.equal(clustering[:n])
            where += self.slices(clustering[n])
        names = []
        for column in columns:
            element = ""
            if column.type.multi_cell and r.random() < 0.5:
                if column.type.fields:
                    element = "." + r.choice(column.type.fields)
                elif column.type.kind != "list":
                    element = f"[{column.type.parts[0].literal(r, False)}]"
            names.append(column.name + element)
        using = "" if condition else self.using(table, False)
        return (f"DELETE {', '.join(names)}{' ' if names else ''}FROM {table.name}{using} WHERE "
                f"{' AND '.join(where)}{condition}")

    def write(self, table, condition=""):
        if table.counters:
            return self.update(table)
        kind = self.r.choice((self.insert, self.insert, self.update, self.update, self.delete))
        return kind(table, condition)

    def batch(self, table):
        kind = "COUNTER " if table.counters else self.r.choice(("", "UNLOGGED "))
        count = self.r.choice((1, 2, 3))
        return f"BEGIN {kind}BATCH {'; '.join(self.write(table) for _ in range(count))}; APPLY BATCH"

    def condition(self, table):
        r = self.r
        parts = []
        for column in r.sample(table.of("regular", "static"), 1):
            literal = column.type.literal(r)
            op = r.choice(("=", "=", "!=", "<", ">=", "IN"))
            if op == "IN":
                parts.append(f"{column.name} IN ({literal}, {r.choice(('null', column.type.literal(r)))})")
            elif r.random() < 0.2:
                parts.append(f"{column.name} {op} null")
            elif column.type.kind == "map" and r.random() < 0.5:
                parts.append(f"{column.name}[{column.type.parts[0].literal(r, False)}] {op} {column.type.parts[1].literal(r)}")
            else:
                parts.append(f"{column.name} {op} {literal}")
        return " IF " + " AND ".join(parts)

    def compare_and_set(self, table):
        r = self.r
        if table.counters:
            return self.update(table)
        shape = r.random()
        if shape < 0.3:
            return self.insert(table, " IF NOT EXISTS")
        if shape < 0.5:
            return r.choice((self.update, self.delete))(table, " IF EXISTS")
        if shape < 0.6:
            first, second = (self.update(table, self.condition(table)), self.insert(table, " IF NOT EXISTS"))
            return f"BEGIN BATCH {first}; {second}; APPLY BATCH"
        return r.choice((self.update, self.delete))(table, self.condition(table))

    # Reads

    def slices(self, column):
        r = self.r
        ops = r.choice(([">"], [">="], ["<"], ["<="], [">", "<="], [">=", "<"]))
        return [f"{column.name} {op} {column.type.literal(r)}" for op in ops]

    def where(self, table):
        r = self.r
        partition, clustering = table.of("partition"), table.of("clustering")
        shape = r.random()
        where = []
        if shape < 0.15:
            return where
        if shape < 0.22:
            names = ", ".join(c.name for c in partition)
            return [f"token({names}) {r.choice(('>', '>=', '<', '<='))} {r.choice((0, -4611686018427387904, 4611686018427387904))}"]
        for column in partition:
            if r.random() < 0.15:
                where.append(f"{column.name} IN ({column.type.literal(r)}, {column.type.literal(r)}, {column.type.literal(r)})")
            elif r.random() < 0.95:
                where += self.equal([column])
        for column in clustering:
            what = r.random()
            if what < 0.35:
                where += self.equal([column])
            elif what < 0.5:
                where.append(f"{column.name} IN ({column.type.literal(r)}, {column.type.literal(r)})")
            elif what < 0.75:
                where += self.slices(column)
                if r.random() < 0.9:
                    break
            elif r.random() < 0.9:
                break
        if len(clustering) > 1 and r.random() < 0.15:
            names = [c.name for c in clustering]
            tuples = [f"({', '.join(c.type.literal(r, False) for c in clustering)})" for _ in range(2)]
            kept = [w for w in where if not any(w.startswith(f"{n} ") for n in names)]
            op = r.choice(("=", ">", ">=", "<", "<=", "IN"))
            where = kept + [f"({', '.join(names)}) {op} " + (f"({', '.join(tuples)})" if op == "IN" else tuples[0])]
        if r.random() < 0.2:
            column = r.choice(table.of("static", "regular"))
            if column.type.kind in ("list", "set", "map") and r.random() < 0.6:
                where.append(f"{column.name} CONTAINS {column.type.parts[-1].literal(r)}")
            elif column.type.kind == "map" and r.random() < 0.7:
                where.append(f"{column.name}[{column.type.parts[0].literal(r)}] = {column.type.parts[1].literal(r)}")
            else:
                where.append(f"{column.name} {r.choice(('=', '>', '<='))} {column.type.literal(r)}")
        return where

    def selector(self, table):
        r = self.r
        column = r.choice(table.columns)
        what = r.random()
        if what < 0.6:
            return column.name
        # Of a type's fields that are null the time is null, and the driver cannot read a null inside a list.
        fields = column.type.fields and column.type.multi_cell
        if what < 0.7 and not fields and column.role in ("regular", "static") and not table.by_clock:
            return f"writetime({column.name})"
        if what < 0.75:
            return f"toJson({column.name})"
        # Of a column in descending order Cassandra does not know its own type.
        if what < 0.8 and not column.descending:
            return f"CAST({column.name} AS {r.choice(('text', 'int', 'double', 'bigint', 'timestamp', 'varint'))})"
        if what < 0.84 and column.type.fields:
            return f"{column.name}.{r.choice(column.type.fields)}"
        if what < 0.88 and column.type.kind == "map":
            return f"{column.name}[{column.type.parts[0].literal(r, False)}]"
        if what < 0.92 and column.type.kind in NUMBERS:
            return f"{column.name} {r.choice('+-*')} {r.choice(('1', '2', column.name))}"
        if what < 0.95:
            return f"token({', '.join(c.name for c in table.of('partition'))})"
        return column.name

    def select(self, table):
        r = self.r
        shape = r.random()
        distinct = ""
        group = ""
        keys = table.of("partition", "clustering")
        if shape < 0.35:
            what = "*"
        elif shape < 0.75:
            what = ", ".join(self.selector(table) for _ in range(r.choice((1, 2, 3))))
        elif shape < 0.83:
            distinct, what = "DISTINCT ", ", ".join(c.name for c in table.of("partition") + table.of("static"))
        elif shape < 0.88:
            distinct, what = "JSON ", "*"
        else:
            column = r.choice(table.columns)
            name = r.choice(("count", "min", "max", "sum", "avg"))
            what = r.choice((f"{name}({column.name})", "count(*)"))
            if r.random() < 0.6:
                grouped = keys[:r.choice(range(1, len(keys) + 1))]
                group = " GROUP BY " + ", ".join(c.name for c in grouped)
                what = ", ".join([c.name for c in grouped] + [what])
        where = self.where(table)
        text = f"SELECT {distinct}{what} FROM {table.name}"
        if where:
            text += " WHERE " + " AND ".join(where)
        text += group
        clustering = table.of("clustering")
        if clustering and not distinct and r.random() < 0.25:
            flip = r.random() < 0.5
            text += " ORDER BY " + ", ".join(
                f"{c.name} {'DESC' if c.descending != flip else 'ASC'}" for c in clustering[:r.randint(1, len(clustering))])
        if r.random() < 0.1:
            text += f" PER PARTITION LIMIT {r.choice((1, 2))}"
        if r.random() < 0.15:
            text += f" LIMIT {r.choice((1, 2, 3, 10))}"
        return text + (" ALLOW FILTERING" if r.random() < 0.5 else "")

    # What must be refused

    def wrong(self, table):
        r = self.r
        column, key = r.choice(table.of("regular")), r.choice(table.of("partition"))
        # Cassandra reads a constant as a tuple, as if it were its text.
        other = Type(r.choice(list(VALUES))) if column.type.kind != "tuple" else Type("list", [Type("int")])
        return r.choice((
            f"SELECT nothing FROM {table.name}",
            "SELECT * FROM nothing",
            f"SELECT * FROM {table.name} WHERE {column.name} = {other.literal(r)}",
            f"INSERT INTO {table.name} ({key.name}) VALUES (null)",
            f"INSERT INTO {table.name} ({key.name}, {column.name}) VALUES ({key.type.literal(r)})",
            f"INSERT INTO {table.name} ({column.name}) VALUES ({column.type.literal(r)})",
            f"UPDATE {table.name} SET {key.name} = {key.type.literal(r)} WHERE {' AND '.join(self.equal(table.of('partition')))}",
            f"UPDATE {table.name} SET {column.name} = {other.literal(r)} WHERE "
            f"{' AND '.join(self.equal(table.of('partition', 'clustering')))}",
            f"UPDATE {table.name} SET {column.name}[0] = {other.literal(r)} WHERE "
            f"{' AND '.join(self.equal(table.of('partition', 'clustering')))}",
            f"DELETE {key.name} FROM {table.name} WHERE {' AND '.join(self.equal(table.of('partition')))}",
            f"DELETE FROM {table.name} WHERE {column.name} = {column.type.literal(r)}",
            f"SELECT * FROM {table.name} ORDER BY {column.name}",
            f"SELECT {column.name} FROM {table.name} WHERE {key.name} CONTAINS {other.literal(r)} ALLOW FILTERING",
            f"SELECT DISTINCT {column.name} FROM {table.name}",
            f"SELECT writetime({key.name}) FROM {table.name}",
            f"SELECT sum({column.name}) FROM {table.name}",
            f"SELECT nothing({column.name}) FROM {table.name}",
            f"SELECT * FROM {table.name} LIMIT 0",
            f"SELECT * FROM {table.name} WHERE {key.name} = {key.type.literal(r)} AND {key.name} = {key.type.literal(r)}",
            f"INSERT INTO {table.name} ({key.name}, {key.name}) VALUES ({key.type.literal(r)}, {key.type.literal(r)})",
            f"SELEC * FROM {table.name}",
            f"SELECT * FROM {table.name} WHERE {key.name} == 1",
            f"CREATE TABLE {table.name} (a int PRIMARY KEY)",
            "CREATE TABLE x (a int)",
            "CREATE TABLE x (a nothing PRIMARY KEY)",
            "CREATE TABLE x (a list<int> PRIMARY KEY)",
            "CREATE TABLE x (a int, b counter, c int, PRIMARY KEY (a))",
            f"ALTER TABLE {table.name} ADD {column.name} int",
            f"ALTER TABLE {table.name} DROP {key.name}",
            "DROP TABLE nothing",
            "DROP TYPE pair",
        ))

    def statements(self, tables, each):
        """Creates tables, then writes and reads them in turn."""
        yield from TYPES
        for _ in range(tables):
            yield self.table().create()
        # What compare and set writes is as new as the clock: nothing with a timestamp of old changes it any more.
        conditional = set(self.r.sample(range(tables), max(1, tables // 5)))
        for index in conditional:
            self.tables[index].by_clock = True
        for _ in range(each * tables):
            index = self.r.randrange(tables)
            table = self.tables[index]
            what = self.r.random()
            if what < 0.08:
                yield self.wrong(table)
            elif what < 0.5:
                if index in conditional:
                    yield self.compare_and_set(table)
                else:
                    yield self.batch(table) if self.r.random() < 0.12 else self.write(table)
            elif what < 0.51:
                yield f"TRUNCATE {table.name}"
            else:
                yield self.select(table)
