/** Reads a command line against the tables of a command. */
import { parseArgs } from 'node:util';
import { type Command, type OptionValues, UsageError } from './command.js';
import { dashed, defaultsOf, problemWith, type Settings, suggestionFor } from './settings.js';

export interface ParsedCommand {
  readonly args: readonly string[];
  /** Complete: with defaults. */
  readonly options: OptionValues;
  /** `--help` or `-h` was given. Nothing else was checked for completeness then. */
  readonly help: boolean;
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/** Throws `UsageError` for an unknown option, an invalid value, and a missing or unexpected argument. */
export function parseCommand(command: Command, argv: readonly string[]): ParsedCommand {
  const keys = new Map(Object.keys(command.options).map((key) => [dashed(key), key]));
  const options: Record<string, string | number | boolean> = { ...defaultsOf(command.options) };
  const args: string[] = [];
  let help = false;
  for (const token of tokensOf(command.options, argv)) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    const key = keys.get(token.name);
    if (token.name === 'help') help = true;
    else if (key === undefined || !token.rawName.startsWith('--')) throw unknownOption(command, token);
    else options[key] = optionValue(command.options[key]!, token);
  }
  if (!help) requireArguments(command, args);
  return { args, options, help };
}

function tokensOf(settings: Settings, argv: readonly string[]): readonly Token[] {
  const types = Object.entries(settings).map(
    ([key, { type }]) => [dashed(key), { type: type === 'flag' ? 'boolean' : 'string' }] as const,
  );
  const options = { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } as const };
  return parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true }).tokens;
}

function unknownOption({ name: command, options }: Command, { name, rawName }: OptionToken): UsageError {
  const renamed = Object.entries(options).find(([, { formerName }]) => formerName && dashed(formerName) === name);
  if (renamed) return new UsageError(`${rawName} is now called --${dashed(renamed[0])}.`);
  const suggestion = suggestionFor(name, options, (option) => `--${dashed(option)}`);
  return new UsageError(`unknown option ${rawName}.${suggestion || ` Run unspool ${command} --help for all options.`}`);
}

/** The value of one option. A number may be negative; a text that starts with a dash needs `--option=`. */
function optionValue(one: Settings[string], { rawName, value, inlineValue }: OptionToken): string | number | boolean {
  if (one.type === 'flag') {
    if (value === undefined) return true;
    throw new UsageError(`${rawName} takes no value, got "${value}".`);
  }
  const isNumber = one.type !== 'text';
  if (value === undefined) throw new UsageError(`${rawName} needs a value.`);
  if (!inlineValue && value.startsWith('-') && !(isNumber && /^-[\d.]/.test(value))) {
    throw new UsageError(`${rawName} needs a value. Write ${rawName}=VALUE if the value starts with a dash.`);
  }
  const number = value.trim() === '' ? Number.NaN : Number(value);
  const parsed = isNumber && Number.isFinite(number) ? number : value;
  const problem = problemWith(one, parsed);
  if (problem !== null) throw new UsageError(`${rawName} ${problem}`);
  return parsed;
}

function requireArguments({ arguments: expected }: Command, args: readonly string[]): void {
  const missing = expected.slice(args.length).find(({ name }) => !name.startsWith('['));
  if (missing) throw new UsageError(`missing ${missing.name}: ${missing.help}.`);
  const takesMore = expected.at(-1)?.name.includes('...');
  if (args.length > expected.length && !takesMore)
    throw new UsageError(`unexpected argument "${args[expected.length]}".`);
}
