/** The built package in Node, Deno and Bun: a training with one thread, with two and in a worker; a model saved and loaded. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { HAS_BLAS } from '../support/machine.js';

const BIN = join(__dirname, '..', '..', 'node_modules', '.bin');
const RUNTIMES: [string, string, string[]][] = [
  ['Node', process.execPath, []],
  ['Deno', join(BIN, 'deno'), ['run', '--allow-all', '--no-lock']],
  ['Bun', join(BIN, 'bun'), []],
];
const folder = mkdtempSync(join(tmpdir(), 'unspool-runtimes-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly backend: string;
  readonly one: { readonly loss: number; readonly ran: number; readonly f: number };
  readonly two: { readonly loss: number; readonly ran: number; readonly f: number };
  readonly again: number;
  readonly inWorker: { readonly loss: number; readonly ran: number; readonly paused: number; readonly end: string };
  readonly refused: string;
  readonly first: number;
  readonly native: number | string;
}

/** The result of Node, which runs first. */
let node: Result['one'] | null = null;

test.each(RUNTIMES)('%s trains, pauses, saves and loads', (name, command, args) => {
  const script = join(__dirname, 'script.mjs');
  const printed = execFileSync(command, [...args, script, join(folder, `${name}.safetensors`)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result = JSON.parse(printed) as Result;
  expect(result.backend).toBe('wasm');
  expect(result.one.ran).toBe(1);
  expect(result.two).toEqual({ ...result.one, ran: availableParallelism() > 1 ? 2 : result.two.ran }); // the same bits
  expect(result.again).toBe(result.two.loss);
  // The loss of a forward pass after the training, which the saved model has too.
  expect(result.inWorker).toMatchObject({ loss: result.again, paused: 10 + 20 + 30, end: 'aborted' });
  if (availableParallelism() > 1) expect(result.inWorker.ran).toBe(2);
  expect(result.refused).toBe('INVALID_SETTING');
  if (HAS_BLAS) expect(result.native).toBeCloseTo(result.first, 5);
  // Engines may fuse multiply-adds or not, so the last digits may differ after 30 updates.
  const reference = (node ??= result.one);
  expect(result.one.loss).toBeCloseTo(reference.loss, 4);
  expect(result.one.f).toBeCloseTo(reference.f, 4);
  expect(result.one.loss).toBeLessThan(0.2); // it has learned
});

const text = join(folder, 'text.txt');
const ENGINES: Readonly<Record<string, string>> = { Node: 'V8', Deno: 'V8', Bun: 'JavaScriptCore' };

test.each(RUNTIMES)(
  '%s: the command line names its engine and arithmetic, and reports a full disk',
  (name, command, args) => {
    writeFileSync(text, 'the whale and the sea and the ship\n'.repeat(20));
    const main = join(__dirname, '../../dist/cli/main.js');
    const run = (output: 'pipe' | number, ...more: string[]) =>
      spawnSync(command, [...args, main, ...more], { encoding: 'utf8', stdio: ['ignore', output, 'pipe'] });
    const model = join(folder, `${name}.cli.safetensors`);
    const small = ['--hidden-size', '4', '--batch-size', '2', '--steps', '8', '--max-updates', '2', '--quiet'];
    expect(run('pipe', 'train', text, ...small, '--out', model)).toMatchObject({ status: 0, stderr: '' });
    expect(run('pipe', 'info').stdout).toMatch(new RegExp(`^${name} [\\d.]+, ${ENGINES[name]}`));
    const { metadata } = JSON.parse(run('pipe', 'info', model, '--json').stdout) as {
      metadata: { arithmetic: string };
    };
    expect(metadata.arithmetic).toMatch(new RegExp(`^wasm(, fused multiply-add)?, ${ENGINES[name]}$`));
    // Bun has the relaxed instructions, but they round the product.
    if (name === 'Bun') expect(metadata.arithmetic).not.toContain('fused');
    if (!existsSync('/dev/full')) return;
    const full = run(openSync('/dev/full', 'w'), 'info', model);
    expect(full).toMatchObject({ status: 1, stderr: 'unspool: cannot write the output: the disk is full (ENOSPC).\n' });
  },
);
