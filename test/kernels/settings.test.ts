/** The settings in which the halves of the cell are tried: nothing is left to chance. */
import { expect, test } from '@jest/globals';
import { SETTINGS, type Setting } from './cases/cell-halves.js';

const PARTS: Readonly<Record<string, (s: Setting) => unknown>> = {
  size: ({ N, H }) => `${N}x${H}`,
  gates: ({ form }) => form.gates,
  gate: ({ form }) => form.gate.kind,
  candidate: ({ form }) => form.candidate.kind,
  output: ({ form }) => form.output.kind,
  clip: ({ form }) => form.clip,
  peepholes: ({ peepholes }) => peepholes,
  masked: ({ masked }) => masked,
  apart: ({ apart }) => apart,
};

const names = Object.keys(PARTS);
const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const));

test('every setting has more than one value', () => {
  for (const part of Object.values(PARTS)) expect(new Set(SETTINGS.map(part)).size).toBeGreaterThan(1);
});

test.each(pairs)('each %s meets each %s', (one, other) => {
  const [a, b] = [SETTINGS.map(PARTS[one]!), SETTINGS.map(PARTS[other]!)];
  const met = new Set(a.map((value, n) => `${value} ${b[n]}`));
  expect(met.size).toBe(new Set(a).size * new Set(b).size);
});
