// The product under test: `quarterdeck demo` on free ports in a directory of its own.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The program that is tested. */
export const program = process.env.QD_TEST_BINARY ?? join(dirname(fileURLToPath(import.meta.url)), "../../target/debug/quarterdeck");

/** A running demo. */
export interface Product {
  url: string;
  marketplace: string;
  /** One-time link of the demo's captain. */
  signin: string;
  /** Process of the marketplace. */
  marketplacePid: number;
  /** Where its data is. */
  data: string;
}

/** Starts a demo; `stop` ends it and removes its data. */
export async function startDemo({ environment = {} }: { environment?: Record<string, string> } = {}): Promise<{ product: Product; stop: () => Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), "quarterdeck-e2e-"));
  const data = join(directory, "data");
  const log = openSync(join(directory, "demo.log"), "w");
  const child = spawn(program, ["demo", "--json", "--reset", "--port", "0", "--data-dir", data], {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", log],
  });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const facts = await ready(child);
  const stop = async () => {
    process.off("exit", end);
    if (child.exitCode === null) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGINT");
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  return { product: { ...facts, data }, stop };
}

/** Reads the line that says that everything runs. */
function ready(child: ChildProcess): Promise<Omit<Product, "data">> {
  return new Promise((found, failed) => {
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`the demo ended before it was ready (exit code ${code})`)));
    if (!child.stdout) return failed(new Error("the demo's output is not piped"));
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("{")) found(JSON.parse(line));
    });
  });
}

/** Runs a subcommand on the demo's data and gives what it printed. */
export async function command(product: Product, args: string[], env: Record<string, string> = {}): Promise<string> {
  const options = { env: { ...process.env, QD_STORAGE__DATA_DIR: product.data, ...env }, cwd: dirname(product.data) };
  return (await promisify(execFile)(program, args, options)).stdout;
}
