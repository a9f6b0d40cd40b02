/** What a command is: its options are one table, from which the parser and the help are made. */
import { parseArgs } from 'node:util';

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {}

export interface OptionSpec {
  readonly type: 'text' | 'number' | 'integer' | 'flag';
  /** What stands for the value in the help, such as FILE. */
  readonly value?: string;
  readonly help: string;
  /** Told in the help; the command applies it. */
  readonly standard?: string | number;
}

export type OptionValues = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Names as they stand in the usage line; one in brackets may be left out. */
  readonly arguments: readonly { readonly name: string; readonly help: string }[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** Returns the exit code. */
  run(args: readonly string[], options: OptionValues): Promise<number>;
}

const required = (name: string): boolean => !name.startsWith('[');

/** `hiddenSize` as `--hidden-size`. */
export const dashed = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** Throws `UsageError`. */
export function parseCommand(command: Command, argv: readonly string[]): { args: string[]; options: OptionValues } {
  const known = Object.entries({ ...command.options, help: { type: 'flag' as const, help: '' } });
  const config = Object.fromEntries(
    known.map(([key, { type }]) => [
      dashed(key),
      { type: type === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(parseProblem((error as Error).message));
  }
  const options: Record<string, string | number | boolean> = {};
  for (const [key, spec] of known) {
    const value = parsed.values[dashed(key)];
    if (value !== undefined) options[key] = typeof value === 'string' ? optionValue(dashed(key), spec, value) : !!value;
  }
  const { positionals } = parsed;
  const wanted = command.arguments;
  if (!options.help) {
    const missing = wanted.slice(positionals.length).find(({ name }) => required(name));
    if (missing) throw new UsageError(`${missing.name} is missing: ${missing.help}`);
    if (positionals.length > wanted.length)
      throw new UsageError(`"${positionals[wanted.length]}" is one word too many`);
  }
  return { args: positionals, options };
}

/** The first sentence of Node's message; of the one about `--option -3`, something shorter. */
function parseProblem(message: string): string {
  const ambiguous = /^Option '(?:-\w, )?(--[\w-]+).*' argument is ambiguous/.exec(message);
  if (ambiguous) return `${ambiguous[1]} needs a value; one that begins with a dash is written ${ambiguous[1]}=-VALUE`;
  return message.split(/\.(?: |$)|\n/)[0]!;
}

function optionValue(name: string, spec: OptionSpec, text: string): string | number {
  if (spec.type === 'text') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || (spec.type === 'integer' && !Number.isInteger(value))) {
    throw new UsageError(`--${name} needs a ${spec.type === 'integer' ? 'whole ' : ''}number, not "${text}"`);
  }
  return value;
}

export function usageLine(command: Command): string {
  return ['unspool', command.name, ...command.arguments.map((a) => a.name), '[options]'].join(' ');
}

export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([key, spec]) => {
    const left = `--${dashed(key)}${spec.type === 'flag' ? '' : ` ${spec.value ?? 'N'}`}`;
    const standard = spec.standard === undefined ? '' : ` (default ${spec.standard})`;
    return [left, `${spec.help}${standard}`] as const;
  });
  const rows = [...command.arguments.map((a) => [a.name.replace(/[[\]]/g, ''), a.help] as const), ...options];
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const table = (part: readonly (readonly [string, string])[]): string[] =>
    part.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
  return [
    `${usageLine(command)}\n\n${command.summary}\n`,
    ...table(rows),
    '\nExamples',
    ...command.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]),
  ].join('\n');
}
