// franz-go against BOOTSTRAP, on a topic of its own: admin, an idempotent producer, a group whose members share partitions and
// take over from each other, transactions committed and aborted. Ends with 0, or says what was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 6

var bootstrap, topic string

func check(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, options...)...)
	check(err, "a client")
	return made
}

// A member of the group; owned and read change under its mutex.
type member struct {
	*kgo.Client
	stop  context.CancelFunc
	done  chan struct{}
	mutex sync.Mutex
	owned map[int32]bool
	read  []string
}

func join(ctx context.Context, balancer kgo.GroupBalancer, options ...kgo.Opt) *member {
	joined := &member{owned: map[int32]bool{}, done: make(chan struct{})}
	note := func(owns bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			joined.mutex.Lock()
			defer joined.mutex.Unlock()
			for _, partition := range changed[topic] {
				if owns {
					joined.owned[partition] = true
				} else {
					delete(joined.owned, partition)
				}
			}
		}
	}
	joined.Client = client(append(options, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.Balancers(balancer),
		kgo.HeartbeatInterval(200*time.Millisecond), kgo.AutoCommitInterval(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.OnPartitionsAssigned(note(true)),
		kgo.OnPartitionsRevoked(note(false)), kgo.OnPartitionsLost(note(false)))...)
	var inner context.Context
	inner, joined.stop = context.WithCancel(ctx)
	go func() {
		defer close(joined.done)
		for {
			fetched := joined.PollFetches(inner)
			if inner.Err() != nil {
				return
			}
			fetched.EachError(func(_ string, _ int32, err error) { fail("fetch: %v", err) })
			joined.mutex.Lock()
			fetched.EachRecord(func(record *kgo.Record) { joined.read = append(joined.read, string(record.Value)) })
			joined.mutex.Unlock()
		}
	}()
	return joined
}

func (m *member) leave(ctx context.Context) {
	m.stop()
	<-m.done
	check(m.CommitUncommittedOffsets(ctx), "the last commit")
	m.Close()
}

func (m *member) counts() (owned, read int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.owned), len(m.read)
}

func waitUntil(ctx context.Context, what string, holds func() bool) {
	for !holds() {
		select {
		case <-ctx.Done():
			fail("%s did not happen", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func produce(ctx context.Context, from, count int) {
	producer := client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	defer producer.Close()
	for i := from; i < from+count; i++ {
		producer.Produce(ctx, &kgo.Record{
			Key: []byte(fmt.Sprintf("k%d", i)), Value: []byte(fmt.Sprintf("v%d", i)),
			Headers: []kgo.RecordHeader{{Key: "number", Value: []byte(fmt.Sprint(i))}},
		}, func(_ *kgo.Record, err error) { check(err, "produce") })
	}
	check(producer.Flush(ctx), "flush")
}

func groups(ctx context.Context, balancer kgo.GroupBalancer, total int) {
	first := join(ctx, balancer)
	waitUntil(ctx, "one member with all", func() bool { n, read := first.counts(); return n == partitions && read == total })
	sort.Strings(first.read)
	for i := 1; i < total; i++ {
		if first.read[i] == first.read[i-1] {
			fail("%s was read twice", first.read[i])
		}
	}
	second, third := join(ctx, balancer), join(ctx, balancer, kgo.InstanceID("third"))
	shared := func(members ...*member) func() bool {
		return func() bool {
			for _, each := range members {
				if n, _ := each.counts(); n != partitions/len(members) {
					return false
				}
			}
			return true
		}
	}
	waitUntil(ctx, "three members that share", shared(first, second, third))
	first.leave(ctx)
	admin := kadm.NewClient(second.Client)
	_, err := admin.LeaveGroup(ctx, kadm.LeaveGroup(topic).InstanceIDs("third"))
	check(err, "a static member taken out")
	third.stop()
	<-third.done
	third.Client.CloseAllowingRebalance()
	waitUntil(ctx, "the last one has all", shared(second))
	if _, read := second.counts(); read != 0 {
		fail("%d records were read again", read)
	}
	second.leave(ctx)
}

func transactions(ctx context.Context) {
	producer := client(kgo.DefaultProduceTopic(topic), kgo.TransactionalID(topic))
	defer producer.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		check(producer.BeginTransaction(), "begin")
		for i := 0; i < 10; i++ {
			producer.Produce(ctx, kgo.StringRecord(fmt.Sprintf("%v", bool(end))), nil)
		}
		check(producer.Flush(ctx), "flush")
		check(producer.EndTransaction(ctx, end), "end")
	}
	reader := client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	committed := 0
	for committed < 10 {
		fetched := reader.PollFetches(ctx)
		check(fetched.Err(), "fetch")
		fetched.EachRecord(func(record *kgo.Record) {
			switch string(record.Value) {
			case "false":
				fail("an aborted record was read")
			case "true":
				committed++
			}
		})
	}
	fenced := client(kgo.DefaultProduceTopic(topic), kgo.TransactionalID(topic))
	defer fenced.Close()
	check(fenced.BeginTransaction(), "begin")
	check(fenced.ProduceSync(ctx, kgo.StringRecord("true")).FirstErr(), "produce")
	check(producer.BeginTransaction(), "begin")
	err := producer.ProduceSync(ctx, kgo.StringRecord("late")).FirstErr()
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidTxnState) {
		fail("the older producer was not fenced: %v", err)
	}
	check(fenced.EndTransaction(ctx, kgo.TryCommit), "end")
}

func main() {
	bootstrap, topic = os.Args[1], os.Args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	plain := client()
	defer plain.Close()
	admin := kadm.NewClient(plain)
	retention := "100000"
	made, err := admin.CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &retention}, topic)
	check(err, "create")
	check(made.Err, "create")
	if _, err = admin.CreateTopic(ctx, 1, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
		fail("a topic was made twice: %v", err)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	check(err, "configs")
	for _, config := range configs[0].Configs {
		if config.Key == "retention.ms" && config.MaybeValue() != retention {
			fail("retention.ms is %s", config.MaybeValue())
		}
	}
	produce(ctx, 0, 600)
	ends, err := admin.ListEndOffsets(ctx, topic)
	check(err, "end offsets")
	total := int64(0)
	ends.Each(func(each kadm.ListedOffset) { total += each.Offset })
	if total != 600 {
		fail("%d records in the topic", total)
	}
	groups(ctx, kgo.CooperativeStickyBalancer(), 600)
	lags, err := admin.Lag(ctx, topic)
	check(err, "lag")
	if lag := lags[topic].Lag.Total(); lag != 0 || lags[topic].State != "Empty" {
		fail("lag %d, state %s", lag, lags[topic].State)
	}
	_, err = admin.DeleteGroups(ctx, topic)
	check(err, "delete the group")
	groups(ctx, kgo.RangeBalancer(), 600)
	transactions(ctx)
	_, err = admin.DeleteTopics(ctx, topic)
	check(err, "delete")
	topics, err := admin.ListTopics(ctx)
	check(err, "list")
	if strings.Contains(strings.Join(topics.Names(), " "), topic) {
		fail("the topic is still there")
	}
}
