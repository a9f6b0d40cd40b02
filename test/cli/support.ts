/** Runs the built command line like a user: a folder, files, a process. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect } from '@jest/globals';

export const ROOT = resolve(__dirname, '../..');
export const MAIN = join(ROOT, 'dist/cli/main.js');

if (!existsSync(MAIN)) throw new Error('These tests run the built command line: `npm run build` first.');

/** Settings of a model so small that an update takes almost no time. */
export const TINY_SIZES = [
  '--hidden-size',
  '8',
  '--embedding-size',
  '4',
  '--batch-size',
  '4',
  '--steps',
  '8',
  '--seed',
  '3',
] as const;

/** The sizes of `TINY`, and a model without a run directory. */
export const TINY = [...TINY_SIZES, '--out', 'model.safetensors'] as const;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  /** Resolves when it has printed something that matches, rejects if it ends before. */
  printed(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

export function start(cwd: string, args: readonly string[], command = process.execPath, before = [MAIN]): Running {
  const child = spawn(command, [...before, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Ended>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((done, fail) => {
      const look = (): void => {
        if (pattern.test(stdout)) done();
      };
      child.stdout.on('data', look);
      void ended.then(() => fail(new Error(`the process ended without printing ${pattern}: ${stdout}${stderr}`)), fail);
      look();
    });
  return {
    process: child,
    stdout: () => stdout,
    printed,
    ended,
  };
}

/** A process that runs programs one after the other, until the tests of the file have ended. */
interface Server {
  readonly process: ChildProcess;
  readonly waiting: Map<number, { done(ended: Ended): void; fail(error: Error): void }>;
  readonly exit: Promise<unknown>;
}

let server: Server | null = null;

function startServer(): Server {
  const child = fork(join(__dirname, 'served.mjs'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting: Server['waiting'] = new Map();
  child.on('message', ({ id, ...ended }: Ended & { id: number }) => {
    waiting.get(id)!.done({ ...ended, signal: null });
    waiting.delete(id);
  });
  const exit = once(child, 'exit').then((how) => {
    for (const { fail } of waiting.values()) fail(new Error(`the process ended: ${how}`));
    server = null;
    return how;
  });
  return { process: child, waiting, exit };
}

let runs = 0;

/** Runs a program in the process that all of a test file share. It has ended when its module is evaluated. */
export function serve(cwd: string, args: readonly string[], file = MAIN): Promise<Ended> {
  server ??= startServer();
  const { process, waiting } = server;
  return new Promise((done, fail) => {
    waiting.set(++runs, { done, fail });
    process.send({ id: runs, file, cwd, args });
  });
}

/** A program that leaves a handle open would keep its process alive: so this one must end when it gets no more of them. */
afterAll(async () => {
  if (server === null) return;
  const { process, exit } = server;
  process.disconnect();
  const timer = setTimeout(() => process.kill('SIGKILL'), 30_000);
  const how = await exit;
  clearTimeout(timer);
  expect(how).toEqual([0, null]);
});

/** JavaScript to run in the process, with `fs` and `spawnSync` in scope, right after it prints a line with the text of the key. */
export type Hooks = Readonly<Record<string, string>>;

/** A module that installs the hooks before the program starts, so that they run at an exact line on any machine. */
const hookModule = (hooks: Hooks): string => `
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
const waiting = new Map([${Object.entries(hooks).map(([text, act]) => `[${JSON.stringify(text)}, () => { ${act} }]`)}]);
const { stdout } = process;
const { write } = stdout;
stdout.write = function (line, ...rest) {
  const written = write.call(this, line, ...rest); // writing to a pipe is synchronous
  for (const [text, act] of waiting) {
    if (String(line).includes(text) && waiting.delete(text)) act();
  }
  return written;
};`;

export interface Folder {
  readonly path: string;
  /** Runs a command, in a process that it shares with others: `start` makes one for a command alone. */
  run(...args: string[]): Promise<Ended>;
  /** Like `run`, for a command that must succeed. Returns what it printed. */
  ok(...args: string[]): Promise<string>;
  start(...args: string[]): Running;
  /** Like `start`, with hooks. */
  startWith(hooks: Hooks, ...args: string[]): Running;
  write(name: string, content: string | Uint8Array): string;
  read(name: string): Buffer;
  /** Sorted names. */
  files(): string[];
  has(name: string): boolean;
}

const made: string[] = [];
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** A temporary folder with `text.txt`, removed after the tests of the file. */
export function folder(text = sampleText()): Folder {
  const path = mkdtempSync(join(tmpdir(), 'unspool-test-'));
  made.push(path);
  const at = (name: string): string => join(path, name);
  const run = (...args: string[]): Promise<Ended> => serve(path, args);
  writeFileSync(at('text.txt'), text);
  return {
    path,
    run,
    ok: async (...args) => {
      const { code, stdout, stderr } = await run(...args);
      if (code !== 0) throw new Error(`unspool ${args.join(' ')} gave ${code}: ${stderr}`);
      return stdout;
    },
    start: (...args) => start(path, args),
    startWith: (hooks, ...args) => {
      const before = `data:text/javascript,${encodeURIComponent(hookModule(hooks))}`;
      return start(path, args, process.execPath, ['--import', before, MAIN]);
    },
    write: (name, content) => {
      writeFileSync(at(name), content);
      return at(name);
    },
    read: (name) => readFileSync(at(name)),
    files: () => readdirSync(path).sort(),
    has: (name) => existsSync(at(name)),
  };
}

/** A few thousand characters of repetitive text. */
export function sampleText(words = 700): string {
  const known = 'the whale sea ship captain said old man boat and of to in was a\n'.split(' ');
  let state = 1;
  const next = (): string => {
    state = (state * 48271) % 2147483647;
    return known[state % known.length]!;
  };
  return Array.from({ length: words }, next).join(' ');
}

export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Splits a line like a shell: only blanks and double quotes are used in examples. */
export const wordsOf = (line: string): string[] =>
  (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''));
