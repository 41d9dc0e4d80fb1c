// KafkaJS against BOOTSTRAP, on a topic of its own: admin, produce, a group that reads and goes on, members that share and take
// over, a transaction that is committed and one that is not. Ends with 0, or says what was wrong.
const assert = require("node:assert");
const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const [bootstrap, topic] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [bootstrap], clientId: "kafkajs", logLevel: logLevel.ERROR });

// The values that a group reads, until there are `count`.
async function read(groupId, count) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, rebalanceTimeout: 6000 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${seen.length} of ${count} records came`)), 60000);
    consumer.on(consumer.events.CRASH, (event) => reject(event.payload.error));
    consumer.run({
      eachMessage: async ({ message }) => {
        seen.push({ key: message.key?.toString(), value: message.value.toString(), headers: message.headers });
        if (seen.length === count) { clearTimeout(timer); resolve(); }
      },
    });
  });
  await consumer.stop();
  await consumer.disconnect();
  return seen;
}

async function until(what, holds) {
  const end = Date.now() + 60000;
  while (!holds()) {
    assert(Date.now() < end, `${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// A member of a group, and how many partitions it has.
async function join(groupId) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, rebalanceTimeout: 10000, heartbeatInterval: 200 });
  const member = { consumer, owned: 0 };
  consumer.on(consumer.events.GROUP_JOIN, (event) => { member.owned = (event.payload.memberAssignment[topic] || []).length; });
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ eachMessage: async () => {} });
  return member;
}

async function shareAndTakeOver(groupId) {
  const first = await join(groupId);
  await until("one member with all", () => first.owned === 2);
  const second = await join(groupId);
  await until("two members that share", () => first.owned === 1 && second.owned === 1);
  await first.consumer.disconnect();
  await until("the other with all", () => second.owned === 2);
  await second.consumer.disconnect();
}

async function main() {
  const admin = kafka.admin();
  await admin.connect();
  assert(await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries: [{ name: "retention.ms", value: "100000" }] }] }));
  const described = await admin.describeConfigs({ resources: [{ type: 2, name: topic, configNames: ["retention.ms"] }] });
  assert.strictEqual(described.resources[0].configEntries[0].configValue, "100000");

  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const messages = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: `v${i}`, headers: { number: `${i}` } }));
  await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages });
  await producer.disconnect();
  const first = await read(topic, 50);
  assert.deepStrictEqual(first.map((each) => each.value).sort(), messages.map((each) => each.value).sort());
  assert.strictEqual(first[0].headers.number.toString(), first[0].key.slice(1));

  await shareAndTakeOver(`${topic}-shared`);

  const transactional = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  await transactional.connect();
  const aborted = await transactional.transaction();
  await aborted.send({ topic, messages: [{ value: "aborted" }] });
  await aborted.abort();
  const committed = await transactional.transaction();
  await committed.send({ topic, messages: [{ value: "committed" }] });
  await committed.sendOffsets({ consumerGroupId: `${topic}-other`, topics: [{ topic, partitions: [{ partition: 0, offset: "7" }] }] });
  await committed.commit();
  await transactional.disconnect();
  assert.deepStrictEqual((await read(topic, 1)).map((each) => each.value), ["committed"]);
  const offsets = await admin.fetchOffsets({ groupId: `${topic}-other`, topics: [topic] });
  assert.strictEqual(offsets[0].partitions.find((each) => each.partition === 0).offset, "7");

  const groups = (await admin.listGroups()).groups.map((each) => each.groupId);
  assert(groups.includes(topic));
  await admin.deleteGroups([topic]);
  await admin.deleteTopics({ topics: [topic] });
  assert(!(await admin.listTopics()).includes(topic));
  await admin.disconnect();
}

main().catch((error) => { console.error(error); process.exit(1); });
