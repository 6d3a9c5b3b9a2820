// The browser: pages that note every complaint, pictures, and the judgements that hold in every state.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HEAVIEST_BYTES = 200_000;
const SLOWEST_PAINT_MS = 1_000;
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 780 };

/** Starts Chromium; gives `look`, which opens an address and hands over what a check needs. */
export async function browser(work) {
  const require = createRequire(join(work, "package.json"));
  const { chromium } = require("playwright-core");
  const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
  const profile = mkdtempSync(join(tmpdir(), "nephoscope-page-"));
  const options = { executablePath: "/usr/bin/chromium", args: FLAGS };
  const chrome = await chromium.launch({ ...options, env: { ...process.env, HOME: profile } });
  const look = (url, view, check) => opened(chrome, { url, axe, work, ...view }, check);
  return { look, close: () => chrome.close() };
}

async function opened(chrome, { url, axe, work, name, size = DESKTOP, scheme = "light", script = true, credentials, cancelled = false }, check) {
  const context = await chrome.newContext({ viewport: size, colorScheme: scheme, javaScriptEnabled: script, httpCredentials: credentials,
    deviceScaleFactor: size === PHONE ? 2 : 1, reducedMotion: "reduce" });
  if (cancelled) await context.route("**/*", cancel);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure().errorText}`));
  page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") || complaints.push(`foreign: ${request.url()}`));
  try {
    const answer = await page.goto(url, { waitUntil: "load" });
    const bytes = (await answer.body()).length;
    await check?.({ page, answer, bytes, complaints });
    if (complaints.length) throw new Error(`the browser complains: ${complaints.join("; ")}`);
    if (bytes > HEAVIEST_BYTES) throw new Error(`${bytes} bytes, more than ${HEAVIEST_BYTES}`);
    await fits(page);
    const paint = script ? await painted(page) : null;
    // A page without scripts takes none of the judge's either.
    if (script) await accessible(page, axe);
    await page.screenshot({ path: join(work, "screenshots", `${name}.png`), fullPage: true });
    return { bytes, paint };
  } finally {
    await context.close();
  }
}

/** Who presses Cancel when the browser asks for a password sees the body of the answer; a browser without a window cannot. */
async function cancel(route) {
  const answer = await route.fetch();
  const { "www-authenticate": _, ...headers } = answer.headers();
  await route.fulfill({ response: answer, headers });
}

/** Nothing makes the body wider than the window. */
async function fits(page) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  if (wide > window) throw new Error(`${wide} px wide in a window of ${window}`);
}

async function painted(page) {
  const entry = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const paint = await entry.jsonValue();
  if (paint > SLOWEST_PAINT_MS) throw new Error(`first paint after ${paint} ms`);
  return Math.round(paint);
}

/** axe-core finds nothing serious. It is brought in by the debugger, which our policy does not bind. */
async function accessible(page, axe) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const said = violations.filter((v) => v.impact !== "minor").map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => `${n.html} ${n.any[0]?.message ?? ""}`).join(" | ")}`);
  if (said.length) throw new Error(`axe-core: ${said.join("\n")}`);
}

export function expect(condition, what) {
  if (!condition) throw new Error(what);
}
