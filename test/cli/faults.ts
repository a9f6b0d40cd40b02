/** Commands that must fail, each with one message, and without damage to a file. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { type Ended, type Folder, TINY } from './support.js';

export interface Fault {
  /** What is wrong with the command line. */
  readonly why: string;
  readonly args: readonly string[];
  readonly code: 1 | 2;
  /** The whole of stderr, without "unspool COMMAND: " and, for a wrong command line, the usage line. */
  readonly message: RegExp;
}

export const fault = (why: string, args: readonly string[], code: 1 | 2, message: RegExp): Fault => ({
  why,
  args,
  code,
  message,
});

const NEW_MODEL = 'new.safetensors';

/** The arguments to train on a text, with a free name for the model. */
export const trainOn = (text: string, ...more: string[]): string[] => [
  'train',
  text,
  ...TINY,
  '--out',
  NEW_MODEL,
  ...more,
];

/** The files of a folder, with their content. */
export const hashesOf = (here: Folder): string[] =>
  here
    .files()
    .filter((name) => statSync(join(here.path, name)).isFile())
    .map((name) => `${name} ${createHash('sha256').update(here.read(name)).digest('hex')}`);

/** How many commands run at a time. */
const AT_A_TIME = 3;

/** Defines the tests of a group of faults. Commands that run at the same time have different names for their models. */
export function testFaults(here: Folder, faults: readonly Fault[]): void {
  let ended: Ended[];

  beforeAll(async () => {
    ended = [];
    const named = (args: readonly string[], n: number) =>
      args.map((a) => (a === NEW_MODEL ? `new${n}.safetensors` : a));
    for (let i = 0; i < faults.length; i += AT_A_TIME) {
      const group = faults.slice(i, i + AT_A_TIME).map(({ args }, n) => here.run(...named(args, n)));
      ended.push(...(await Promise.all(group)));
    }
  });

  test.each(faults.map((f, i) => [f.why, f, i] as const))('%s', (_why, { args, code, message }, i) => {
    const { stderr, ...rest } = ended[i]!;
    expect(rest).toEqual({ code, signal: null, stdout: '' });
    const [start, usage, ...more] = stderr.split(/\n(?:Usage: unspool \w+ .*\n$)?/);
    expect(start!.slice(0, `unspool ${args[0]}: `.length)).toBe(`unspool ${args[0]}: `);
    expect(start!.slice(`unspool ${args[0]}: `.length)).toMatch(message);
    expect([usage, ...more]).toEqual(['']); // one line, and the usage after a wrong command line
  });
}
