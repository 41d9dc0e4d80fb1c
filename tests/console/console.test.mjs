// What a person does with the console. See README.md beside this file.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, test } from "node:test";

const { chromium } = createRequire(new URL("../../console/package.json", import.meta.url))("playwright-core");
const url = process.env.PENSTOCK_URL;
assert.ok(url, "PENSTOCK_URL must be the address of a Penstock that runs, such as http://127.0.0.1:8080");
const patience = 20_000;

let browser;
let page;
let complaints;
let strangers;

const get = async (path) => (await fetch(`${url}/api/v1${path}`)).json();
async function graphOfPipeline() {
  const [pipeline] = (await get("/pipelines")).filter((one) => one.loaded);
  return get(`/pipelines/${encodeURIComponent(pipeline.name)}/graph`);
}
const total = (name) => page.locator(`[data-total=${name}] .figure`).getAttribute("data-value").then(Number);

async function until(what, condition) {
  const end = Date.now() + patience;
  while (Date.now() < end) {
    const value = await condition();
    if (value) return value;
    await page.waitForTimeout(100);
  }
  assert.fail(`not within ${patience / 1000} s: ${what}`);
}

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

async function visit(options = {}) {
  page = await browser.newPage({ viewport: { width: 1360, height: 900 }, ...options });
  page.setDefaultTimeout(patience);
  complaints = [];
  strangers = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(url).origin) strangers.push(request.url());
  });
}
beforeEach(() => visit());
afterEach(async (context) => {
  if (process.env.PENSTOCK_SHOTS) {
    await page.screenshot({ path: `${process.env.PENSTOCK_SHOTS}/${context.name.replaceAll(/\W+/g, "_")}.png` });
  }
  await page.close();
  assert.deepEqual(strangers, [], "the console asked another host");
});
const open = async () => {
  await page.goto(url);
  await page.locator(".connection[data-connection=live]").waitFor();
};

test("the graph shows every part of the pipeline", async () => {
  await open();
  const graph = await graphOfPipeline();
  for (const kind of ["source", "topic", "query", "table"]) {
    assert.ok(graph.nodes.some((node) => node.kind === kind), `the pipeline has no ${kind}`);
  }
  for (const node of graph.nodes) await page.locator(`.part[data-id="${node.id}"]`).waitFor();
  assert.equal(await page.locator(".part").count(), graph.nodes.length);
  assert.equal(await page.locator(".react-flow__edge").count(), graph.edges.length);
});

test("no edge blinks and no node hides while the figures change", async () => {
  await open();
  await page.locator(".react-flow__edge").first().waitFor({ state: "attached" });  // a straight line has no height
  const least = await page.evaluate(() => new Promise((resolve) => {
    const all = document.querySelectorAll(".react-flow__edge").length;
    let fewest = all;
    let hidden = 0;
    const seen = new Set();
    const look = () => {
      fewest = Math.min(fewest, document.querySelectorAll(".react-flow__edge").length);
      hidden += [...document.querySelectorAll(".react-flow__node")].filter((node) => getComputedStyle(node).visibility === "hidden").length;
      seen.add(document.querySelector("[data-total=acknowledged] .figure").textContent);
      if (seen.size >= 3) resolve({ all, fewest, hidden });
      else requestAnimationFrame(look);
    };
    look();
  }));
  assert.deepEqual(least, { all: least.all, fewest: least.all, hidden: 0 });
});

test("the counters move by themselves", async () => {
  await open();
  const before = await total("acknowledged");
  await until("more records are acknowledged", async () => (await total("acknowledged")) > before);
  await until("rows are stored", async () => (await total("stored")) > 0);
});

test("no script or style is refused and nothing else is complained of", async () => {
  await open();
  await page.locator("#records tbody tr").first().waitFor();
  assert.deepEqual(complaints, []);
});

test("records that come from the replica are called so", async () => {
  await open();
  const replica = (await get("/sources")).some((source) => source.replica);
  const banner = page.getByText("come from the built-in replica, not from randomuser.me");
  if (replica) await banner.waitFor();
  else assert.equal(await banner.count(), 0);
});

test("a record opens as text, and Escape leads back to where one was", async () => {
  await open();
  const { edges } = await graphOfPipeline();
  const topic = edges.find((edge) => edge.from.startsWith("source:")).to.slice("topic:".length);
  const records = page.waitForResponse((answer) => answer.url().includes(`/topics/${topic}/records`));
  await page.locator("#records select").first().selectOption(topic);
  await records;
  const row = page.locator("#records tbody tr").first();
  await row.waitFor();
  const asked = await page.getByLabel("follow").first().evaluate(async (follow) => {
    let requests = 0;
    const { fetch } = window;
    window.fetch = (address, ...rest) => {
      if (String(address).includes("/records")) requests += 1;
      return fetch(address, ...rest);
    };
    follow.click();
    await new Promise((resolve) => setTimeout(resolve, 200));
    return requests;
  });
  assert.equal(asked, 0, "records that are not followed are asked for again");
  const button = row.getByRole("button");
  const offset = await button.innerText();
  await button.focus();
  await page.keyboard.press("Enter");
  const drawer = page.locator("dialog[open]");
  await drawer.locator(".json").waitFor();
  assert.match(await drawer.locator("h2").innerText(), new RegExp(`· ${offset}$`));
  assert.match(await drawer.locator(".facts").innerText(), /penstock\.source/, "a header's name is changed");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), offset);
});

test("a node of the graph is reached by keyboard and leads to its records", async () => {
  await open();
  const topic = page.locator(".part[data-kind=topic]").first();
  const name = (await topic.getAttribute("data-id")).slice("topic:".length);
  await topic.focus();
  await page.keyboard.press("Enter");
  await until("the topic is chosen", async () => (await page.locator("#records select").first().inputValue()) === name);
});

test("a table shows rows", async () => {
  await open();
  await page.locator("#tables tbody tr").first().waitFor();
  assert.equal(await page.locator("#tables .error").count(), 0);
});

test("a DAG is triggered, and its tasks and log are shown", async () => {
  await open();
  const trigger = page.locator("[data-trigger]").first();
  const dag = await trigger.getAttribute("data-trigger");
  await trigger.click();
  const said = page.locator("#runs [role=status]", { hasText: "was triggered" });
  await said.waitFor();
  const [, id] = (await said.innerText()).match(/^Run (\S+) of /);
  const run = page.locator(`[data-run="${id}"]`);
  await run.waitFor();
  const fold = run.getByRole("button", { name: dag });
  if ((await fold.getAttribute("aria-expanded")) === "false") await fold.click();
  const log = run.getByRole("button", { name: /^Log of / }).first();
  await until("the first task has begun", () => log.isEnabled());
  await log.click();
  await page.locator("dialog[open] h2", { hasText: "Log of" }).waitFor();
});

test("a lost connection is plainly said, and found again", async () => {
  let lost = true;
  await page.route("**/api/v1/events", (route) => (lost ? route.abort() : route.continue()));
  await page.goto(url);
  await page.getByRole("alert").filter({ hasText: "Disconnected from Penstock" }).waitFor();
  lost = false;
  await page.locator(".connection[data-connection=live]").waitFor();
  await page.getByText("Disconnected from Penstock").waitFor({ state: "detached" });
});

for (const [name, options] of [
  ["narrow", { viewport: { width: 390, height: 800 } }],
  ["dark", { colorScheme: "dark" }],
]) {
  test(`the page fits when it is ${name}`, async () => {
    await page.close();
    await visit(options);
    await open();
    await page.locator(".part").first().waitFor();
    const [inner, whole] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
    assert.ok(whole <= inner, `${whole} px in a window of ${inner}`);
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(dark === "rgb(12, 18, 26)", name === "dark");
  });
}

test("the colours are chosen and kept", async () => {
  await open();
  const button = page.getByRole("button", { name: /^Colours/ });
  await button.click();
  await button.click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("whatever can be pressed has a name", async () => {
  await open();
  await page.locator("#records tbody tr").first().waitFor();
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, input, a[href]")].filter((element) =>
    !(element.getAttribute("aria-label") || element.textContent?.trim() || element.title || element.labels?.length)).map((element) => element.outerHTML));
  assert.deepEqual(nameless, []);
});
