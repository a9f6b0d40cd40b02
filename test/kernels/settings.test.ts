/** The settings of the cell-half cases cover every pair of values. */
import { expect, test } from '@jest/globals';
import { SETTINGS, type Setting } from './cases/cell-halves.js';

const PARTS: Readonly<Record<string, (s: Setting) => unknown>> = {
  size: ({ N, H }) => `${N}x${H}`,
  gates: ({ variant }) => variant.gates,
  gate: ({ variant }) => variant.gate.kind,
  candidate: ({ variant }) => variant.candidate.kind,
  output: ({ variant }) => variant.output.kind,
  clip: ({ variant }) => variant.clip,
  peepholes: ({ peepholes }) => peepholes,
  masked: ({ masked }) => masked,
  apart: ({ apart }) => apart,
};

const names = Object.keys(PARTS);
const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const));

test('the cases have more than one value of every setting', () => {
  for (const part of Object.values(PARTS)) expect(new Set(SETTINGS.map(part)).size).toBeGreaterThan(1);
});

test.each(pairs)('the cases combine every %s with every %s', (one, other) => {
  const [a, b] = [SETTINGS.map(PARTS[one]!), SETTINGS.map(PARTS[other]!)];
  const met = new Set(a.map((value, n) => `${value} ${b[n]}`));
  expect(met.size).toBe(new Set(a).size * new Set(b).size);
});
