// Brings the daemon into each state and looks at its page there.
import { createServer } from "node:net";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { PHONE, browser, expect } from "./browser.mjs";
import { clouds, daemon, newToken, reached, stop, until } from "./daemon.mjs";
import { HOSTILE, MANY, budgets, empty, errors, full, many, working } from "./states.mjs";

const [binary, work, ...only] = process.argv.slice(2);
const failures = [];
const chrome = await browser(work);
const simulated = await clouds(binary, work);

async function check(name, url, view, judge) {
  try {
    const { bytes, paint } = await chrome.look(url, { name, ...view }, judge);
    console.log(`ok    ${name.padEnd(24)} ${String(bytes).padStart(7)} bytes${paint === null ? "" : `, first paint ${paint} ms`}`);
  } catch (error) {
    failures.push(name);
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}

const text = (page, selector) => page.locator(selector).innerText();

async function allIsWell() {
  const running = await daemon(binary, work, "working", working(simulated.env));
  // Points show before their poll has ended, settle after it.
  const polled = (s) => s.accounts.every((a) => a.points > 0) && s.namespaces.length > 1;
  await reached("all accounts up to date", running, (s) => s.level === "good" && polled(s));
  const { url } = running;
  await check("well", url, {}, async ({ page, answer }) => {
    expect((await text(page, "h1")).startsWith("All is well"), "the headline");
    expect(answer.headers()["content-security-policy"].includes("script-src 'sha256-"), "the policy");
    for (const id of ["accounts", "destinations", "slowest", "settle", "series"]) {
      expect((await page.locator(`#${id} tbody tr`).count()) > 1, `rows of ${id}`);
    }
  });
  await check("well-dark", url, { scheme: "dark" }, async ({ page }) => {
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = paper.match(/\d+/g).map(Number);
    expect(red < 60, `dark paper, not ${paper}`);
  });
  await check("well-phone", url, { size: PHONE });
  await check("well-phone-dark", url, { size: PHONE, scheme: "dark" });
  await check("without-script", url, { script: false }, async ({ page }) => {
    expect((await page.locator("#accounts tbody tr").count()) >= 3, "the accounts stand in the page itself");
  });
  await check("search", url, {}, search);
  await check("chart", `${url}?q=cpu_utilization`, {}, chart);
  await check("chart-dark", `${url}?q=cpu_utilization`, { scheme: "dark" }, chart);
  await check("chart-phone", `${url}?q=cpu_utilization`, { size: PHONE }, chart);
  await check("chart-without-script", `${url}?q=cpu_utilization`, { script: false }, async ({ page }) => {
    await page.locator("#series tbody a").first().click();
    expect((await text(page, "#chart-summary")).includes("lowest"), "the chart in words");
    expect((await page.locator(".chart svg.wide .line").getAttribute("d")).length > 50, "the line");
  });
  await check("keyboard", url, { size: { width: 1280, height: 500 } }, keyboard);
  await check("alive", url, {}, alive);
  await refusedReload(running);
  await check("daemon-unreachable", url, {}, async ({ page, complaints }) => {
    const [title, icon, headline] = await looks(page);
    await page.route("**/*", (route) => route.abort());
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator("#lost").waitFor({ state: "visible" });
    const gone = await looks(page);
    expect(gone[0].startsWith("No answer from the daemon since "), "the title");
    expect(gone[1] !== icon, "the icon");
    expect(/^No answer from the daemon since \d\d:\d\d UTC$/.test(gone[2]), "the headline");
    await page.unroute("**/*");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator("#lost").waitFor({ state: "hidden" });
    const back = await looks(page);
    expect(back[1] === icon && !back[0].includes("No answer") && !back[2].includes("No answer"), `it recovers: ${title} ${headline}`);
    complaints.length = 0;
  });
  await check("daemon-gone", url, {}, async ({ page, complaints }) => {
    await stop(running.child);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator("#lost").waitFor({ state: "visible" });
    expect((await text(page, "#lost")).includes("from its last answer"), "the notice");
    expect((await page.title()).startsWith("No answer from the daemon since "), "the title");
    expect((await text(page, "#headline")).includes("No answer from the daemon since "), "the headline");
    expect((await page.locator("#accounts tbody tr").count()) >= 3, "what was known stays");
    // The refused connection is what this is about.
    complaints.length = 0;
  });
}

/** What people see of a page without reading it: title, icon, headline. */
async function looks(page) {
  return [await page.title(), await page.locator("link[rel=icon]").getAttribute("href"), (await text(page, "#headline")).trim()];
}

async function refusedReload({ child, folder, url, ...running }) {
  appendFileSync(`${folder}/nephoscope.yaml`, "no_such_key: 1\n");
  child.kill("SIGHUP");
  await reached("the refused reload", { url, ...running }, (s) => s.problems.length > 0);
  await check("reload-refused", url, {}, async ({ page }) => {
    expect((await text(page, "#problems")).includes("no_such_key"), "the mistake is named");
    expect((await text(page, "#now")).includes("still in force"), "and what is in force");
  });
}

async function search({ page }) {
  const all = await text(page, "#series .count");
  await page.locator("#q").pressSequentially("lambda us-east-1 invocations", { delay: 20 });
  await page.waitForFunction((before) => !document.querySelector("#series .count").innerText.startsWith(before), all.slice(0, 12));
  await page.waitForFunction(() => [...document.querySelectorAll("#series tbody th")].every((th) => th.innerText.includes("invocations")));
  expect(await page.evaluate(() => document.activeElement.id === "q"), "the focus stays where one types");
  expect((await page.locator("#q").inputValue()) === "lambda us-east-1 invocations", "and what is typed");
  expect(new URL(page.url()).searchParams.get("q") === "lambda us-east-1 invocations", "the address can be shared");
  await page.locator("#q").fill("no such thing");
  await page.waitForFunction(() => document.querySelector("#series .count").innerText.startsWith("0 of"));
  await page.locator("#q").fill("cpu");
  await page.waitForFunction(() => document.querySelectorAll("#series tbody tr").length > 1);
}

async function chart({ page }) {
  const link = page.locator("#series tbody a").first();
  await link.focus();
  await page.keyboard.press("Enter");
  await page.locator(".chart").waitFor();
  await page.waitForFunction(() => document.activeElement.matches(".chart svg"));
  expect((await text(page, "#chart-summary")).includes("lowest"), "the chart in words");
  await page.keyboard.press("ArrowLeft");
  const newest = await text(page, "#readout");
  expect(/^\d\d:\d\d UTC: [\d.,]+ %/.test(newest), `a value is read: ${newest}`);
  await page.keyboard.press("Home");
  expect((await text(page, "#readout")) !== newest, "and another one");
  expect((await page.locator(".chart svg:focus text").count()) > 4, "the axes have labels");
  await page.keyboard.press("ArrowRight");
  await page.locator("#chart").scrollIntoViewIfNeeded();
}

async function keyboard({ page }) {
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement.className === "skip"), "the first stop skips to the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement.id === "main"), "and does so");
  const stops = new Set();
  await page.keyboard.press("Shift+Tab");
  for (let n = 0; n < 60; n += 1) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => {
      const { activeElement: now } = document;
      if (now === document.body) return null;
      const outline = getComputedStyle(now).outlineStyle;
      return { name: now.textContent.trim() || now.id || now.getAttribute("aria-label"), seen: now.id === "main" || outline !== "none" };
    });
    if (!place) break;
    expect(place.seen, `the focus is seen on ${place.name}`);
    stops.add(place.name);
  }
  expect(stops.has("metrics"), `the walk reaches the end: ${[...stops]}`);
}

/** A refresh changes the figures and leaves scroll, focus and the typed text alone. */
async function alive({ page }) {
  await page.locator("footer a").first().focus();
  const before = await page.evaluate(() => {
    scrollTo(0, 300);
    document.querySelector("#accounts tbody").dataset.same = "yes";
    return { scroll: scrollY, now: document.body.dataset.now };
  });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForFunction((now) => document.body.dataset.now !== now, before.now, { polling: 100 }).catch(() => {});
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForFunction((now) => document.body.dataset.now !== now, before.now);
  const after = await page.evaluate(() => ({ scroll: scrollY, focus: document.activeElement.textContent }));
  expect(after.scroll === before.scroll, "the scroll stays");
  expect(after.focus === "metrics", `the focus stays: ${after.focus}`);
  const age = await page.locator("#accounts time").first().innerText();
  await page.waitForFunction((age) => document.querySelector("#accounts time").innerText !== age, age);
}

async function nothingYet() {
  const open = new Set();
  const silent = createServer((socket) => { open.add(socket); socket.on("error", () => {}); });
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const running = await daemon(binary, work, "empty", empty(simulated.env, `http://127.0.0.1:${silent.address().port}`));
  const judge = async ({ page }) => {
    expect((await text(page, "h1")).startsWith("Starting"), "the headline");
    expect((await page.locator(".empty").count()) >= 2, "tables without rows say so");
  };
  await check("empty", running.url, {}, judge);
  await check("empty-phone-dark", running.url, { size: PHONE, scheme: "dark" }, judge);
  await stop(running.child);
  open.forEach((socket) => socket.destroy());
  silent.close();
}

async function muchIsWrong() {
  const running = await daemon(binary, work, "errors", errors(simulated.env));
  await reached("every trouble", running, (s) => {
    const of = (name) => s.accounts.find((a) => a.account === name)?.state;
    return of("prod-us") === "failing" && of(HOSTILE) === "failing" && of("payments") === "failing"
      && of("ml") === "partly failing" && ["waiting for the cloud", "cloud unreachable"].includes(of("edge"))
      && s.destinations.some((d) => d.state === "down") && s.accounts.some((a) => a.level === "good");
  });
  const judge = async ({ page }) => {
    const problems = await text(page, "#problems");
    for (const wanted of ["gateway is down", "2 accounts: failing", "Renew the access key", "roles/monitoring.viewer",
      "Renew the secret", HOSTILE]) {
      expect(problems.includes(wanted), `${wanted} among the problems:\n${problems}`);
    }
    expect(!(await page.title()).includes("hacked") && (await page.locator("img").count()) === 0, "names stay text");
    const first = await text(page, "#accounts tbody >> nth=0");
    expect(first.includes("failing"), `the worst first: ${first}`);
  };
  await check("errors", running.url, {}, judge);
  await check("errors-dark", running.url, { scheme: "dark" }, judge);
  await check("errors-phone", running.url, { size: PHONE }, judge);
  await stop(running.child);
}

async function noRoom() {
  const running = await daemon(binary, work, "full", full(simulated.env));
  await reached("a full spool", running, (s) => s.headline.startsWith("There is no room") && s.destinations[0].state === "down");
  await check("no-room", running.url, {}, async ({ page }) => {
    expect((await text(page, "h1")).startsWith("There is no room"), "the headline");
    expect((await text(page, "#problems")).includes("spool_max"), "what to do");
    expect((await text(page, "#destinations")).includes("100 %"), "how full it is");
  });
  await stop(running.child);
}

async function shortOfMoney() {
  const running = await daemon(binary, work, "budgets", budgets(simulated.env));
  const starts = (s, account, words) => s.accounts.some((a) => a.account === account && a.state.startsWith(words));
  await reached("accounts that wait for their budgets", running, (s) => starts(s, "prod", "waits for its budget until")
    && starts(s, "lab", "budget too small") && starts(s, "shop", "up to date"));
  const judge = async ({ page }) => {
    const said = await text(page, "#accounts");
    expect(/waits for its budget until \d\d:\d\d UTC/.test(said), "until when");
    expect(said.includes(" of $20.00"), "what today has cost");
    expect((await text(page, "#problems")).includes("usd_per_day"), "what to do");
  };
  await check("budgets", running.url, {}, judge);
  await check("budgets-phone", running.url, { size: PHONE }, judge);
  await stop(running.child);
}

async function thousandAccounts() {
  const running = await daemon(binary, work, "many", many(simulated.env));
  await reached("a thousand accounts polled", running, (s) =>
    s.accounts.length === MANY && s.accounts.every((a) => ["failing", "up to date"].includes(a.state)));
  const judge = async ({ page }) => {
    expect((await text(page, "h1")).includes("100 accounts: failing"), "one problem, not a hundred");
    expect((await page.locator("#accounts tbody").count()) === 50, "a page of accounts");
  };
  await check("many", running.url, {}, judge);
  await check("many-phone", running.url, { size: PHONE }, judge);
  await check("many-found", running.url, {}, async ({ page }) => {
    await page.locator("#find").pressSequentially("team-0042");
    await page.waitForFunction(() => document.querySelectorAll("#accounts tbody").length === 1);
    expect(await page.evaluate(() => document.activeElement.id === "find"), "the focus stays where one types");
    expect((await text(page, "#accounts .count")).includes("1 of 1,000"), "how many fit");
    await page.locator("#find").fill("failing");
    await page.waitForFunction(() => document.querySelector("#accounts .count").innerText.startsWith("100 of"));
    await page.locator("a[rel=next]").click();
    await page.waitForFunction(() => document.querySelector(".pages").innerText.includes("Page 2 of 2"));
    expect(new URL(page.url()).searchParams.get("page") === "2", "the address can be shared");
    await page.goBack();
    await page.waitForFunction(() => document.querySelector(".pages").innerText.includes("Page 1 of 2"));
  });
  await stop(running.child);
}

/** Tokens: who has none is told how to get in, and who has one sees the page, which goes on with it. */
async function guarded() {
  const { token, entry } = newToken(binary);
  const running = await daemon(binary, work, "guarded", (folder) =>
    `api: { tokens: [${entry}] }\n${working(simulated.env)(folder)}`);
  const { url } = running;
  const told = async ({ page, answer, complaints }) => {
    expect(answer.status() === 401, `the status: ${answer.status()}`);
    expect((await text(page, "h1")).includes("who you are"), "the headline");
    expect((await text(page, "main")).includes("nephoscope config token"), "how one gets a token");
    // The refusal is what this is about.
    complaints.length = 0;
  };
  await check("closed", url, { cancelled: true }, told);
  await check("closed-phone-dark", url, { cancelled: true, size: PHONE, scheme: "dark" }, told);
  // The browser asks for a user and a password; this answers as a person would.
  const credentials = { username: "anybody", password: token };
  await check("opened", url, { credentials }, async ({ page, answer }) => {
    expect(answer.status() === 200, `the status: ${answer.status()}`);
    const before = await page.evaluate(() => document.body.dataset.now);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.waitForFunction((now) => document.body.dataset.now !== now, before, { polling: 100 });
    expect(await page.locator("#lost").isHidden(), "its refresh is let in, too");
  });
  await check("shut-again", url, { credentials }, async ({ page, complaints }) => {
    const file = `${running.folder}/nephoscope.yaml`;
    writeFileSync(file, readFileSync(file, "utf8").replace(entry, newToken(binary).entry));
    running.child.kill("SIGHUP");
    await until("the other token", () => running.said().includes("configuration loaded anew"), running.said);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator("#lost").waitFor({ state: "visible" });
    expect((await text(page, "#lost")).includes("to sign in"), "the notice");
    expect((await page.title()).startsWith("Signed out"), "the title");
    complaints.length = 0;
  });
  await stop(running.child);
}

const parts = [allIsWell, nothingYet, muchIsWrong, noRoom, shortOfMoney, guarded, thousandAccounts];
for (const part of parts.filter((part) => !only.length || only.includes(part.name))) {
  try {
    await part();
  } catch (error) {
    failures.push(part.name);
    console.log(`FAIL  ${part.name}: ${error.stack}`);
  }
}
await chrome.close();
await stop(simulated.child);
if (failures.length) {
  console.log(`not as it should be: ${failures.join(", ")}`);
  process.exit(1);
}
console.log(`pictures: ${work}/screenshots`);
process.exit(0);
