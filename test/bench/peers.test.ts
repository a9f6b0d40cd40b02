/** The benchmark `peers` with our own engines on the smallest workload, which needs no other packages; and the messages of all benchmarks. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { type Ended, ROOT, start } from '../cli/support.js';

const OUT = `smoke-${process.pid}`;
const file = (extension: string): string => join(ROOT, 'bench/results', `${OUT}.${extension}`);

afterAll(() => {
  for (const extension of ['md', 'json', 'svg']) rmSync(file(extension), { force: true });
});

const bench = (...args: string[]): Promise<Ended> => start(ROOT, args, process.execPath, ['bench/run.mjs']).ended;

interface Figure {
  readonly id: string;
  readonly ranked: boolean;
  readonly ms: { readonly median: number; readonly low: number; readonly high: number };
  readonly rounds: number;
  readonly error: number | null;
  readonly ofProducts: { readonly median: number } | null;
}

test('our engines agree with the reference, are timed in rounds, and are compared with their kernels', async () => {
  const { code, stdout } = await bench('peers', '--quick', '--only', 'W1,S3', '--engines', 'ours', '--out', OUT);
  expect(code).toBe(0);
  expect(stdout).toMatch(/### S3: /);
  expect(stdout).toMatch(/### W1: a training step, I=8 H=32 O=1 B=1 T=50/);
  expect(stdout).toMatch(/\| 1 +\| Unspool wasm, Node \d+/);
  const { workloads } = JSON.parse(readFileSync(file('json'), 'utf8')) as { workloads: { W1: { figures: Figure[] } } };
  const figures = new Map(workloads.W1.figures.map((figure) => [figure.id, figure]));
  for (const id of ['unspool', 'unspool-reference']) {
    expect(figures.get(id)).toMatchObject({ ranked: true, rounds: 3 });
    expect(figures.get(id)!.error).toBeLessThan(1e-3);
    expect(figures.get(id)!.ofProducts!.median).toBeGreaterThan(0);
  }
  for (const { ms } of figures.values()) {
    expect(ms.low).toBeGreaterThan(0);
    expect(ms.median).toBeGreaterThanOrEqual(ms.low);
    expect(ms.high).toBeGreaterThanOrEqual(ms.median);
  }
  expect(figures.get('products')).toMatchObject({ ranked: false, rounds: 3 });
  expect(readFileSync(file('md'), 'utf8')).toContain('| 1 ');
});

test.each([
  [['peers', '--only', 'W9'], 1, 'unknown workload "W9". Use W1, W2, W3, W4, S1, S2, S3.'],
  [['peers', '--engines', 'other'], 1, 'unknown engine "other". Use ours, peers, ceilings, unspool,'],
  [['quality', '--engines', 'brain'], 1, 'engine "brain" is not supported.'],
  [['quality', '--minutes', '0'], 1, '--minutes must be a number greater than 0, got 0.'],
  [['speed'], 2, 'unknown benchmark "speed". Use gemm, steps, '],
])('%j is rejected with a message', async (args, code, message) => {
  const ended = await bench(...args);
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
  expect(ended.stderr).toContain(message);
});

test('--help lists the benchmarks', async () => {
  const { code, stdout } = await bench('--help');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: npm run bench -- NAME/);
  for (const name of ['gemm', 'steps', 'threads', 'start', 'studio', 'peers', 'gpu', 'quality']) {
    expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  }
});

test('the lock file of the peers names no registry, so that npm installs from the configured one', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'bench/peers/package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string }>;
  };
  expect(Object.values(lock.packages).filter((entry) => entry.resolved !== undefined)).toEqual([]);
  expect(Object.keys(lock.packages)).toContain('node_modules/@tensorflow/tfjs');
});
