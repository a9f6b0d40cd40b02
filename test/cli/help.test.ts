/** The help: what it says can be typed. */
import { describe, expect, test } from '@jest/globals';
import { type Command, commandHelp, parseCommand, UsageError } from '../../src/cli/command.js';
import { evalCommand } from '../../src/cli/eval.js';
import { gradcheckCommand } from '../../src/cli/gradcheck.js';
import { infoCommand } from '../../src/cli/info.js';
import { labCommand } from '../../src/cli/lab.js';
import { sampleCommand } from '../../src/cli/sample.js';
import { trainCommand } from '../../src/cli/train.js';
import { folder } from './support.js';

const COMMANDS: readonly Command[] = [
  trainCommand,
  sampleCommand,
  evalCommand,
  gradcheckCommand,
  labCommand,
  infoCommand,
];
const named = COMMANDS.map((command) => [command.name, command] as const);
const here = folder();

/** A line as a shell splits it: only blanks and double quotes are used here. */
const words = (line: string): string[] => (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''));

describe.each(named)('%s', (name, command) => {
  test('every example parses', () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { line } of command.examples) {
      const [program, first, ...rest] = words(line);
      expect([program, first]).toEqual(['unspool', name]);
      const { args, options } = parseCommand(command, rest);
      expect(args.length + Object.keys(options).length).toBe(
        rest.filter((word, i) => isOwn(command, rest, word, i)).length,
      );
    }
  });

  test('--help prints it: every option, every example, at most 100 columns', async () => {
    const stdout = await here.ok(name, '--help');
    expect(stdout).toBe(`${commandHelp(command)}\n`);
    const shown = [...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, option]) => option);
    expect(shown).toHaveLength(Object.keys(command.options).length);
    for (const { line, does } of command.examples) expect(stdout).toContain(`  # ${does}\n  ${line}\n`);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('every option of the table is taken under the name that the help gives it', () => {
    for (const [, option, value] of commandHelp(command).matchAll(/^ {2}--([\w-]+)( [A-Z]+)?/gm)) {
      const { options } = parseCommand(command, [
        `--${option}`,
        ...(value ? ['1'] : []),
        ...command.arguments.map(() => 'x'),
      ]);
      const key = option!.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      expect(Object.keys(options)).toEqual([key]);
      expect(Object.keys(command.options)).toContain(key);
    }
  });
});

/** Whether a word stands for itself: not for the value of the option before it. */
function isOwn(command: Command, all: readonly string[], _word: string, i: number): boolean {
  const before = /^--([\w-]+)$/.exec(all[i - 1] ?? '')?.[1];
  const key = before?.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return key === undefined || command.options[key]?.type === 'flag';
}

test('the overview names every command; --version is the one of package.json', async () => {
  const [help, word, version] = await Promise.all([here.ok('--help'), here.ok('help'), here.ok('--version')]);
  for (const { name, summary } of COMMANDS) expect(help).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'));
  expect(word).toBe(help);
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('parsing', () => {
  const parse = (...argv: string[]) => parseCommand(sampleCommand, argv);

  test('numbers are numbers, text is text, flags are true, in any order', () => {
    expect(parse('--top-k', '3', 'm', '--temperature=0.5', '--prompt', '12', '--json')).toEqual({
      args: ['m'],
      options: { topK: 3, temperature: 0.5, prompt: '12', json: true },
    });
  });

  test('help asks for no arguments', () => {
    expect(parse('--help').options).toEqual({ help: true });
  });

  test('an argument in brackets may be left out', () => {
    expect(parseCommand(trainCommand, []).args).toEqual([]);
    expect(() => parseCommand(trainCommand, ['a', 'b'])).toThrow(new UsageError('"b" is one word too many'));
  });

  test.each(['1e400', 'NaN', 'Infinity', '0x', '1,5', ' '])('--temperature %s is refused', (text) => {
    expect(() => parse('m', `--temperature=${text}`)).toThrow(
      new UsageError(`--temperature needs a number, not "${text}"`),
    );
  });
});
