// Starts and ends the simulated clouds and the daemon, as a user would, each with its files in a folder of its own.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Much longer than any state takes to come, also on a busy machine.
const PATIENCE_MS = 180_000;
const LOOK_EVERY_MS = 100;

/** Asks again and again until there is something; a failure names what never came. */
export async function until(what, ask, detail = () => "") {
  const limit = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > limit) throw new Error(`${what}: it did not come\n${detail()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const running = new Set();
// However this process ends, nothing of it is left running.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function start(command, args, log) {
  const out = openSync(log, "w");
  const child = spawn(command, args, { stdio: ["ignore", out, out] });
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/** Ends a process and waits for its end. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** The three simulated clouds; gives the variables of `simulate.env`. */
export async function clouds(binary, work) {
  const folder = join(work, "run", "clouds");
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "log");
  const child = start(binary, ["simulate", "--listen", "127.0.0.1:0", "--write", folder], log);
  const file = join(folder, "simulate.env");
  await until("the simulated clouds", () => existsSync(file), () => readFileSync(log, "utf8"));
  const pairs = readFileSync(file, "utf8").trim().split("\n").map((line) => line.split("=", 2));
  return { child, env: Object.fromEntries(pairs.map(([name, value]) => [name, value.replace(/^'|'$/g, "")])) };
}

/** A daemon with this configuration, once it listens. `wrap` may start it inside another command. */
export async function daemon(binary, work, name, yaml, wrap = (command) => command) {
  const folder = join(work, "run", name);
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "nephoscope.yaml");
  writeFileSync(config, `state: { dir: ${join(folder, "state")}, spool_max: 16MiB }\nlisten: 127.0.0.1:0\n${yaml(folder)}`);
  const [command, ...args] = wrap([binary, "run", "--config", config], folder);
  const log = join(folder, "log");
  const child = start(command, args, log);
  const said = () => readFileSync(log, "utf8");
  const url = await until(`the address of ${name}`, () => said().match(/page=(http:\/\/[^/\s]+\/)/)?.[1], said);
  return { child, url, folder, said };
}

/** A token for the API, and the entry of a configuration that has its hash. */
export function newToken(binary) {
  const said = execFileSync(binary, ["config", "token", "--name", "page"], { encoding: "utf8" });
  const [token, entry] = said.split("\n").filter((line) => line && !line.startsWith("#"));
  return { token, entry: entry.replace(/^- /, "") };
}

/** Waits until the daemon's own status fulfils a condition. */
export async function reached(what, running, condition) {
  let last = "";
  const ask = async () => {
    const answer = await fetch(`${running.url}api/v1/status`);
    last = await answer.text();
    return condition(JSON.parse(last));
  };
  return until(what, ask, () => `${last}\n${running.said()}`);
}
