/** The help and the parser: everything that the help shows can be typed, and typing errors are explained. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Command, UsageError } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { requireValues } from '../../src/cli/config.js';
import { commandHelp } from '../../src/cli/help.js';
import { parseCommand } from '../../src/cli/parse.js';
import { dashed, defaultsOf } from '../../src/cli/settings.js';
import { TRAIN_SETTINGS } from '../../src/cli/train/settings.js';
import { metadataFromVersion1 } from '../../src/interop/version-1.js';
import { folder, wordsOf } from './support.js';

const named = COMMANDS.map((command) => [command.name, command] as const);
const here = folder();

const commandOf = (name: string): Command => COMMANDS.find((command) => command.name === name)!;

/** The words that are options or arguments: not the values of options. */
const withoutValues = (command: Command, all: readonly string[]): string[] =>
  all.filter((_, i) => {
    const before = Object.keys(command.options).find((key) => `--${dashed(key)}` === all[i - 1]);
    return before === undefined || command.options[before]!.type === 'flag';
  });

describe.each(named)('%s', (name, command) => {
  test('every example parses, and each of its words is used', () => {
    expect(command.examples.length).toBeGreaterThan(0);
    const defaults = Object.entries(defaultsOf(command.options));
    for (const { line } of command.examples) {
      const [program, ...rest] = wordsOf(line);
      const own = name.split(' ');
      expect([program, ...rest.slice(0, own.length)]).toEqual(['unspool', ...own]);
      const given = rest.slice(own.length);
      const { args, options } = parseCommand(command, given);
      const changed = Object.entries(options).filter(
        ([key, value]) => !defaults.some(([k, v]) => k === key && v === value),
      );
      expect(args.length + changed.length).toBe(withoutValues(command, given).length);
    }
  });

  test('--help shows every option and every example in at most 100 columns', async () => {
    const stdout = await here.ok(...name.split(' '), '--help');
    expect(stdout).toBe(`${commandHelp(command)}\n`);
    const shown = [...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, option]) => option);
    expect(shown.sort()).toEqual(Object.keys(command.options).map(dashed).sort());
    for (const { line, does } of command.examples) expect(stdout).toContain(`  # ${does}\n  ${line}\n`);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('every option is parsed under the name that the help shows', () => {
    const args = command.arguments.map(() => 'x');
    for (const [key, one] of Object.entries(command.options)) {
      const value = one.choices?.[0] ?? String(one.min ?? 1);
      const typed = one.type === 'flag' ? [`--${dashed(key)}`] : [`--${dashed(key)}`, value];
      const { options } = parseCommand(command, [...typed, ...args]);
      expect(options[key]).toBe(one.type === 'flag' ? true : one.type === 'text' ? value : Number(value));
    }
  });
});

test('the overview names every command, and --version is that of package.json', async () => {
  const [help, word, version] = await Promise.all([here.ok('--help'), here.ok('help'), here.ok('--version')]);
  for (const { name, summary } of COMMANDS) {
    expect(help).toMatch(new RegExp(`^ {2}${name} +${summary.split(' ').slice(0, 5).join(' ')}`, 'm'));
  }
  expect(word).toBe(help);
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('the help of a group names its commands only', async () => {
  const [help, bare] = await Promise.all([here.ok('lab', '--help'), here.run('lab')]);
  expect([...help.matchAll(/^ {2}(lab \w+|\w+) /gm)].map(([, name]) => name)).toEqual([
    'lab list',
    'lab run',
    'lab compare',
  ]);
  expect(bare).toMatchObject({ code: 2, stdout: help, stderr: '' });
});

describe('parsing', () => {
  const parse = (...argv: string[]) => parseCommand(commandOf('sample'), argv);

  test('numbers are numbers, text is text, flags are booleans, in any order, and defaults are filled in', () => {
    expect(parse('--top-k', '3', 'm', '--temperature=0.5', '--prompt', '12', '--json')).toEqual({
      args: ['m'],
      options: {
        topK: 3,
        temperature: 0.5,
        prompt: '12',
        json: true,
        quiet: false,
        length: 500,
        seed: 1,
        repetitionWindow: 64,
      },
      help: false,
    });
  });

  test('--help and -h need no arguments', () => {
    expect(parse('--help').help).toBe(true);
    expect(parse('-h').help).toBe(true);
  });

  test('an argument in brackets is optional', () => {
    expect(parseCommand(commandOf('train'), []).args).toEqual([]);
    expect(() => parseCommand(commandOf('train'), ['a', 'b'])).toThrow(new UsageError('unexpected argument "b".'));
  });

  test('the last of two values counts, and a value after = may start with a dash', () => {
    expect(parse('m', '--prompt', 'a', '--prompt=--b').options.prompt).toBe('--b');
  });

  test.each(['1e400', 'NaN', 'Infinity', '0x', '1,5', ' '])('--temperature "%s" is rejected', (text) => {
    expect(() => parse('m', `--temperature=${text}`)).toThrow(
      new UsageError(`--temperature must be a number of at least 0, got "${text}".`),
    );
  });

  test.each([
    { command: 'train', flag: '--max-steps', now: '--max-updates' },
    { command: 'train', flag: '--held-out', now: '--validation-split' },
    { command: 'train', flag: '--batch', now: '--batch-size' },
    { command: 'train', flag: '--hidden', now: '--hidden-size' },
    { command: 'train', flag: '--embedding', now: '--embedding-size' },
    { command: 'train', flag: '--clip', now: '--clip-norm' },
    { command: 'eval', flag: '--batch', now: '--batch-size' },
    { command: 'eval', flag: '--held-out', now: '--validation-split' },
    { command: 'lab compare', flag: '--units', now: '--hidden-size' },
    { command: 'lab compare', flag: '--rate', now: '--lr' },
  ])('$command: the error for $flag, of Unspool 0.1, names $now', ({ command, flag, now }) => {
    expect(() => parseCommand(commandOf(command), [flag, '1'])).toThrow(
      new UsageError(`${flag} is now called ${now}.`),
    );
  });
});

describe('any command line', () => {
  const WORDS = [
    '',
    '-',
    '--',
    '-h',
    '-x',
    '--=',
    '--x=y',
    '0',
    '-1',
    '1e400',
    'NaN',
    '__proto__',
    '--__proto__',
    '--no-json',
    '\ud800',
    '🐋',
  ];
  const optionOf = ({ options }: Command) =>
    fc.constantFrom(...Object.keys(options), '__proto__', 'constructor').map(dashed);
  const argvOf = (command: Command) => {
    const option = fc
      .tuple(optionOf(command), fc.constantFrom('', '=', '=1', '=-1', '=x'))
      .map(([name, end]) => `--${name}${end}`);
    return fc.array(fc.oneof(fc.constantFrom(...WORDS), option, fc.string()), { maxLength: 6 });
  };

  test.each(named)('%s: is parsed, or is a UsageError of one line', (_name, command) => {
    const parsed = fc.property(argvOf(command), (argv) => {
      try {
        const { options, help } = parseCommand(command, argv);
        if (!help) requireValues('', options, command.options);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/^.*\S.*$/s);
      }
    });
    fc.assert(parsed, { numRuns: 300 });
  });
});

test('every renamed setting is translated when a version-1 file is read', () => {
  const renamed = Object.entries(TRAIN_SETTINGS).flatMap(([key, { formerName }]) =>
    formerName ? [[formerName, key]] : [],
  );
  const settings = Object.fromEntries(renamed.map(([formerName]) => [formerName, 1]));
  const read = metadataFromVersion1({ settings, textSha256: '' }) as { settings: object };
  expect(Object.keys(read.settings)).toEqual(renamed.map(([, key]) => key));
});
